"""A store that no call of an API ever fails for, or waits long for."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ...errors import ClientCredentialsError, TokenStoreError
from ...protocols import Clock, TokenStore
from ...threads import ForkSafeLock, growing
from .bounded import Bounded, CannotAsk, Failed, LockHolder, TooSlow

FIRST_PAUSE = 5.0  # seconds without a try, after the first failure
LONGEST_PAUSE = 60.0
CERTAIN = "set"  # the operation whose success proves that all the others work as well


class Circuit:
    """Closed while all goes well; opened by a failure, for a pause that grows with each.

    After the pause one try is let through and the others wait for what it finds. Whoever calls
    brings the time (seconds, monotonic) and holds a lock.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._until = 0.0
        self._failed: str | None = None  # which operation opened it; None: all do alike

    @property
    def closed(self) -> bool:
        """Whether nothing is known to fail."""
        return self._failures == 0

    def admits(self, operation: str, now: float) -> bool:
        """Whether an operation may be tried now."""
        if self.closed:
            return True
        if now < self._until:
            return False
        # Only what failed is a test of it: the lock that comes before a failed set is no reason
        # to leave out the set.
        if self._failed in (None, operation):
            self._until = now + self.pause
        return True

    def succeeded(self, operation: str) -> None:
        """Closes it, if the operation shows that what failed works again."""
        if self._failed in (None, operation) or operation == CERTAIN:
            self._failures, self._failed = 0, None

    def failed(self, now: float, operation: str | None = None) -> None:
        """Opens it, or keeps it open for longer.

        :param operation: which one failed, where the others may still work; None: any would fail.
        """
        self._failures += 1
        self._failed = operation
        self._until = now + self.pause

    @property
    def pause(self) -> float:
        """The seconds without a try after the last failure."""
        return growing(FIRST_PAUSE, LONGEST_PAUSE, self._failures)


logger = logging.getLogger("requests_cc")

DEADLINE = 1.0  # seconds for an answer of the store


class Breaker:
    """Wraps a store: what fails or takes too long is a miss, and is not tried again for a while.

    A failure is said once in the log, as a WARNING, and its end once, as INFO. Between them the
    store is left alone for 5 seconds, doubling to 60, before each further try.

    :param store: any :class:`~requests_cc.protocols.TokenStore`. One that has a method
        ``prepare(key)`` is given each key in the caller's own thread first, for calculations that
        are none of the store's slowness. One that has a text ``advice`` is heard in the log: what
        to check when it fails.
    :param clock: what has ``monotonic()``.
    :param deadline: float, seconds for an answer; half a second more for one that waits for a
        lock.

    Its methods raise nothing. Safe to share between threads, and to use after ``fork()``.
    """

    def __init__(self, store: TokenStore, *, clock: Clock = time, deadline: float = DEADLINE):
        self._store = store
        self._clock = clock
        self._bounded = Bounded(deadline)
        self._lock = ForkSafeLock()  # guards the circuits and _failures; never held during I/O
        self._whole = Circuit()
        self._writes = Circuit()  # a disk may be full, and still be read
        self._failures = 0

    @property
    def available(self) -> bool:
        """Whether the store is not being left alone: False means that nobody else is heard of."""
        with self._lock:
            return self._whole.closed and self._writes.closed

    def get(self, key: str) -> bytes | None:
        """What is under a key, or None: also when the store fails."""

        def get() -> bytes | None:
            value: object = self._store.get(key)
            if value is None or isinstance(value, bytes):
                return value
            raise TokenStoreError(f"its get() gave {type(value).__name__}, not bytes or None")

        value = self._ask("get", key, lambda: self._bounded.call(get))
        return value if isinstance(value, bytes) else None

    def set(self, key: str, value: bytes, ttl: float) -> None:
        """Keeps a value, if the store can."""
        self._ask("set", key, lambda: self._bounded.call(lambda: self._store.set(key, value, ttl)))

    def delete(self, key: str) -> None:
        """Forgets what is under a key, if the store can."""
        self._ask("delete", key, lambda: self._bounded.call(lambda: self._store.delete(key)))

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[bool]:
        """Gives whether the lock was obtained: False also when the store fails.

        :param timeout: float, seconds to wait while another holds it.
        """
        holder, obtained = LockHolder(self._bounded, self._store, key, timeout), False
        try:
            obtained = self._ask("lock", key, holder.take) is True
            yield obtained
        finally:
            holder.let_go()
            with self._lock:
                failures, answers = self._failures, self._whole.closed
            # Not _ask: it is no proof that the store works, for a lock that cannot be released
            # lapses by itself. One that hangs is not waited for a second time.
            if obtained and answers:
                self._attempt("lock", failures, holder.wait)

    def _ask(self, operation: str, key: str, function: Callable[[], object]) -> object:
        """What the store answers; None where it is left alone, or fails."""
        failures = self._admit(operation)
        if failures is None:
            return None

        def ask() -> object:
            getattr(self._store, "prepare", _nothing)(key)
            return function()

        answered, answer = self._attempt(operation, failures, ask)
        if answered:
            self._succeeded(operation, failures)
        return answer

    def _attempt(
        self, operation: str, failures: int, function: Callable[[], object]
    ) -> tuple[bool, object]:
        """Whether there was an answer, and it; what went wrong instead is noted."""
        try:
            return True, function()
        except CannotAsk:
            pass
        except TooSlow:
            reason = f"no answer within {self._bounded.deadline:g} s"
            self._failed(operation, failures, reason, any_would=True)
        except Failed as failure:
            self._failed(operation, failures, _in_words(failure.error), any_would=False)
        except Exception as error:  # noqa: BLE001 - prepare(), which is the store's own code
            self._failed(operation, failures, _in_words(error), any_would=False)
        return False, None

    def _admit(self, operation: str) -> int | None:
        """How many failures there were up to now; None: the store is left alone."""
        with self._lock:
            now = self._clock.monotonic()
            if not self._whole.admits(operation, now):
                return None
            if operation != "get" and not self._writes.admits(operation, now):
                return None
            return self._failures

    def _succeeded(self, operation: str, failures: int) -> None:
        with self._lock:
            # What began before the last failure says nothing of the time after it.
            if failures != self._failures or (self._whole.closed and self._writes.closed):
                return
            self._whole.succeeded(operation)
            if operation != "get":
                self._writes.succeeded(operation)
            recovered = self._whole.closed and self._writes.closed
        if recovered:
            logger.info("%s works again: tokens are shared once more", self._name)

    def _failed(self, operation: str, failures: int, reason: str, *, any_would: bool) -> None:
        with self._lock:
            if failures != self._failures:
                return  # one of several that failed together: one failure
            first = self._whole.closed and self._writes.closed
            self._failures += 1
            now = self._clock.monotonic()
            if any_would or operation == "get":
                self._whole.failed(now)
                pause = self._whole.pause
            else:
                self._writes.failed(now, operation)
                pause = self._writes.pause
        if first:
            logger.warning(
                "%s fails (%s: %s): tokens are not shared for now, each process requests its own; "
                "it is tried again in %.0f s. %s",
                self._name,
                operation,
                reason,
                pause,
                getattr(self._store, "advice", "Check that it is up and can be reached."),
            )

    @property
    def _name(self) -> str:
        return type(self._store).__qualname__


def _nothing(_: str) -> None:
    """Stands for a ``prepare()`` that a store does not have."""


def _in_words(error: BaseException) -> str:
    """What went wrong: only our own messages are known to hold no secret."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, ClientCredentialsError) else name
