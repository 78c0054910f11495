"""``requests-cc decode``: what a JWT says, offline. Nothing is verified."""

from __future__ import annotations

import argparse
import base64
import json
import sys
from typing import Any

from .output import DONE, UsageError, moment, relative, result, safe

_SIGNED, _ENCRYPTED = 3, 5  # parts (RFC 7515 §7.1, RFC 7516 §7.1)
_MOMENTS = {
    "exp": ("expires in {}", "expired {} ago"),
    "nbf": ("valid in {}", "valid for {} already"),
    "iat": ("issued in {}: check the clocks", "issued {} ago"),
    "auth_time": ("in {}", "{} ago"),
}
_UNVERIFIED = "Nothing is verified: anybody can write a token that says this."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the argument of this verb."""
    add_token_argument(parser)


def add_token_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument that is a token."""
    parser.add_argument(
        "token",
        metavar="TOKEN",
        nargs="?",
        default="-",
        help="the token; - or nothing: one line of standard input",
    )


def token_in(arguments: argparse.Namespace) -> str:
    """Return the token, from the argument or from standard input.

    :raises UsageError: if there is none.
    """
    text: str = arguments.token
    if text == "-":
        if sys.stdin.isatty():
            raise UsageError("a token is missing: pass one, or pipe it into standard input")
        text = sys.stdin.readline()
    text = text.strip()
    if text.lower().startswith("authorization:"):
        text = text.partition(":")[2].strip()
    token = text.split()[-1] if text else ""
    if not token:
        raise UsageError("the token is empty: pass one, or pipe it into standard input")
    return token


def run(arguments: argparse.Namespace) -> int:
    """Print header and claims of a JWT.

    :raises UsageError: if it is not a JWT.
    """
    parts = token_in(arguments).split(".")
    if len(parts) not in (_SIGNED, _ENCRYPTED):
        raise UsageError(
            "the token is opaque, not a JWT: only the authorization server knows what it means; "
            "use requests-cc introspect"
        )
    header = _object(parts[0], "header")
    if len(parts) == _ENCRYPTED:
        _print("Header", header)
        result("\nThe claims are encrypted: only the API that the token is for can read them.")
        return DONE
    claims = _object(parts[1], "claims")
    _print("Header", header)
    result("")
    _print("Claims", claims)
    result(f"\n{_UNVERIFIED}")
    return DONE


def _object(part: str, what: str) -> dict[str, Any]:
    try:
        value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return value
    raise UsageError(
        f"the {what} of the token cannot be read: it is not a JWT, or a part of it is missing"
    )


def _print(title: str, members: dict[str, Any]) -> None:
    result(title)
    width = max((len(safe(name)) for name in members), default=0)
    for name, value in members.items():
        result(f"  {safe(name):<{width}}  {in_words(name, value)}")


def in_words(name: str, value: object) -> str:
    """Return a claim's value; a moment also as a date and as how far away it is.

    :param name: str, the claim's.
    :param value: as JSON has it.
    """
    if isinstance(value, str):
        return safe(value)
    shown = safe(json.dumps(value, ensure_ascii=False))
    if name not in _MOMENTS or isinstance(value, bool) or not isinstance(value, (int, float)):
        return shown
    return f"{shown}  {moment(value)}, {relative(value, *_MOMENTS[name])}"
