"""The authorization server: its endpoints, and how they are reached (RFC 6749 §3.2, RFC 8414)."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

import requests

from .client_auth import auth_key_part
from .client_secret import digest
from .errors import ConfigurationError
from .exchange_failure import without_query
from .origin import Origin

LONGEST_TIMEOUT = 86_400.0  # seconds; beyond some centuries sockets and locks overflow


@dataclass(frozen=True)
class AuthorizationServer:
    """An authorization server and how it is reached.

    :param token_endpoint: str, its absolute http(s) URL, without fragment or userinfo.
    :param body_format: ``"form"`` (RFC 6749 §4.4.2) or ``"json"``, for servers that want that.
    :param session: a :class:`requests.Session` for these requests, never the API's: its proxies,
        ``verify``, ``cert``, headers and adapters are yours to set. None: a new one for each
        token request, with the environment's proxies and CA bundle. netrc is never used.
    :param timeout: seconds to connect and seconds to wait for each piece of an answer, as a pair
        or as one number for both; their sum is the most that one exchange can take.
    :param allow_http: bool, whether plain http beyond loopback is accepted.
    :raises ConfigurationError: when a setting is wrong.

    Frozen; as safe to share between threads as its ``session`` is.
    """

    token_endpoint: str
    body_format: Literal["form", "json"] = field(default="form", kw_only=True)
    session: requests.Session | None = field(default=None, kw_only=True, repr=False)
    timeout: tuple[float, float] | float = field(default=(5.0, 30.0), kw_only=True)
    allow_http: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        check_url(self.token_endpoint, "token_endpoint", allow_http=self.allow_http)
        if self.body_format not in ("form", "json"):
            raise ConfigurationError('body_format must be "form" or "json"')
        if self.session is not None and not isinstance(self.session, requests.Session):
            raise ConfigurationError("session must be a requests.Session, or None")
        object.__setattr__(self, "timeout", _timeout(self.timeout))

    def __repr__(self) -> str:
        return f"AuthorizationServer({without_query(self.token_endpoint)!r})"

    @property
    def connect_and_read_timeout(self) -> tuple[float, float]:
        """``timeout`` as a pair, seconds."""
        assert isinstance(self.timeout, tuple)  # noqa: S101 - __post_init__ made it one
        return self.timeout

    @property
    def key_part(self) -> Hashable:
        """What of it shapes a token: its URL, and what the session adds to each request."""
        return (self.token_endpoint, _session_key_part(self.session))


def check_url(url: object, what: str, *, allow_http: bool) -> None:
    """Checks the URL of an endpoint; no message shows its userinfo, query or fragment.

    :param url: what was set.
    :param what: str, its name in the message.
    :param allow_http: bool, whether plain http beyond loopback is accepted.
    :raises ConfigurationError: when it is no absolute http(s) URL that can be trusted.
    """
    if not isinstance(url, str) or not url:
        raise ConfigurationError(f"{what} is missing: write its URL, https://...")
    origin, reason = _origin(url)
    if origin is None:
        raise ConfigurationError(f"{what} is no URL that can be used: {reason}")
    if "@" in urlsplit(url).netloc:
        raise ConfigurationError(f"{what} (at {origin}) holds a user name: leave it out")
    shown = without_query(url)
    if "#" in url:
        raise ConfigurationError(f"{what} ({shown!r}) has a fragment: leave out # and the rest")
    if " " in url or not url.isprintable():
        raise ConfigurationError(f"{what} ({shown!r}) holds white space or a control character")
    if origin.scheme == "http" and not origin.is_loopback and allow_http is not True:
        raise ConfigurationError(
            f"{what} ({shown!r}) would send secrets over plain http: write https://, or, "
            f"where the network is trusted, AuthorizationServer(url, allow_http=True)"
        )


def _origin(url: str) -> tuple[Origin | None, str]:
    try:
        return Origin.from_url(url), ""
    except ValueError as error:
        return None, str(error)


def _timeout(value: Any) -> tuple[float, float]:
    pair = value if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) == 2 and all(_is_duration(part) for part in pair):  # noqa: PLR2004 - a pair
        return (float(pair[0]), float(pair[1]))
    raise ConfigurationError(
        "timeout must be seconds, above zero and at most a day, one number or (connect, read): a "
        "token request without a timeout could hang for ever"
    )


def _is_duration(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return 0 < value <= LONGEST_TIMEOUT


def _session_key_part(session: requests.Session | None) -> Hashable:
    if session is None:
        return None
    defaults = requests.utils.default_headers()
    own_headers = sorted(
        (name.lower(), digest(value or ""))
        for name, value in session.headers.items()
        if defaults.get(name) != value
    )
    cert = session.cert
    return (
        auth_key_part(session.auth),
        tuple(cert) if isinstance(cert, (tuple, list)) else cert,
        tuple(own_headers),
    )
