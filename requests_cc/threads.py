"""Wait for a call until a deadline, for another thread, before a retry; and survive ``fork()``.

Nothing here knows HTTP, OAuth, stores or settings.
"""

from __future__ import annotations

import contextvars
import os
import sys
import threading
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar
from weakref import WeakSet, ref

from .errors import ClientCredentialsError

if TYPE_CHECKING:
    from typing import Protocol

    class HasLock(Protocol):
        """An object with a lock."""

        _lock: ForkSafeLock

    class Forkable(Protocol):
        """An object with locks, or with traces of threads."""

        def after_fork(self) -> None:
            """Replace them; called in the child, while no other thread runs."""


T = TypeVar("T")
P = ParamSpec("P")
L = TypeVar("L", bound="HasLock")

FIRST_TRY = 60.0  # seconds until a place where many calls hang gets another one
LONGEST_TRY = 3600.0  # seconds; about as many threads a day as there are hours
LOOK_EVERY = 1.0  # seconds after which those who wait look after the thread that they wait for
LONGEST_WAIT = 120.0  # seconds that anybody waits for another thread
GREENLETS_TURN = 0.01  # seconds for which a greenlet that waits lets the others of its thread run


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
        """Wake all who wait, now and later."""
        self.landed = True
        with suppress(RuntimeError):  # it has landed before
            self._under_way.release()

    def wait(self, seconds: float = threading.TIMEOUT_MAX) -> bool:
        """Wait until it has landed.

        Those who wait for something that another thread may leave unfinished wait several times,
        and look after it in between. An interrupt right after the lock was obtained leaves the lock
        taken; the others then see ``landed`` at the end of their time.

        :param seconds: float, at the most.
        :returns: bool, whether it has landed.
        """
        if greenlets_share_a_thread():
            return self._poll(seconds)
        if self._under_way.acquire(timeout=seconds):  # one after another
            self._under_way.release()  # each lets the next one through
        return self.landed

    def _poll(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not self.landed and time.monotonic() < end:
            sys.modules["gevent"].sleep(GREENLETS_TURN)
        return self.landed


class Call(Generic[T]):
    """A call in a daemon thread of its own, for a caller that waits no longer than a deadline.

    Nothing else bounds a name look-up, a TLS handshake or a user's own code. The function runs in
    a copy of the caller's context (:mod:`contextvars`), so that tracing finds its parent span.

    :param function: what to call.
    :param name: str, the name of the thread.

    ``value`` is what the function returned, ``error`` what it raised, once the call has ended.
    """

    def __init__(self, function: Callable[[], T], name: str) -> None:
        self._function: Callable[[], T] = partial(contextvars.copy_context().run, function)
        self._ended = Landing()
        self.value: T | None = None
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self.run, name=name, daemon=True)

    def start(self) -> bool:
        """Start the thread.

        :returns: bool; False when none can be started, at the system's limit or while the
            interpreter shuts down. The caller may then :meth:`run` the function itself.
        """
        return started(self.thread)

    def run(self) -> None:
        """Call the function and keep its outcome; raises nothing."""
        try:
            self.value = self._function()
        except BaseException as error:  # noqa: BLE001 - for the thread that waits to raise
            self.error = error
        self._ended.land()

    def ends_within(self, seconds: float) -> bool:
        """Wait for the outcome, so many seconds at the most; return whether the call has ended."""
        return self._ended.wait(seconds)


def started(thread: threading.Thread) -> bool:
    """Start a thread, and return whether that was possible."""
    # At the end of an interpreter no other thread runs any more; until Python 3.12, start() waits
    # for the new one for ever.
    if sys.is_finalizing():
        return False
    try:
        thread.start()
    except (RuntimeError, MemoryError):
        return False
    return True


def greenlets_share_a_thread() -> bool:
    """Return whether gevent runs greenlets, and the locks of this process stop them all.

    So it is after ``monkey.patch_all(thread=False)``.
    """
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None:
        return False
    patched: Callable[[str], bool] = monkey.is_module_patched
    return patched("socket") and not patched("threading")


class Strand:
    """The thread that runs now, and the greenlet in it, if there is one."""

    __slots__ = ("greenlet", "thread")

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        greenlet: Any = sys.modules.get("greenlet")
        self.greenlet: object = None if greenlet is None else greenlet.getcurrent()

    def is_this_one(self) -> bool:
        """Return whether the caller runs on this strand."""
        this = Strand()
        return this.thread == self.thread and this.greenlet is self.greenlet


