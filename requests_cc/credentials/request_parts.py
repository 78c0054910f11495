"""The parts of a request of another form: what is sent, part of it read anew for each attempt."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from typing import Any

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from ..client_auth.basic import AuthorizationHeader, RequestsAuth, auth_key_part, spellings
from ..client_auth.secret import digest
from ..errors import ConfigurationError
from ..protocols import Authentication, ClientIdentity, is_source
from ..settings import is_number, required_text
from .supplied_token import SuppliedToken

LONG_ENOUGH_TO_HIDE = 4  # characters; whatever is shorter is also a word of the server's
_NAMES_OF_SECRETS = ("pass", "pwd", "secret", "key", "token", "pin", "code", "otp")


class Prepared(AuthBase):
    """The parts of one attempt, as an auth object that adds the bearer or the user's own.

    :param parts: mapping, ``headers``, ``params``, ``data`` and ``json`` as requests takes them.
    :param auth: a requests auth object, or None.
    """

    def __init__(self, parts: Mapping[str, Any], auth: AuthBase | None) -> None:
        self.parts = parts
        self.auth = auth

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        assert self.auth is not None  # noqa: S101 - it is not used without one
        return self.auth(request)


class RequestParts:
    """The headers, query and body of a request, in the place of client authentication.

    :param auth: a requests auth object, a (user name, password) pair, a source, or None.
    :param headers: mapping, or None; likewise ``query``, ``data`` (or str, bytes) and ``json``
        (or whatever JSON can hold). A value, at any depth, may be a callable or a source.
    :raises ConfigurationError: if one is wrong.

    As safe to share between threads as the callables and sources are.
    """

    method = "this request"
    needs_secret = False

    def __init__(self, auth: object, **parts: object) -> None:
        self._bearer = SuppliedToken(auth, "auth") if is_source(auth) else None
        self._auth = None if self._bearer else _requests_auth(auth)
        self._parts = {name: _template(part, name) for name, part in parts.items()}

    @property
    def key_part(self) -> Hashable:
        """The part of a cache key: digests, and what the callables and sources are."""
        bearer = self._bearer and self._bearer.key_part
        auth = self._auth and auth_key_part(self._auth)
        return (bearer, auth, _key_part(self._parts))

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        secrets: list[str] = []
        parts = _read(self._parts, secrets)
        _check_headers(parts["headers"] or {})
        auth = self._auth
        if self._bearer is not None:
            token = self._bearer.read()
            secrets.append(token)
            auth = AuthorizationHeader(f"Bearer {token}")
        elif auth is not None:
            secrets += RequestsAuth(auth).authenticate(identity).secrets
        spelled = [spelling for secret in secrets for spelling in spellings(secret)]
        return Authentication(auth=Prepared(parts, auth), secrets=tuple(spelled))


def _requests_auth(auth: Any) -> AuthBase | None:
    if auth is None:
        return None
    if isinstance(auth, (tuple, list)) and len(auth) == 2:  # noqa: PLR2004 - requests' pair
        return HTTPBasicAuth(*auth)
    if isinstance(auth, type) or not callable(auth):
        raise ConfigurationError(
            "auth must be a requests auth object, a (user name, password) pair, or a source whose "
            "token is sent as Bearer"
        )
    callable_auth: AuthBase = auth  # requests takes any callable
    return callable_auth


def _template(value: Any, name: str) -> Any:
    """Return a checked copy in which callables and sources are supplied tokens."""
    if isinstance(value, float) and not is_number(value):
        raise ConfigurationError(f"{name} must be a finite number: JSON has no other")
    if value is None or isinstance(value, (str, bytes, bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {
            required_text(key, f"each name in {name}"): _template(member, f"{name}[{key!r}]")
            for key, member in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_template(member, f"{name}[{number}]") for number, member in enumerate(value)]
    return SuppliedToken(value, name)


def _check_headers(headers: Mapping[str, object]) -> None:
    for name, value in headers.items():
        # What requests says of such a value repeats it.
        if not isinstance(value, str) or value != value.strip() or not value.isprintable():
            raise ConfigurationError(
                f"the value of headers[{name!r}] must be a str without a line end or white space "
                f"around it"
            )


def _read(template: Any, secrets: list[str], name: str = "") -> Any:
    """Return what is sent in one attempt, and collect what no message may show."""
    if isinstance(template, SuppliedToken):
        value = template.read()
        secrets.append(value)
        return value
    if isinstance(template, dict):
        return {key: _read(member, secrets, key) for key, member in template.items()}
    if isinstance(template, list):
        return [_read(member, secrets, name) for member in template]
    text = template.decode("utf-8", "replace") if isinstance(template, bytes) else template
    if isinstance(text, str) and (len(text) >= LONG_ENOUGH_TO_HIDE or _is_secret(name)):
        secrets.append(text)
    return template


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in _NAMES_OF_SECRETS)


def _key_part(template: Any) -> Hashable:
    if isinstance(template, SuppliedToken):
        return ("supplied", template.key_part)
    if isinstance(template, dict):
        return ("members", *((name, _key_part(template[name])) for name in sorted(template)))
    if isinstance(template, list):
        return ("items", *map(_key_part, template))
    if isinstance(template, bytes):
        return ("bytes", digest(template))
    return ("value", digest(json.dumps(template)))
