"""Mounting: one adapter on each of its origins, or one router for thousands of origins."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from ..errors import ConfigurationError
from ..threads import ForkSafeLock
from ..url import Origin


class OriginRouter(BaseAdapter):
    """An adapter that sends each request through the adapter of its origin.

    :param adapters: mapping from URLs, of which scheme, host and port count, to requests adapters.
    :param default: the adapter for every other URL; None: a plain :class:`HTTPAdapter`.
    :raises ConfigurationError: if a URL or an adapter is not valid, or two URLs name one origin.

    Mount it once: ``session.mount("https://", router)``. That is a dict look-up for each request;
    requests itself scans all its mounts. Adapters with one ``transport=`` in common share its
    connections. As safe to share between threads as the adapters are.
    """

    def __init__(
        self, adapters: Mapping[str, BaseAdapter], default: BaseAdapter | None = None
    ) -> None:
        super().__init__()
        if not isinstance(adapters, Mapping):
            raise ConfigurationError(
                'adapters must be a mapping; pass {"https://api.example.com": adapter}'
            )
        if default is not None and not isinstance(default, BaseAdapter):
            raise ConfigurationError("default must be a requests adapter, or None for a plain one")
        self._adapters: dict[Origin, BaseAdapter] = {}
        self._by_prefix: dict[str, BaseAdapter] = {}
        for url, adapter in adapters.items():
            self._add(url, adapter)
        self._default = HTTPAdapter() if default is None else default

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins that have an adapter of their own."""
        return tuple(str(origin) for origin in self._adapters)

    def adapter_for(self, url: str) -> BaseAdapter:
        """Return the adapter that sends a request for this URL.

        :param url: str.
        """
        # An origin ends at the first slash after "http://" or "https://"; a host is never empty.
        adapter = self._by_prefix.get(url[: url.find("/", len("https://")) + 1])
        if adapter is not None:
            return adapter
        try:
            return self._adapters.get(Origin.from_url(url), self._default)
        except ValueError:
            return self._default

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: dict[str, str] | None = None,
    ) -> requests.Response:
        """Send a request through the adapter of its origin; parameters as in requests."""
        return self.adapter_for(request.url or "").send(
            request, stream=stream, timeout=timeout, verify=verify, cert=cert, proxies=proxies
        )

    def close(self) -> None:
        """Close every adapter."""
        for adapter in {id(a): a for a in (*self._adapters.values(), self._default)}.values():
            adapter.close()

    def _add(self, url: str, adapter: BaseAdapter) -> None:
        try:
            origin = Origin.from_url(url)
        except ValueError as error:
            reason = str(error)
        else:
            if origin in self._adapters:
                raise ConfigurationError(
                    f"adapters has two entries for the origin {origin}; pass one"
                )
            if not isinstance(adapter, BaseAdapter):
                raise ConfigurationError(
                    f"adapters has a {type(adapter).__name__} for {origin}; pass a requests adapter"
                )
            self._adapters[origin] = adapter
            self._by_prefix.update(dict.fromkeys(origin.prefixes, adapter))
            return
        raise ConfigurationError(f"adapters has a key that is not a valid URL: {reason}")


_mounting = ForkSafeLock()  # guards the exchange of a session's adapters for new ones


def mount(session: requests.Session, adapter: BaseAdapter) -> None:
    """Mount an adapter on each of its origins, with and without an explicit default port.

    :param session: a :class:`requests.Session`; other threads may send with it meanwhile.
    :param adapter: a :class:`ClientCredentialsAdapter`, or another that has ``origins``.
    :raises ConfigurationError: if it has none.
    """
    if not isinstance(session, requests.Session):
        raise ConfigurationError("mount() takes a requests.Session first, then the adapter")
    origins = getattr(adapter, "origins", None)
    if not origins or not isinstance(adapter, BaseAdapter):
        raise ConfigurationError(
            "mount() takes an adapter that has origins, such as ClientCredentialsAdapter(...)"
        )
    mounted = {prefix: adapter for url in origins for prefix in Origin.from_url(url).prefixes}
    _mounting.run(partial(_add, session, mounted))


def _add(session: requests.Session, mounted: dict[str, BaseAdapter]) -> None:
    adapters = {**session.adapters, **mounted}
    # The longest prefix first, as requests wants them; all at once, since a thread that sends
    # walks through the mapping that is there. A dict is five times as fast as an OrderedDict.
    order = sorted(adapters, key=len, reverse=True)
    session.adapters = {prefix: adapters[prefix] for prefix in order}
