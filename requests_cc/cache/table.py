"""The keys of a cache, and which of them leaves when there are too many."""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable
from typing import TYPE_CHECKING

from ..protocols import TokenSource
from .lifecycle import Lifecycle
from .pacing import Now

if TYPE_CHECKING:
    from .flight import Flight

SEVERAL = 4  # times maxsize: beyond it, keys that cool down or are held leave too
AT_ONCE = 8  # keys that leave for a new one, at the most
LOOKED_AT = 4096  # keys of one search for the least recently used one, at the most


class Key:
    """A source's key in a table: its type, since two kinds of source may have equal cache keys.

    Wrapped, so that nobody who prints the variables of a frame prints the ``cache_key``.
    """

    __slots__ = ("value",)

    def __init__(self, source: TokenSource) -> None:
        self.value: Hashable = (type(source), source.cache_key)


NOTHING_YET: tuple[int, ...] = (0, 0, 0, 0, 0, 0)


class Entry:
    """One key: its state, and the flight under way.

    Changed only with the cache's lock held. The state is replaced whole, so that it can be read
    without the lock.

    ``tally`` has its counts, by the journal.

    :param key: the value of its :class:`Key`; None once the entry has left its table.
    """

    # rank and due: of a Queue.
    __slots__ = ("due", "flight", "key", "rank", "state", "tally", "used_at")

    def __init__(self, key: Hashable = None) -> None:
        self.key = key
        self.state = Lifecycle()
        self.flight: Flight | None = None
        self.used_at = 0.0
        self.tally = NOTHING_YET
        self.rank = 0.0
        self.due = math.inf

    def __lt__(self, other: Entry) -> bool:
        return self.rank < other.rank

    def pause(self, now: Now) -> float:
        """Return the seconds for which it cools down or is held."""
        return max(self.state.cools_for(now), self.state.held_for(now))


class TokenTable:
    """The entries of a cache. Changed only with the cache's lock held; :attr:`get` needs no lock.

    :param maxsize: int, keys to keep; several times as many if they cool down or are held, which an
        eviction would end. Keys that are requesting are never evicted.

    ``evicted_usable`` becomes True when a token is evicted that has not expired.
    """

    def __init__(self, maxsize: int) -> None:
        self.maxsize = maxsize
        self._entries: dict[Hashable, Entry] = {}
        self._queue: Queue | None = None  # made when the table is full, since it costs memory
        self.evicted_usable = False
        self.get = self._entries.get

    def entry(self, key: Key, now: Now) -> Entry:
        """Return the entry of a key; make one if there is none, which may evict others."""
        entry = self._entries.get(key.value)
        if entry is None:
            if len(self._entries) >= self.maxsize:
                self._make_room(now)
            entry = self._entries[key.value] = Entry(key.value)
            entry.rank = now.wall
            if self._queue is not None:
                self._queue.add(entry)
        entry.used_at = now.wall
        return entry

    def entries(self) -> list[Entry]:
        """Return all entries; needs no lock."""
        return list(self._entries.values())

    def changed(self, entry: Entry, now: Now) -> None:
        """Take notice of an entry's new state."""
        if self._queue is not None:
            self._queue.changed(entry, now)

    def clear(self, key: Key | None = None) -> None:
        """Forget all but the requests under way.

        :param key: the key to forget; None: all.
        """
        for entry in self.entries() if key is None else [self._entries.get(key.value)]:
            if entry is None:
                continue
            entry.state = Lifecycle(requesting=entry.state.requesting)
            if entry.flight is None:
                self._remove(entry)

    def after_fork(self) -> None:
        """Build the queue anew, which a thread of the parent may have been changing."""
        self._queue = None

    def _make_room(self, now: Now) -> None:
        if self._queue is None:
            self._queue = Queue(self._entries, now)
        for _ in range(AT_ONCE):
            total = len(self._entries)
            if total < self.maxsize:
                return
            entry = self._queue.worthless(now)
            if entry is None:
                entry = self._victim(self._queue, total, now)
                if entry is None:
                    return
                self.evicted_usable = self.evicted_usable or entry.state.usable(now)
            self._remove(entry)

    def _victim(self, queue: Queue, total: int, now: Now) -> Entry | None:
        """Return the entry that leaves, if one must: pausing keys take no place of the others."""
        if total - queue.pausing >= self.maxsize:
            return queue.least_used(now)
        return queue.first_paused(now) if total >= SEVERAL * self.maxsize else None

    def _remove(self, entry: Entry) -> None:
        del self._entries[entry.key]
        entry.key = None
        if self._queue is not None:
            self._queue.removed(entry)
        if self._queue is not None and len(self._entries) < self.maxsize // 2:
            self._queue = None


