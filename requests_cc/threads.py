"""Wait for a call until a deadline, for another thread, before a retry; and survive ``fork()``.

Nothing here knows HTTP, OAuth, stores or settings.
"""

from __future__ import annotations

import contextvars
import os
import threading
import time
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakSet

if TYPE_CHECKING:
    from typing import Protocol

    class Forkable(Protocol):
        """An object with locks, or with traces of threads."""

        def after_fork(self) -> None:
            """Replace them; called in the child, while no other thread runs."""


T = TypeVar("T")

FIRST_TRY = 60.0  # seconds until a place where many calls hang gets another one
LONGEST_TRY = 3600.0  # seconds; about as many threads a day as there are hours


class Landing:
    """Something that happens once, and that any number of threads wait for.

    ``landed`` says whether it has happened. Safe to share between threads.
    """

    __slots__ = ("_under_way", "landed")

    def __init__(self) -> None:
        self.landed = False
        # Held until it lands. Not an Event: KeyboardInterrupt in the middle of Event.set() leaves
        # those who wait asleep for ever; the methods of a lock have no middle.
        self._under_way = threading.Lock()
        self._under_way.acquire()

    def land(self) -> None:
        """Wake all who wait, now and later; to be called once."""
        self.landed = True
        self._under_way.release()

    def wait(self) -> None:
        """Wait until it has landed, however long that takes."""
        with self._under_way:  # one after another, each lets the next one through
            return

    def wait_alone(self, seconds: float) -> bool:
        """Wait with a time limit; for a landing that no other thread waits for.

        An interrupt right after the lock was obtained would leave others waiting for ever.

        :param seconds: float, at the most.
        :returns: bool, whether it landed in time.
        """
        landed = self._under_way.acquire(timeout=seconds)
        if landed:
            self._under_way.release()
        return landed


class Call(Generic[T]):
    """A call in a daemon thread of its own, for a caller that waits no longer than a deadline.

    Nothing else bounds a name look-up, a TLS handshake or a user's own code. The function runs in
    a copy of the caller's context (:mod:`contextvars`), so that tracing finds its parent span.

    :param function: what to call.
    :param name: str, the name of the thread.

    ``value`` is what the function returned, ``error`` what it raised, once the call has ended.
    """

    def __init__(self, function: Callable[[], T], name: str) -> None:
        self._function = function
        self._ended = Landing()
        self.value: T | None = None
        self.error: BaseException | None = None
        self.thread = threading.Thread(
            target=contextvars.copy_context().run, args=(self.run,), name=name, daemon=True
        )

    def start(self) -> bool:
        """Start the thread.

        :returns: bool; False when none can be started, at the system's limit or while the
            interpreter shuts down. The caller may then :meth:`run` the function itself.
        """
        try:
            self.thread.start()
        except (RuntimeError, MemoryError):
            return False
        return True

    def run(self) -> None:
        """Call the function and keep its outcome; raises nothing."""
        try:
            self.value = self._function()
        except BaseException as error:  # noqa: BLE001 - for the thread that waits to raise
            self.error = error
        self._ended.land()

    def ends_within(self, seconds: float) -> bool:
        """Wait for the outcome; for one thread.

        :param seconds: float, at the most.
        :returns: bool, whether the call has ended.
        """
        return self._ended.wait_alone(seconds)


class Hanging:
    """Calls that did not end in time and may still run: counted, so that they cannot pile up.

    :param limit: int, how many may hang at each place at once. One that hangs for long is
        forgotten, so that the place gets a try now and then: after a minute, and after twice as
        long each time that others still hang that were forgotten.
    :param clock: the monotonic clock.

    Safe to share between threads, and to use after ``fork()``: a child has none of the parent's
    threads, and those do not count there.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._clock = clock
        # The place of each call, and since when it hangs. Each operation is atomic: no lock.
        self._counted: dict[Call[object], tuple[Hashable, float]] = {}
        self._forgotten: dict[Call[object], tuple[Hashable, float]] = {}

    def is_full(self, place: Hashable = None) -> bool:
        """Return whether no further call may be made at a place.

        :param place: hashable, such as the name of a server.
        """
        for calls in (self._counted, self._forgotten):
            for call in list(calls):
                if not call.thread.is_alive():
                    calls.pop(call, None)
        here = [call for call, (at, _) in list(self._counted.items()) if at == place]
        return len(here) >= self.limit and not self._try_again(here, place)

    def add(self, call: Call[T], place: Hashable = None) -> None:
        """Count a call until its thread ends."""
        self._counted[call] = place, self._clock()  # type: ignore[index] # only its thread is read

    def _try_again(self, here: list[Call[object]], place: Hashable) -> bool:
        """Forget the oldest of the calls at a place, if the youngest has hung for long enough."""
        since = max((self._counted.get(call, (place, 0.0))[1] for call in here), default=0.0)
        forgotten = sum(at == place for at, _ in list(self._forgotten.values()))
        if self._clock() - since < growing(FIRST_TRY, LONGEST_TRY, forgotten + 1):
            return False
        oldest = self._counted.pop(here[0], None)
        if oldest is not None:
            self._forgotten[here[0]] = oldest
        return oldest is not None

    def __len__(self) -> int:
        return len(self._counted) + len(self._forgotten)


def growing(first: float, longest: float, count: int) -> float:
    """Return a pause that doubles from one time to the next.

    :param first: float, seconds of the first pause.
    :param longest: float, seconds at the most.
    :param count: int, which pause in a row this is, from 1.
    """
    return float(min(longest, first * 2.0 ** min(count - 1, 32)))


def jittered(seconds: float, share: float, spread: float) -> float:
    """Return a pause moved to either side, so that a fleet does not act in the same second.

    :param seconds: float.
    :param share: float, by which part of it at the most.
    :param spread: float from 0 to 1, drawn at random.
    """
    return seconds * (1.0 - share + 2 * share * spread)


_forkables: WeakSet[Forkable] = WeakSet()


def watch_forks(forkable: Forkable) -> None:
    """Call ``forkable.after_fork()`` in each child process, for as long as the object lives."""
    _forkables.add(forkable)


class ForkSafeLock:
    """A lock that is free in a forked child, whoever held it in the parent."""

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self.after_fork()
        watch_forks(self)

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may hold."""
        self._lock = threading.Lock()

    # The lock's own methods, and not calls of them: in a frame of ours a KeyboardInterrupt could
    # come between taking the lock and the body of `with`, and nobody would ever release it.

    @property
    def __enter__(self) -> Callable[[], bool]:
        return self._lock.__enter__

    @property
    def __exit__(self) -> Callable[..., None]:  # noqa: PLE0302, PYI036 - these look for a method
        return self._lock.__exit__


def _in_child() -> None:
    for forkable in list(_forkables):
        forkable.after_fork()


# Windows has no fork, and nothing to register with.
getattr(os, "register_at_fork", lambda **_: None)(after_in_child=_in_child)
