"""The URLs that a token may be sent to."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from ..errors import ConfigurationError
from ..protocols import resource_servers_of
from ..settings import check_bool
from ..url import Origin

MAX_WARNINGS = 100  # for one adapter: one that is mounted on https:// may see any number of hosts

logger = logging.getLogger("requests_cc")


class Audience:
    """The origins that a token may be sent to.

    :param origins: URLs, of which scheme, host and port count.
    :param allow_http: bool, whether plain http beyond loopback is accepted.
    :raises ConfigurationError: if an entry is not an http(s) URL, or uses plain http.

    Safe to share between threads.
    """

    def __init__(self, origins: Iterable[str], *, allow_http: bool) -> None:
        check_bool(allow_http, "allow_http")
        self._named = {_checked(url, allow_http=allow_http) for url in origins}
        self.origins = tuple(sorted(str(origin) for origin in self._named))
        #: A URL is for this audience if it, up to the slash after the host, is one of these.
        self.prefixes = frozenset(p for origin in self._named for p in origin.prefixes)
        self._warned: set[str] = set()

    def includes(self, url: str) -> bool:
        """Return whether a URL's origin is one of these; an ambiguous URL's is not."""
        try:
            origin = Origin.from_url(url)
        except ValueError:
            self._warn_once("a URL whose origin is ambiguous")
            return False
        if origin in self._named:
            return True
        self._warn_once(str(origin))
        return False

    def includes_host(self, url: str, host: str) -> bool:
        """Return whether a request with this ``Host`` header is for these origins.

        :param url: str, one of this audience.
        :param host: str, the header: the server behind an address may serve several names.
        """
        scheme = url.partition(":")[0]
        try:
            origin = Origin.from_url(f"{scheme}://{host}/")
        except ValueError:
            origin = None
        if origin in self._named:
            return True
        self._warn_once(f"the host of a Host header, {origin or 'which is not valid'}")
        return False

    def _warn_once(self, stranger: str) -> None:
        if stranger not in self._warned and len(self._warned) < MAX_WARNINGS:
            self._warned.add(stranger)
            logger.warning(
                "no token sent to %s: not one of this adapter's origins (%s); if it is your API, "
                "add it to origins=[...]",
                stranger,
                ", ".join(self.origins),
            )


def origins_of(source: object, origins: str | Iterable[str] | None) -> list[str]:
    """Return the URLs that name an adapter's origins.

    :param source: names them if ``origins`` is None: see :class:`~requests_cc.TokenSource`.
    :param origins: the adapter's setting.
    :raises ConfigurationError: if there are none.
    """
    if origins is not None:
        named = [origins] if isinstance(origins, str) else origins
        if not isinstance(named, Iterable) or not (urls := list(named)):
            raise ConfigurationError(
                'origins must be one or more URLs; pass origins=["https://api.example.com"]'
            )
        return urls
    urls = [
        url for url in resource_servers_of(source) if isinstance(url, str) and _is_http_url(url)
    ]
    if not urls:
        raise ConfigurationError(
            "origins is required, since neither audience nor resource is an http(s) URL; pass "
            'origins=["https://api.example.com"]'
        )
    return urls


def _is_http_url(text: str) -> bool:
    return text.lower().startswith(("http://", "https://"))


def _checked(url: object, *, allow_http: bool) -> Origin:
    try:
        origin = Origin.from_url(url)  # type: ignore[arg-type] # it checks that as well
    except ValueError as error:
        reason = str(error)
    else:
        if origin.scheme == "http" and not origin.is_loopback and not allow_http:
            raise ConfigurationError(
                f"origins has {origin}, which uses plain http; use https://, or pass "
                f"allow_http=True if the network is trusted. If {origin} is only the name of the "
                f"audience, pass the API's own URL in origins=[...]"
            )
        return origin
    raise ConfigurationError(
        f"an entry of origins (without origins=, the audience or a resource) is not a valid URL: "
        f"{reason}"
    )
