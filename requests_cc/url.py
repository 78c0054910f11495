"""The origin of a URL, which decides whether an access token may be sent to it.

One grammar, stricter than RFC 3986, comes before every other parser. If it accepts a URL,
`urllib.parse`, urllib3 and `requests` all read the same authority in it. A URL that they might read
differently has no origin. Nothing after the authority is checked.
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

from requests.models import PreparedRequest

from .errors import ConfigurationError
from .settings import check_bool

_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_PORT = 65535

_ASCII = "".join(map(chr, range(0x80)))
# No backslash (urllib3 ends the authority there, `urlsplit` does not), no white space or control
# character (`urlsplit` deletes some), no "%" in a host (urllib3 2 decodes "%2e", 1.26 does not;
# no two of them agree on an IPv6 zone).
_IN_USER = frozenset(c for c in _ASCII if c.isprintable()) - set(" #/?[\\]")
_NOT_IN_LABEL = frozenset(c for c in _ASCII if not c.isalnum()) - set("-_")
_IN_ADDRESS = frozenset("0123456789abcdefABCDEF:.")


class Origin(NamedTuple):
    """Scheme, host and port of a URL (RFC 6454 section 4); make one with :meth:`from_url`.

    Two origins are equal if `requests` would connect to the same place. With a trailing dot it is
    another host name, as in browsers. Immutable, so safe to share between threads.

    :param scheme: ``http`` or ``https``.
    :param host: in lower case; an internationalized name as A-labels, an IPv6 address compressed
        and without its brackets.
    :param port: 1 to 65535; the scheme's default if the URL names none.
    """

    scheme: str
    host: str
    port: int

    @classmethod
    def from_url(cls, url: str) -> Origin:
        """Return the origin of an http or https URL; userinfo, path and query do not count.

        :param url: as a caller writes it, or as `requests` prepared it.
        :raises ValueError: if it is not such a URL, or if parsers could disagree about its host or
            port. The message repeats no part of the URL, which may hold a secret.
        """
        parts = _parts(url) if isinstance(url, str) else None
        if parts is None:
            raise ValueError(
                "expected a str with an absolute http or https URL such as https://host/ or "
                "https://host:8443/, without white space, a backslash or a percent-encoded host"
            )
        scheme, written, digits = parts
        port = int(digits or _DEFAULT_PORTS[scheme])
        if not 1 <= port <= _MAX_PORT:
            raise ValueError(f"the port of the URL is not between 1 and {_MAX_PORT}")
        host = _canonical_host(written)
        if host is None:
            raise ValueError("the host of the URL is neither an IPv6 address nor a valid name")
        return cls(scheme, host, port)

    @property
    def is_loopback(self) -> bool:
        """True if the host is ``localhost``, in ``127.0.0.0/8`` or ``::1``, spelled in full."""
        if self.host in ("localhost", "::1"):
            return True
        try:
            return ipaddress.IPv4Address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The URL prefixes, each with a trailing slash, with which only this origin's URLs begin.

        A default port gives two: without the port, as most URLs are written, and with it.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        with_port = f"{self.scheme}://{host}:{self.port}/"
        if self.port != _DEFAULT_PORTS.get(self.scheme):
            return (with_port,)
        return f"{self.scheme}://{host}/", with_port

    def __str__(self) -> str:
        """Return the origin as in RFC 6454 section 6.2: no trailing slash and no default port."""
        return self.prefixes[0].removesuffix("/")


def _parts(url: str) -> tuple[str, str, str] | None:
    """Return the scheme, the host and the digits of the port; None if there is any doubt."""
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    authority = rest.partition("/")[0].partition("?")[0].partition("#")[0]
    user, _, place = authority.rpartition("@")
    if place.startswith("["):
        address, bracket, behind = place[1:].partition("]")
        host, colon, digits = f"[{address}]", behind[:1], behind[1:]
        valid = bool(bracket and address) and _IN_ADDRESS.issuperset(address)
    else:
        host, colon, digits = place.partition(":")
        valid = all(map(_is_label, host.removesuffix(".").split(".")))
    significant = digits.lstrip("0") or digits[-1:]
    if (
        not valid
        or scheme not in _DEFAULT_PORTS
        or not _IN_USER.issuperset(user)
        or colon not in ("", ":")
        or not (significant == "" or (significant.isascii() and significant.isdigit()))
        or len(significant) > len(str(_MAX_PORT))
    ):
        return None
    return scheme, host, significant


def _is_label(text: str) -> bool:
    return text != "" and _NOT_IN_LABEL.isdisjoint(text)


def _canonical_host(host: str) -> str | None:
    """Return the spelling in which a host is compared; None if it is not a valid host."""
    try:
        if host.startswith("["):
            return ipaddress.IPv6Address(host[1:-1]).compressed
        if host.isascii():
            return host.lower()
        # The spelling that `requests` makes of the name is the one that it connects to.
        prepared = PreparedRequest()
        prepared.prepare_url(f"https://{host}/", None)
        return urlsplit(str(prepared.url)).hostname
    except ValueError:
        return None


def without_query(url: str) -> str:
    """Return a URL as a message may show it: queries can hold keys."""
    return urlsplit(url)._replace(query="", fragment="").geturl()


def check_url(
    url: object,
    what: str,
    *,
    allow_http: bool,
    advice: str = "pass AuthorizationServer(url, allow_http=True)",
) -> None:
    """Check the URL of an endpoint; no message shows its userinfo, query or fragment.

    :param url: what was set.
    :param what: str, its name in the message.
    :param allow_http: bool, whether plain http beyond loopback is accepted.
    :param advice: str, what to do if the network is trusted.
    :raises ConfigurationError: if it is not an absolute http(s) URL, holds a user name, fragment or
        white space, or uses http without ``allow_http``; or if that is not a bool.
    """
    check_bool(allow_http, "allow_http")
    if not isinstance(url, str) or not url:
        raise ConfigurationError(f"{what} is missing: pass its URL, https://...")
    origin, reason = _origin(url)
    if origin is None:
        raise ConfigurationError(f"{what} is not a valid URL: {reason}")
    if "@" in urlsplit(url).netloc:
        raise ConfigurationError(f"{what} (at {origin}) holds a user name; leave it out")
    shown = without_query(url)
    if "#" in url:
        raise ConfigurationError(f"{what} ({shown!r}) has a fragment; leave out # and the rest")
    if " " in url or not url.isprintable():
        raise ConfigurationError(f"{what} ({shown!r}) holds white space or a control character")
    if origin.scheme == "http" and not origin.is_loopback and not allow_http:
        raise ConfigurationError(
            f"{what} ({shown!r}) uses plain http; use https://, or, if the network is trusted, "
            f"{advice}"
        )


def _origin(url: str) -> tuple[Origin | None, str]:
    try:
        return Origin.from_url(url), ""
    except ValueError as error:
        return None, str(error)
