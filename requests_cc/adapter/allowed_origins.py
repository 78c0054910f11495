"""Which URLs a token may be sent to."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from ..errors import ConfigurationError
from ..settings import check_bool
from ..url import Origin

MAX_WARNINGS = 100  # for one adapter: whoever mounts it on https:// meets the whole web

logger = logging.getLogger("requests_cc")


class Audience:
    """The origins that a token is for; every other one is a stranger to it.

    :param origins: URLs of which scheme, host and port count.
    :param allow_http: bool, whether plain http beyond loopback is accepted.
    :raises ConfigurationError: when there is none, or one is no http(s) URL.

    Safe to share between threads.
    """

    def __init__(self, origins: Iterable[str], *, allow_http: bool) -> None:
        check_bool(allow_http, "allow_http")
        self._named = {_checked(url, allow_http=allow_http) for url in origins}
        self.origins = tuple(sorted(str(origin) for origin in self._named))
        #: URLs that begin so are for this audience, whatever follows.
        self.prefixes = tuple(prefix for origin in self._named for prefix in origin.prefixes)
        self._warned: set[str] = set()

    def includes(self, url: str) -> bool:
        """Whether a URL's origin is named; one in doubt is not."""
        try:
            origin = Origin.from_url(url)
        except ValueError:
            self._warn_once("a URL whose origin is in doubt")
            return False
        if origin in self._named:
            return True
        self._warn_once(str(origin))
        return False

    def _warn_once(self, stranger: str) -> None:
        if stranger not in self._warned and len(self._warned) < MAX_WARNINGS:
            self._warned.add(stranger)
            logger.warning(
                "%s is sent no token: the adapter mounted there names only %s; "
                "if the token is for it, write it into origins=[...]",
                stranger,
                ", ".join(self.origins),
            )


def origins_of(source: object, origins: str | Iterable[str] | None) -> list[str]:
    """The URLs that name an adapter's origins.

    :param source: whose ``resource_servers`` count where ``origins`` is None; if it has none, its
        ``audience`` and ``resource``.
    :param origins: what the user wrote.
    :raises ConfigurationError: when that leaves none.
    """
    if origins is not None:
        named = [origins] if isinstance(origins, str) else origins
        if not isinstance(named, Iterable) or not (urls := list(named)):
            raise ConfigurationError(
                'origins must be URLs, one or more: write origins=["https://api.example.com"]'
            )
        return urls
    urls = [url for url in _resource_servers(source) if isinstance(url, str) and _is_http_url(url)]
    if not urls:
        raise ConfigurationError(
            "it is not known where the token may be sent, since neither audience nor resource is "
            'an http(s) URL: write origins=["https://api.example.com"], with the API\'s host'
        )
    return urls


def _resource_servers(source: object) -> Iterable[object]:
    named: Iterable[object] | None = getattr(source, "resource_servers", None)
    if named is not None:
        return named
    resource = getattr(source, "resource", None) or ()
    resources = [resource] if isinstance(resource, str) else resource
    return [getattr(source, "audience", None), *resources]


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
                f"a token for {origin} would travel over plain http: write https://, or set "
                f"allow_http=True where the network is trusted; where {origin} only names the "
                f"audience, write the API's own URL into origins=[...]"
            )
        return origin
    raise ConfigurationError(
        f"an entry of origins (without origins: the audience or a resource) is no URL that can be "
        f"used: {reason}"
    )
