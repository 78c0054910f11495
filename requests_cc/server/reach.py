"""Session, timeouts and plain http: the settings with which a server is reached."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, TypeAlias

import requests

from ..client_auth.basic import auth_key_part
from ..client_auth.secret import digest
from ..errors import ConfigurationError
from ..settings import check_bool, is_number
from ..value import Value

LONGEST_TIMEOUT = 86_400.0  # seconds; beyond some centuries sockets and locks overflow

#: Seconds to connect and seconds to wait for each piece of a response, or one number for both.
Timeout: TypeAlias = "tuple[float, float] | float"


class Reach(Value):
    """The settings to reach a server with; see :class:`~requests_cc.AuthorizationServer`.

    :param session: a :class:`requests.Session`, or None for a new one each time.
    :param timeout: the connect and the read timeout, seconds.
    :param allow_http: bool, whether plain http beyond loopback is accepted.
    """

    __slots__ = ("allow_http", "session", "timeout")
    session: requests.Session | None
    timeout: tuple[float, float]
    allow_http: bool

    def __init__(
        self, session: requests.Session | None, timeout: tuple[float, float], *, allow_http: bool
    ) -> None:
        self._set(session=session, timeout=timeout, allow_http=allow_http)

    @classmethod
    def checked(cls, session: object, timeout: Any, allow_http: bool) -> Reach:
        """Validate the settings.

        :raises ConfigurationError: if one is wrong.
        """
        if session is not None and not isinstance(session, requests.Session):
            raise ConfigurationError("session must be a requests.Session, or None")
        check_bool(allow_http, "allow_http")
        return cls(session, _pair(timeout), allow_http=allow_http)

    @property
    def stamp(self) -> Hashable:
        """Changes when what the session adds to each request does, and is quick to read.

        None without a session.
        """
        session = self.session
        if session is None:
            return None
        cert = session.cert
        return (
            auth_key_part(session.auth),
            tuple(cert) if isinstance(cert, list) else cert,
            tuple(session.headers.items()),
            repr(session.params) if session.params else None,
        )

    @property
    def key_part(self) -> Hashable:
        """The part of a cache key for what the session adds to each request."""
        session = self.session
        if session is None:
            return None
        defaults = requests.utils.default_headers()
        own_headers = sorted(
            (name.lower(), digest(value or ""))
            for name, value in session.headers.items()
            if defaults.get(name) != value
        )
        return (
            auth_key_part(session.auth),
            _cert_key_part(session.cert),
            tuple(own_headers),
            _params_key_part(session.params),
        )


def _params_key_part(params: Any) -> str | None:
    """Return a digest of the query that a session adds to each URL: it can hold keys."""
    if not params:
        return None
    return digest(str(requests.Request("GET", "https://localhost/", params=params).prepare().url))


def _cert_key_part(cert: Any) -> Hashable:
    if cert is None:
        return None
    # Imported here: few sessions have a certificate.
    from ..client_auth.certificate import thumbprint  # noqa: PLC0415

    try:
        return thumbprint(cert)
    except ConfigurationError:
        # Not a PEM file: an adapter of the user's may read it, and otherwise the request fails.
        return tuple(cert) if isinstance(cert, (tuple, list)) else cert


def _pair(timeout: Any) -> tuple[float, float]:
    pair = timeout if isinstance(timeout, (tuple, list)) else (timeout, timeout)
    if len(pair) == 2 and all(_is_duration(part) for part in pair):  # noqa: PLR2004 - a pair
        return (float(pair[0]), float(pair[1]))
    raise ConfigurationError(
        "timeout must be one number of seconds or a pair (connect, read), each above zero and at "
        "most a day: a token request without a timeout could hang forever"
    )


def _is_duration(value: object) -> bool:
    return is_number(value) and 0 < value <= LONGEST_TIMEOUT
