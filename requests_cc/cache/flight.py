"""One token request, and those who wait for it."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..access_token import AccessToken
from ..errors import ConfigurationError, InvalidTokenResponse
from ..protocols import TokenSource
from .lifecycle import Lifecycle, Rejection
from .pacing import Now

# The flights that the running code is part of: an inner one is needed by the one before it.
# A context variable, since it follows the code into threads that are started with its context.
_aboard: ContextVar[tuple[Flight, ...]] = ContextVar("requests_cc_flights_aboard", default=())


class Entry:
    """One key: its state, and the token request under way.

    Whoever changes it holds the cache's lock; its state is replaced whole, so that it can be read
    without.
    """

    __slots__ = ("flight", "state", "used_at")

    def __init__(self) -> None:
        self.state = Lifecycle()
        self.flight: Flight | None = None
        self.used_at = 0.0


class Flight:
    """A token request under way, or what may become one.

    :param rejection: the 401 that causes it, or None.
    :param began: when it was wanted; from its request on, when that began.

    ``serves_on`` is the token that is renewed ahead, or None. ``shared`` is True where another
    process made the request.
    """

    __slots__ = (
        "_claim", "_under_way", "began", "entry", "in_background", "landed", "outcome", "rejection",
        "serves_on", "shared", "waits_for",
    )  # fmt: skip

    def __init__(self, rejection: Rejection | None, began: Now) -> None:
        self.rejection = rejection
        self.began = began
        self.entry: Entry | None = None
        self.serves_on: AccessToken | None = None
        self.shared = False
        self.in_background = False
        self.outcome: AccessToken | Exception | None = None
        self.waits_for: Flight | None = None
        self.landed = False
        # Held until it lands. Not an Event: KeyboardInterrupt in the middle of Event.set() leaves
        # those who wait asleep for ever; the methods of a lock have no middle.
        self._under_way = threading.Lock()
        self._under_way.acquire()
        self._claim = threading.Lock()

    @property
    def ahead(self) -> bool:
        """Whether it renews a token that serves on meanwhile."""
        return self.serves_on is not None

    @property
    def reason(self) -> str:
        """Why it is made, as events tell it."""
        if self.ahead:
            return "ahead"
        return "missing" if self.rejection is None else "rejected"

    def land(self, outcome: AccessToken | Exception | None) -> None:
        """Ends it, once, for all who wait; None: without an outcome, so that another may try."""
        self.outcome = outcome
        self.landed = True
        self._under_way.release()

    def claim(self) -> bool:
        """Whether the caller is the first to ask: of two threads, the one that is to end it."""
        return self._claim.acquire(blocking=False)

    @contextmanager
    def aboard(self) -> Iterator[None]:
        """Marks the code within as what makes this token request."""
        token = _aboard.set((*_aboard.get(), self))
        try:
            yield
        finally:
            _aboard.reset(token)

    def wait(self) -> None:
        """Waits until it has landed.

        :raises ConfigurationError: when it could not land, since it needs the waiting code itself.
        """
        aboard = _aboard.get()
        if not aboard:
            with self._under_way:  # one after another, each lets the next one through
                return
        # Said before it is checked: of two flights that come to need each other, the later sees it.
        aboard[-1].waits_for = self
        try:
            if self._needs_any_of(aboard):
                raise ConfigurationError(
                    "a token request needs the token that it is about to bring: its source, or "
                    "the session it uses, must not be authorized with that same token"
                )
            with self._under_way:
                return
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
    """Makes a source's token request: what it brought."""
    try:
        token: object = source.request_token()
    except Exception as error:  # noqa: BLE001 - whatever it is, all who wait are given it
        return error
    if isinstance(token, AccessToken):
        return token
    return InvalidTokenResponse(
        f"request_token() of {type(source).__qualname__} must return an AccessToken, not "
        f"{type(token).__name__}"
    )


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
