"""From the key file of a Google service account to the settings of a JWT bearer grant."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any

from ..client_auth.secret import LARGEST_FILE
from ..errors import ConfigurationError
from ..settings import contents
from .parameters import scope_text


def service_account_settings(
    given: object, scope: str | Iterable[str] | None, target_audience: str | None
) -> dict[str, Any]:
    """Return the arguments of a :class:`~requests_cc.JWTBearer` for a service account.

    :param given: path of the account's JSON key file, or its contents as a mapping.
    :param scope: str, or iterable of str; for an access token.
    :param target_audience: str, in its place: the audience of an ID token.
    :raises ConfigurationError: if it is not the key file of a service account.
    """
    account = given if isinstance(given, Mapping) else _json_in(given)
    members = account if isinstance(account, Mapping) else {}
    names = ("client_email", "private_key", "private_key_id", "token_uri")
    missing = [n for n in names if not isinstance(members.get(n), str) or not members[n]]
    if missing:
        raise ConfigurationError(
            f"path_or_dict is not the key file of a Google service account: it has no "
            f"{', '.join(missing)}; download the account's key as JSON"
        )
    words = scope_text(scope)
    if (words is None) == (target_audience is None):
        raise ConfigurationError(
            "scope is missing: Google issues no token without one; or pass target_audience= for an "
            "ID token"
            if words is None
            else "target_audience is for an ID token, which has no scope: leave one of them out"
        )
    claims = {"jti": None}  # Google's example has none
    return {
        "server": members["token_uri"],
        "issuer": members["client_email"],
        "key": members["private_key"],
        "kid": members["private_key_id"],
        "lifetime": 3600,
        "target_audience": target_audience,
        "claims": claims if words is None else {"scope": words, **claims},
    }


def _json_in(path: object) -> object:
    if not isinstance(path, (str, PathLike)):
        raise ConfigurationError(
            "path_or_dict must be the path of a key file, or its contents as a dict"
        )
    # No message may repeat the file's text as a path.
    if any(sign in str(path) for sign in ("{", "\n", "-----BEGIN")):
        raise ConfigurationError(
            "path_or_dict looks like the contents of a key file: pass its path, or json.loads(text)"
        )
    problem = f"the service account's key file {path} cannot be read"
    try:
        return json.loads(contents(os.fspath(path), LARGEST_FILE))
    except OSError as error:
        raise ConfigurationError(f"{problem}: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise ConfigurationError(f"{problem}: it is not JSON") from None
