"""The adapter that does the sending: its retries, its cache and its connections."""

from __future__ import annotations

from collections.abc import Container, Hashable
from typing import Any
from weakref import WeakKeyDictionary, ref

from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import PoolManager
from urllib3.util.retry import Retry

from ..errors import ConfigurationError
from ..protocols import TokenSource
from ..threads import watch_forks


def check_forcelist(sender: BaseAdapter, statuses: Container[int]) -> None:
    """Check that an adapter's own retries do not swallow a rejection.

    urllib3 would send the rejected token again and again, and raise an error at the end.

    :param statuses: those of a rejection.
    :raises ConfigurationError: if ``status_forcelist`` of its ``max_retries`` holds one of them.
    """
    retry = Retry.from_int(getattr(sender, "max_retries", 0))
    swallowed = [status for status in retry.status_forcelist or () if status in statuses]
    if swallowed:
        raise ConfigurationError(
            f"status_forcelist of max_retries holds {swallowed[0]}, with which the API rejects a "
            f"token: the rejected token would be sent again. Leave it out; the adapter renews the "
            f"token and resends the request itself"
        )


# Guarded by the GIL: each operation is atomic, and adapters are not made in a race.
_served: WeakKeyDictionary[Any, Hashable] = WeakKeyDictionary()


def check_not_shared(transport: BaseAdapter, source: TokenSource) -> None:
    """Check that a caching transport serves one client only.

    The cache of CacheControl knows nothing of tokens: it would give one client the responses that
    were made for another.

    :raises ConfigurationError: if it has a cache that serves another source already.
    """
    if not any(
        kind.__module__.partition(".")[0] == "cachecontrol" for kind in type(transport).__mro__
    ):
        return
    held = getattr(transport, "cache", transport)
    if _served.setdefault(held, source.cache_key) != source.cache_key:
        raise ConfigurationError(
            "transport has a response cache that serves another client already, and would hand one "
            "client's responses to the other; pass each client a CacheControlAdapter with a cache "
            "of its own"
        )


class ConnectionsOfParent:
    """Gives adapters new pools in a forked child: a socket serves one process.

    :param adapter: a connection in use by two processes gives each the other's responses.
    """

    def __init__(self, adapter: HTTPAdapter) -> None:
        self._adapter = ref(adapter)
        watch_forks(self)

    def after_fork(self) -> None:
        """Replace the pools. They are not closed: a thread of the parent may hold their locks."""
        adapter = self._adapter()
        if adapter is not None:
            manager: Any = adapter.poolmanager
            connections: int = adapter._pool_connections  # noqa: SLF001 - in __attrs__
            manager.pools = PoolManager(connections).pools
            adapter.proxy_manager = {}