class Queue:
    """The order in which the keys of a full table leave it.

    Heaps, whose order is corrected where a search comes by: a hit changes none of them.

    :param entries: of the table.
    """

    def __init__(self, entries: dict[Hashable, Entry], now: Now) -> None:
        self._entries = entries
        self._by_use: list[Entry] = []  # by rank: when it was used last, or its pause ends
        self._by_due: list[tuple[float, Entry]] = []  # by when it is worth nothing
        self._pausing: set[Entry] = set()  # those that paused when they last changed
        self._by_pause: list[tuple[float, Entry]] = []  # of these, by when the pause ends
        self._build(now)

    def add(self, entry: Entry) -> None:
        """Add a new entry."""
        heapq.heappush(self._by_use, entry)

    def changed(self, entry: Entry, now: Now) -> None:
        """Take notice of an entry's new state."""
        pause = entry.pause(now)
        if pause:
            self._pausing.add(entry)
            heapq.heappush(self._by_pause, (now.wall + pause, entry))
        else:
            self._pausing.discard(entry)
        due = _due(entry, now)
        if due < entry.due:
            entry.due = due
            heapq.heappush(self._by_due, (due, entry))
        # What has left the table since, or changed, is left behind in them.
        kept = len(self._by_use) + len(self._by_due) + len(self._by_pause)
        if kept > 5 * len(self._entries) + AT_ONCE:
            self._build(now)

    def removed(self, entry: Entry) -> None:
        """Take notice that an entry has left the table."""
        self._pausing.discard(entry)

    @property
    def pausing(self) -> int:
        """The number of entries that cool down or are held, or did a moment ago."""
        return len(self._pausing)

    def first_paused(self, now: Now) -> Entry | None:
        """Return the entry whose pause ends first."""
        while self._by_pause:
            until, entry = heapq.heappop(self._by_pause)
            pause = entry.pause(now)
            if entry not in self._pausing or entry.flight is not None:
                continue  # it has left, or its landing changes it
            if pause and now.wall + pause > until:
                heapq.heappush(self._by_pause, (now.wall + pause, entry))
                continue
            return entry
        return None

    def worthless(self, now: Now) -> Entry | None:
        """Return an entry without a usable token that neither cools down nor is held."""
        while self._by_due and self._by_due[0][0] <= now.wall:
            due, entry = heapq.heappop(self._by_due)
            if entry.key is None or due != entry.due:
                continue
            entry.due = math.inf
            if entry.flight is not None:
                continue  # its landing changes it
            if _due(entry, now) <= now.wall:
                return entry
            self.changed(entry, now)
        return None

    def least_used(self, now: Now) -> Entry | None:
        """Return the entry that was not used for longest, and does not cool down or is held."""
        requesting: list[Entry] = []
        found = None
        for _ in range(LOOKED_AT):
            if not self._by_use:
                break
            entry = heapq.heappop(self._by_use)
            if entry.key is None:
                continue
            if entry.flight is not None:
                requesting.append(entry)
                continue
            rank = _rank(entry, now)
            if rank > entry.rank:
                entry.rank = rank
                heapq.heappush(self._by_use, entry)
                continue
            if rank <= now.wall:
                found = entry
            else:
                heapq.heappush(self._by_use, entry)  # this one pauses, and so do all after it
            break
        for entry in requesting:
            heapq.heappush(self._by_use, entry)
        return found

    def _build(self, now: Now) -> None:
        self._by_use = list(self._entries.values())
        for entry in self._by_use:
            entry.rank, entry.due = _rank(entry, now), _due(entry, now)
        self._pausing = {entry for entry in self._by_use if entry.pause(now)}
        self._by_pause = [(now.wall + entry.pause(now), entry) for entry in self._pausing]
        heapq.heapify(self._by_pause)
        self._by_due = [(entry.due, entry) for entry in self._by_use if entry.due < math.inf]
        heapq.heapify(self._by_use)
        heapq.heapify(self._by_due)


def _rank(entry: Entry, now: Now) -> float:
    pause = entry.pause(now)
    return now.wall + pause if pause else entry.used_at


def _due(entry: Entry, now: Now) -> float:
    """Return when an entry is worth nothing: its token has expired, and its pauses are over."""
    token, pause = entry.state.token, entry.pause(now)
    paused_until = now.wall + pause if pause else -math.inf
    if token is None:
        return paused_until
    return math.inf if token.expires_at is None else max(paused_until, token.expires_at)
