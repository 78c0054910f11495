"""Client authentication with a shared secret, with none, or by a requests auth object.

RFC 6749 §2.3.1; the names are those of the IANA registry (RFC 7591 §2).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Hashable
from typing import Any, Literal
from urllib.parse import quote, quote_plus

import requests
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth

from ..errors import ConfigurationError
from ..protocols import Authentication, ClientIdentity
from ..value import Value
from .secret import SameObject, digest


class ClientSecretBasic(Value):
    """HTTP Basic with the client's id and secret, form-encoded first (RFC 6749 §2.3.1).

    :param encoding: ``"strict"`` encodes as the RFC says, a space as ``%20`` (which every server
        understands); ``"loose"`` encodes nothing, for servers that do not decode.
    :raises ConfigurationError: if ``encoding`` is neither.

    Safe to share between threads.
    """

    __slots__ = ("encoding",)
    encoding: Literal["strict", "loose"]
    method = "client_secret_basic"
    needs_secret = True

    def __init__(self, encoding: Literal["strict", "loose"] = "strict") -> None:
        if encoding not in ("strict", "loose"):
            raise ConfigurationError('ClientSecretBasic: encoding must be "strict" or "loose"')
        self._set(encoding=encoding)

    @property
    def key_part(self) -> Hashable:
        return (self.method, self.encoding)

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        secret = identity.client_secret or ""
        encode: Callable[[str], str] = _form_encoded if self.encoding == "strict" else str
        credentials = _base64(f"{encode(identity.client_id)}:{encode(secret)}")
        return Authentication(
            auth=AuthorizationHeader(f"Basic {credentials}"),
            secrets=(*spellings(secret), credentials, _base64(f"{identity.client_id}:{secret}")),
        )

    def __repr__(self) -> str:
        return f"ClientSecretBasic(encoding={self.encoding!r})"


class ClientSecretPost(Value):
    """The client's id and secret as parameters of the body (RFC 6749 §2.3.1).

    Safe to share between threads.
    """

    __slots__ = ()
    method = "client_secret_post"
    needs_secret = True
    key_part: Hashable = (method,)

    def __init__(self) -> None:
        """It has no settings."""

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        secret = identity.client_secret or ""
        return Authentication(
            params={"client_id": identity.client_id, "client_secret": secret},
            secrets=spellings(secret),
        )

    def __repr__(self) -> str:
        return "ClientSecretPost()"


class NoClientAuthentication(Value):
    """A public client: it sends its id and proves nothing (RFC 6749 §2.3, §3.2.1)."""

    __slots__ = ()
    method = "none"
    needs_secret = False
    key_part: Hashable = (method,)

    def __init__(self) -> None:
        """It has no settings."""

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        return Authentication(params={"client_id": identity.client_id})

    def __repr__(self) -> str:
        return "NoClientAuthentication()"


class RequestsAuth(Value):
    """Any requests auth object: HTTP Digest, or a user's own.

    :param auth: a callable that takes and returns a prepared request.
    """

    __slots__ = ("auth",)
    auth: AuthBase
    needs_secret = False

    def __init__(self, auth: AuthBase) -> None:
        self._set(auth=auth)

    @property
    def method(self) -> str:
        named = self.auth if hasattr(self.auth, "__qualname__") else type(self.auth)
        return str(named.__qualname__)

    @property
    def key_part(self) -> Hashable:
        return auth_key_part(self.auth)

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        password = getattr(self.auth, "password", None)
        secrets = spellings(password) if isinstance(password, str) else ()
        return Authentication(auth=self.auth, secrets=secrets)

    def __repr__(self) -> str:
        return f"RequestsAuth(<{self.method}>)"  # its own repr may show a password


def auth_key_part(auth: Any) -> Hashable:
    """Return the parts of a requests auth object that shape the token.

    :param auth: None, a (user name, password) tuple, or a callable.
    :returns: user name and password as digests; a :class:`SameObject` if the parts are not known.
    """
    if auth is None:
        return None
    if isinstance(auth, tuple) and len(auth) == 2:  # noqa: PLR2004 - requests' (user name, password)
        auth = HTTPBasicAuth(*auth)
    if type(auth) in (HTTPBasicAuth, HTTPDigestAuth):
        return (type(auth).__qualname__, digest(str(auth.username)), digest(str(auth.password)))
    return SameObject(auth)


def spellings(secret: str) -> tuple[str, ...]:
    """Return the spellings in which a server may repeat a secret: encoded or escaped."""
    encoded = _form_encoded(secret)
    lower = re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), encoded)
    html = secret
    for character, entity in _HTML:
        html = html.replace(character, entity)
    escaped = {
        html,
        html.replace("&#x27;", "&#39;"),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        secret.encode().decode("latin-1"),  # read from a header
        _base64(secret),
    }
    return (secret, encoded, lower, quote_plus(secret), *sorted(escaped - {secret}))


_HTML = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#x27;"))


class AuthorizationHeader(AuthBase):
    """An auth object that sets a header; with any auth object, requests does not read netrc."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._value
        return request


def _form_encoded(text: str) -> str:
    # The form encoding of RFC 6749 Appendix B, with a space as %20: also valid, and understood by
    # servers that only decode percent signs.
    return quote(text, safe="")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
