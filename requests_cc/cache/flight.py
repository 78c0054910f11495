"""One token request, those who wait for it, and the table of keys that have one."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..access_token import AccessToken
from ..errors import ConfigurationError, InvalidTokenResponse
from ..protocols import TokenSource
from ..threads import Landing
from .lifecycle import Lifecycle, Rejection
from .pacing import Now

# The flights that the running code is part of; each one needs the next. A context variable, since
# it follows the code into threads that are started with its context.
_aboard: ContextVar[tuple[Flight, ...]] = ContextVar("requests_cc_flights_aboard", default=())


class Entry:
    """One key: its state, and the flight under way.

    Changed only with the cache's lock held. The state is replaced whole, so that it can be read
    without the lock.
    """

    __slots__ = ("flight", "state", "used_at")

    def __init__(self) -> None:
        self.state = Lifecycle()
        self.flight: Flight | None = None
        self.used_at = 0.0


class Flight(Landing):
    """A token request under way, or about to be decided on.

    :param rejection: the rejection that causes it, or None.
    :param began: when the flight was created; from its request on, when that was sent.
    :param excused: its caller need not share the failure of the last renewal ahead.

    ``serves_on`` is the token that is renewed ahead, or None. ``shared`` says whether the token
    came from the store. ``outcome`` is None until it lands, and if it was abandoned.
    """

    __slots__ = (
        "_claim", "began", "entry", "excused", "in_background", "outcome", "rejection", "serves_on",
        "shared", "waits_for",
    )  # fmt: skip

    def __init__(self, rejection: Rejection | None, began: Now, *, excused: bool = False) -> None:
        super().__init__()
        self.excused = excused
        self.rejection = rejection
        self.began = began
        self.entry: Entry | None = None
        self.serves_on: AccessToken | None = None
        self.shared = False
        self.in_background = False
        self.outcome: AccessToken | Exception | None = None
        self.waits_for: Flight | None = None
        self._claim = threading.Lock()

    @property
    def ahead(self) -> bool:
        """Whether it renews a token that stays in use meanwhile."""
        return self.serves_on is not None

    @property
    def brought(self) -> bool:
        """Whether it has landed with a token."""
        return isinstance(self.outcome, AccessToken)

    @property
    def reason(self) -> str:
        """Why the request is made, in the words of the events."""
        if self.ahead:
            return "ahead"
        return "missing" if self.rejection is None else "rejected"

    def claim(self) -> bool:
        """Return True to the first caller: of two threads, the one that must land the flight."""
        return self._claim.acquire(blocking=False)

    @contextmanager
    def aboard(self) -> Iterator[None]:
        """Mark the code within as part of this flight."""
        token = _aboard.set((*_aboard.get(), self))
        try:
            yield
        finally:
            _aboard.reset(token)

    def wait(self) -> None:
        """Wait until the flight has landed.

        :raises ConfigurationError: if it cannot land, since it needs the waiting code itself.
        """
        aboard = _aboard.get()
        if not aboard:
            super().wait()
            return
        # Set before the check: of two flights that come to need each other, the later one sees it.
        aboard[-1].waits_for = self
        try:
            if self._needs_any_of(aboard):
                raise ConfigurationError(
                    "a token request needs the very token that it requests: its source, and the "
                    "session that the source uses, must not be authorized with that token"
                )
            super().wait()
        finally:
            aboard[-1].waits_for = None

    def _needs_any_of(self, aboard: tuple[Flight, ...]) -> bool:
        needed: Flight | None = self
        while needed is not None:
            if needed in aboard:
                return True
            needed = needed.waits_for
        return False


def outcome_of(source: TokenSource) -> AccessToken | Exception:
    """Make a source's token request, and return the token or the exception."""
    try:
        token: object = source.request_token()
    except Exception as error:  # noqa: BLE001 - raised again in each thread that waits
        return error
    if isinstance(token, AccessToken):
        return token
    return InvalidTokenResponse(
        f"request_token() of {type(source).__qualname__} must return an AccessToken, not "
        f"{type(token).__name__}"
    )


class TokenTable:
    """The entries of a cache. Changed only with the cache's lock held; :attr:`get` needs no lock.

    :param maxsize: int, keys to keep, not counting those that may not be evicted.

    ``evicted_usable`` becomes True when a token is evicted that has not expired.
    """

    def __init__(self, maxsize: int) -> None:
        self.maxsize = maxsize
        self._entries: dict[Hashable, Entry] = {}
        self.evicted_usable = False
        self.get = self._entries.get

    def entry(self, key: Hashable, now: Now) -> Entry:
        """Return the entry of a key; make one if there is none, which may evict others."""
        entry = self._entries.get(key)
        if entry is None:
            if len(self._entries) >= self.maxsize:
                self._evict(now)
            entry = self._entries[key] = Entry()
        entry.used_at = now.wall
        return entry

    def entries(self) -> list[Entry]:
        """Return all entries; needs no lock."""
        return list(self._entries.values())

    def clear(self, keys: list[Hashable] | None = None) -> None:
        """Forget all but the requests under way.

        :param keys: the keys to forget; None: all.
        """
        for key in list(self._entries) if keys is None else keys:
            entry = self._entries.get(key)
            if entry is None:
                continue
            entry.state = Lifecycle(requesting=entry.state.requesting)
            if entry.flight is None:
                del self._entries[key]

    def _evict(self, now: Now) -> None:
        """Evict what has expired, or else what was not used for longest.

        A key that is requesting, cooling down or held stays.
        """
        evictable = [
            (entry.used_at, number, key, entry.state.usable(now))
            for number, (key, entry) in enumerate(self._entries.items())
            if not (entry.flight or entry.state.cools_for(now) or entry.state.held_for(now))
        ]
        leaving = [one for one in evictable if not one[-1]]
        if not leaving:
            # Several at a time, since finding them takes a scan of all keys.
            leaving = heapq.nsmallest(max(1, self.maxsize // 64), evictable)
            self.evicted_usable = self.evicted_usable or bool(leaving)
        for _, _, key, _ in leaving:
            del self._entries[key]


def key_of(source: TokenSource) -> Hashable:
    """Return a source's key in a table. Two kinds of source may have equal cache keys."""
    return (type(source), source.cache_key)
