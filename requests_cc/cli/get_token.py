"""``requests-cc token``: the token alone on stdout."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from .options import add_client_options, add_store_option
from .output import DONE, duration, moment, note, result, safe
from .settings import Settings, cache_for

if TYPE_CHECKING:
    from ..access_token import AccessToken


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--header", action="store_true", help='print the whole header, for curl -H "$(...)"'
    )
    form.add_argument(
        "--json", action="store_true", help="print all members of the response, as JSON"
    )
    add_store_option(parser)
    add_client_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a token."""
    credentials = Settings(arguments).client(session_for(arguments))
    if arguments.store is None:
        token = credentials.request_token()
    else:
        token = cache_for(arguments.store).token(credentials)
    if arguments.header:
        result(f"Authorization: {token.authorization}")
    elif arguments.json:
        result(json.dumps(_members(token), indent=2))
    else:
        result(token.value)
    if sys.stdout.isatty() or arguments.verbose:
        note(in_words(token, credentials.scope))
    return DONE


def session_for(arguments: argparse.Namespace) -> Any:
    """Return the session that ``-v`` watches, or None."""
    if not arguments.verbose:
        return None
    from .wire import Wire, watched_session  # noqa: PLC0415 - for -v alone

    return watched_session(Wire(verbose=True))


def in_words(token: AccessToken, asked_scope: str | None) -> str:
    """Return what is known of a token, and nothing of its value.

    :param asked_scope: str, what was asked for, or None.
    """
    words = [token.token_type]
    if token.expires_at is None:
        words.append("without an expiry")
    else:
        left = duration(token.expires_in or 0.0)
        words.append(f"expires in {left} ({moment(token.expires_at)})")
    if token.scope is not None:
        words.append(f"scope {safe(token.scope)}")
    if asked_scope is not None and (token.scope or "").split() != asked_scope.split():
        granted = "" if token.scope is not None else "scope not named, "
        words.append(f"{granted}asked for {safe(asked_scope)}")
    return ", ".join(words)


def _members(token: AccessToken) -> dict[str, Any]:
    """Return the members of the token response, with the moments that they stand for."""
    left = token.expires_in
    known = {
        "access_token": token.value,
        "token_type": token.token_type,
        "expires_in": None if left is None else round(left),
        "expires_at": None if token.expires_at is None else moment(token.expires_at),
        "scope": token.scope,
    }
    return {**{name: v for name, v in known.items() if v is not None}, **token.extra}
