"""The keys of a cache: bounded, the least recently used leave first."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterator

from .clock import Now
from .flight import Entry
from .lifecycle import Lifecycle
from .protocols import TokenSource


class TokenTable:
    """The entries of a cache. Whoever changes it holds the cache's lock; :attr:`get` needs none.

    :param maxsize: int, how many keys are kept, those apart that may not be evicted.

    ``evicted_usable`` is True once a token was evicted that had not expired.
    """

    def __init__(self, maxsize: int) -> None:
        self.maxsize = maxsize
        self._entries: dict[Hashable, Entry] = {}
        self.evicted_usable = False
        self.get = self._entries.get

    def entry(self, key: Hashable, now: Now) -> Entry:
        """The entry of a key, made if need be; others may be evicted for it."""
        entry = self._entries.get(key)
        if entry is None:
            if len(self._entries) >= self.maxsize:
                self._evict(now)
            entry = self._entries[key] = Entry()
        entry.used_at = now.wall
        return entry

    def clear(self) -> None:
        """Forgets all but the requests under way."""
        for key, entry in list(self._entries.items()):
            entry.state = Lifecycle(requesting=entry.state.requesting)
            if entry.flight is None:
                del self._entries[key]

    def entries(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def _evict(self, now: Now) -> None:
        """Makes room: what has expired first, never what requests, cools down or is held."""
        evictable = [
            (entry.used_at, number, key, entry.state.usable(now))
            for number, (key, entry) in enumerate(self._entries.items())
            if not (entry.flight or entry.state.cools_for(now) or entry.state.held_for(now))
        ]
        leaving = [one for one in evictable if not one[-1]]
        if not leaving:
            # A share at a time, since finding them costs a look at every key.
            leaving = heapq.nsmallest(max(1, self.maxsize // 64), evictable)
            self.evicted_usable = self.evicted_usable or bool(leaving)
        for _, _, key, _ in leaving:
            del self._entries[key]


def key_of(source: TokenSource) -> Hashable:
    """The key of a source in a table: two kinds of source may have equal cache keys."""
    return (type(source), source.cache_key)