class Keeper:
    """Lives as long as the code runs that is to land something.

    That code deletes it at its very end: a traceback that somebody keeps would keep it with the
    frame. Whether a frame of another thread runs cannot be asked: sys._current_frames() can stop
    the whole process for ever, before Python 3.12 (https://github.com/python/cpython/issues/106883).
    """

    __slots__ = ("__weakref__", "strand")

    def __init__(self) -> None:
        self.strand = Strand()


class Watched(Landing):
    """A :class:`Landing` whose waiters look after the code that is to land it.

    A second KeyboardInterrupt, while the first one is being handled, can end that code anywhere.

    :param keeper: held by that code, and by nothing else.
    """

    __slots__ = ("_keeper", "deadline", "strand")

    def __init__(self, keeper: Keeper) -> None:
        super().__init__()
        self._keeper = ref(keeper)
        self.deadline = time.monotonic() + LONGEST_WAIT
        #: Where that code runs; None: in a thread that may not have begun.
        self.strand: Strand | None = keeper.strand

    @property
    def lost(self) -> bool:
        """True if nobody is left to land it. At an interpreter's end no other thread runs."""
        return not self.landed and (self._keeper() is None or sys.is_finalizing())

    def wait_until_done(self) -> bool:
        """Wait until it has landed; return False if it is lost or overdue.

        :raises ClientCredentialsError: if the waiting code has interrupted the code that is to land
            it: a signal handler, or a finalizer.
        """
        while not self.landed:
            if self.lost:
                return False
            if self.strand is not None and self.strand.is_this_one():
                raise interrupted()
            if not self.wait(LOOK_EVERY) and time.monotonic() >= self.deadline:
                return False
        return True


def interrupted() -> ClientCredentialsError:
    """Return the error for code that would have to wait for the code that it interrupted."""
    return ClientCredentialsError(
        "a signal handler or a finalizer interrupted the very code that it needs; call the API "
        "outside of the handler, for example in a thread of its own"
    )


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
    """Return a pause in seconds that doubles from ``first`` to ``longest``; ``count`` from 1."""
    return float(min(longest, first * 2.0 ** min(count - 1, 32)))


def jittered(seconds: float, share: float, spread: float) -> float:
    """Return a pause moved to either side, so that a fleet does not act in the same second.

    :param share: float, by which part of it at the most.
    :param spread: float from 0 to 1, drawn at random.
    """
    return seconds * (1.0 - share + 2 * share * spread)


_forkables: WeakSet[Forkable] = WeakSet()


def watch_forks(forkable: Forkable) -> None:
    """Call ``forkable.after_fork()`` in each child process, for as long as the object lives."""
    _forkables.add(forkable)


class ForkSafeLock:
    """A lock that is free in a forked child, whoever held it in the parent.

    A signal handler or a finalizer that interrupts its holder, in the same thread, gets a
    ClientCredentialsError, and does not wait for ever.
    """

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self.after_fork()
        watch_forks(self)

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may hold."""
        self._lock: Any = threading.RLock()

    def run(self, critical: Callable[[], T]) -> T:
        """Call a function while the lock is held, and return what it returns.

        Not a ``with``: from Python 3.14 on, a KeyboardInterrupt may come between taking the lock
        and the body, and nobody would ever release it.
        """
        if self._lock._is_owned():  # noqa: SLF001 - as threading.Condition finds out
            raise interrupted()
        if sys.is_finalizing():
            self._lock = threading.RLock()  # its holder may be a thread that never runs again
        lock = self._lock
        try:
            lock.acquire()
            return critical()
        finally:
            # The first call here, since interrupts come at the end of calls.
            try:  # noqa: SIM105 - which is a call
                lock.release()
            except RuntimeError:  # an interrupt came while it waited for the lock
                pass


def exclusive(method: Callable[Concatenate[L, P], T]) -> Callable[Concatenate[L, P], T]:
    """Make a method run with its object's ``_lock`` held."""

    @wraps(method)
    def run(self: L, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._lock.run(lambda: method(self, *args, **kwargs))

    return run


def _in_child() -> None:
    for forkable in list(_forkables):
        forkable.after_fork()


# Windows has no fork, and nothing to register with.
getattr(os, "register_at_fork", lambda **_: None)(after_in_child=_in_child)
