"""How a server is reached: through which session, how patiently, and whether over plain http."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

import requests

from ..client_auth.basic import auth_key_part
from ..client_auth.certificate import thumbprint
from ..client_auth.secret import digest
from ..errors import ConfigurationError
from ..url import check_url

LONGEST_TIMEOUT = 86_400.0  # seconds; beyond some centuries sockets and locks overflow

#: Seconds to connect and seconds to wait for each piece of an answer, or one number for both.
Timeout: TypeAlias = "tuple[float, float] | float"


class Reach(NamedTuple):
    """How a server is reached; see :class:`~requests_cc.AuthorizationServer`.

    :param session: a :class:`requests.Session`, or None for a new one each time.
    :param timeout: the connect and the read timeout, seconds.
    :param allow_http: bool, whether plain http beyond loopback is accepted.
    """

    session: requests.Session | None
    timeout: tuple[float, float]
    allow_http: bool

    @classmethod
    def checked(cls, session: object, timeout: Any, allow_http: bool) -> Reach:
        """Reads the settings.

        :raises ConfigurationError: when one is wrong.
        """
        if session is not None and not isinstance(session, requests.Session):
            raise ConfigurationError("session must be a requests.Session, or None")
        return cls(session, _pair(timeout), allow_http)

    @property
    def key_part(self) -> Hashable:
        """What the session adds to each request, and so may shape a token."""
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
    """A digest of what a session adds to the query of each URL: it can hold keys."""
    if not params:
        return None
    return digest(str(requests.Request("GET", "https://localhost/", params=params).prepare().url))


def _cert_key_part(cert: Any) -> Hashable:
    if cert is None:
        return None
    try:
        return thumbprint(cert)
    except ConfigurationError:
        # No PEM file: an adapter of the user's reads what it stands for, or the request will say.
        return tuple(cert) if isinstance(cert, (tuple, list)) else cert


def _pair(timeout: Any) -> tuple[float, float]:
    pair = timeout if isinstance(timeout, (tuple, list)) else (timeout, timeout)
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


def names(several: Iterable[str] | None, setting: str) -> tuple[str, ...] | None:
    """A setting that is a list of names, or not set.

    :param several: what was set.
    :param setting: str, its name in the message.
    :raises ConfigurationError: when it is empty, or anything else.
    """
    if several is None:
        return None
    listed = isinstance(several, Iterable) and not isinstance(several, (str, bytes))
    read = tuple(several) if listed else ()
    if not read or not all(isinstance(name, str) for name in read):
        raise ConfigurationError(f"{setting} must be one or more str, in a list, or None")
    return read


def trusted_issuers(issuers: Iterable[str] | None, *, allow_http: bool) -> tuple[str, ...] | None:
    """The issuers that a protected resource may name; None: any.

    :raises ConfigurationError: when one is no URL that can be trusted.
    """
    trusted = names(issuers, "issuers")
    for url in trusted or ():
        check_url(url, "each of issuers", allow_http=allow_http)
    return trusted


def endpoint_aliases(aliases: object) -> dict[str, str] | None:
    """``mtls_endpoint_aliases``, copied; its URLs are not checked here.

    :raises ConfigurationError: when it is no mapping.
    """
    if aliases is None:
        return None
    if not isinstance(aliases, Mapping):
        raise ConfigurationError(
            "mtls_endpoint_aliases must be a mapping from an endpoint's name to its URL"
        )
    return dict(aliases)


def check_optional_urls(urls: Mapping[str, str | None], *, allow_http: bool) -> None:
    """Checks those that are set.

    :param urls: mapping from a setting's name in the message to what was set.
    :raises ConfigurationError: when one cannot be trusted.
    """
    for setting, url in urls.items():
        if url is not None:
            check_url(url, setting, allow_http=allow_http)


def check_body_format(body_format: object) -> None:
    """Checks how the parameters of a token request are to be written.

    :raises ConfigurationError: when it is neither ``"form"`` nor ``"json"``.
    """
    if body_format not in ("form", "json"):
        raise ConfigurationError('body_format must be "form" or "json"')
