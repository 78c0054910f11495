"""The key file of a Google service account, as the settings of a JWT bearer grant."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from .parameters import scope_text


def service_account_settings(given: object, scope: str | Iterable[str]) -> dict[str, Any]:
    """The arguments of a :class:`~requests_cc.JWTBearer` for a service account.

    :param given: path of the account's JSON key file, or what it holds as a mapping.
    :param scope: str, or iterable of str.
    :raises ConfigurationError: when that is no key file of a service account.
    """
    account = given if isinstance(given, Mapping) else _json_in(given)
    members = account if isinstance(account, Mapping) else {}
    names = ("client_email", "private_key", "private_key_id", "token_uri")
    missing = [n for n in names if not isinstance(members.get(n), str) or not members[n]]
    if missing:
        raise ConfigurationError(
            f"this is no key file of a Google service account: it has no {', '.join(missing)}; "
            f"download one for the account, of the type JSON"
        )
    words = scope_text(scope)
    if words is None:
        raise ConfigurationError("scope is missing: Google gives no token without one")
    return {
        "server": members["token_uri"],
        "issuer": members["client_email"],
        "key": members["private_key"],
        "kid": members["private_key_id"],
        "lifetime": 3600,
        "claims": {"scope": words, "jti": None},  # Google's example has no jti
    }


def _json_in(path: object) -> object:
    if not isinstance(path, (str, PathLike)):
        raise ConfigurationError("path_or_dict must be the path of a key file, or what it holds")
    # Whoever has the file's text in a variable: no message may repeat it as a path.
    if any(sign in str(path) for sign in ("{", "\n", "-----BEGIN")):
        raise ConfigurationError(
            "path_or_dict is no path but what a key file holds: write json.loads(text)"
        )
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except (ValueError, RecursionError):
        reason = "it is no JSON"
    raise ConfigurationError(f"the service account's key file {path} cannot be read: {reason}")
