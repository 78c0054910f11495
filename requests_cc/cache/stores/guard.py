"""A store whose failures cost a caller a miss, and no long wait."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ...errors import ClientCredentialsError, TokenStoreError
from ...protocols import SYSTEM_CLOCK, Clock, TokenStore
from ...threads import ForkSafeLock, exclusive, growing
from ..pacing import Now
from .bounded import Bounded, CannotAsk, Failed, LockHolder, TooSlow

FIRST_PAUSE = 5.0  # seconds without a try, after the first failure
LONGEST_PAUSE = 60.0
CERTAIN = "set"  # the operation whose success proves that all the others work as well
DEADLINE = 1.0  # seconds for one call of the store

logger = logging.getLogger("requests_cc")


class Circuit:
    """Closed while a store works; opened by a failure, for a pause that grows with each.

    After the pause one call at a time is let through. The circuit closes when the operation that
    failed works again: a full disk can still be read, which proves nothing.

    :param clock: both clocks: a pause also ends for a machine that slept.

    ``hangs`` says whether a call that took too long opened it; ``time`` counts failures, and never
    starts over. Safe to share between threads, and to use after ``fork()``.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = ForkSafeLock()  # guards what follows; never held during I/O
        self._failures = 0  # in a row
        self._failed = ""  # the operation that failed last
        self._until = Now(0.0, 0.0)
        self.time = 0
        self.hangs = False

    @property
    def closed(self) -> bool:
        """True if nothing is known to fail."""
        return self._failures == 0

    @exclusive
    def admit(self) -> int | None:
        """Return a number for one call of the store, or None if it may not be made now."""
        if not self.closed:
            now = Now.read(self._clock)
            if now.until(self._until):
                return None
            self._until = now.after(self._pause)
        return self.time

    @exclusive
    def succeeded(self, operation: str, admitted: int) -> bool:
        """Note a success.

        :param operation: str, the name of the store's method.
        :param admitted: int, what :meth:`admit` returned.
        :returns: bool, whether this closed the circuit.
        """
        # A call that began before the last failure proves nothing about the time after it.
        if self.closed or admitted != self.time:
            return False
        # The store is alive: the operation that failed may be tried now.
        self._until = Now(0.0, 0.0)
        if operation not in (self._failed, CERTAIN):
            return False
        self._failures, self.hangs = 0, False
        return True

    @exclusive
    def failed(self, operation: str, admitted: int, *, hangs: bool) -> float | None:
        """Note a failure.

        :param operation: str, the name of the store's method.
        :param admitted: int, what :meth:`admit` returned.
        :param hangs: bool, whether the call took too long.
        :returns: the pause in seconds, if this opened the circuit; or None.
        """
        if admitted != self.time:
            return None  # several calls that failed together are one failure
        first = self.closed
        self.time += 1
        self._failures += 1
        self._failed, self.hangs = operation, hangs
        self._until = Now.read(self._clock).after(self._pause)
        return self._pause if first else None

    @property
    def _pause(self) -> float:
        return growing(FIRST_PAUSE, LONGEST_PAUSE, self._failures)


class Breaker:
    """Wraps a store: a call that fails or takes too long is a miss, and the store gets a pause.

    The first failure is logged once, as a WARNING, and the recovery once, as INFO. In between the
    store is left alone for 5 seconds, doubling to 60, before each further try.

    :param store: any :class:`~requests_cc.protocols.TokenStore`.
    :param clock: both clocks: a pause also ends for a machine that slept.
    :param deadline: float, seconds for one call, beside the wait for a lock.

    Its methods raise nothing; a ``key`` may be a str whose ``repr`` is masked. Safe to share
    between threads, and to use after ``fork()``.
    """

    def __init__(
        self, store: TokenStore, *, clock: Clock = SYSTEM_CLOCK, deadline: float = DEADLINE
    ):
        self._store = store
        self._bounded = Bounded(deadline)
        self._circuit = Circuit(clock)

    @property
    def available(self) -> bool:
        """False while the store is left alone."""
        return self._circuit.closed

    def get(self, key: str) -> bytes | None:
        """Return the value under a key, or None; also if the store fails."""

        def get() -> bytes | None:
            value: object = self._store.get(str(key))
            if value is None or isinstance(value, bytes):
                return value
            raise TokenStoreError(f"its get() returned {type(value).__name__}, not bytes or None")

        value = self._call("get", key, get)
        return value if isinstance(value, bytes) else None

    def set(self, key: str, value: bytes, ttl: float) -> None:
        """Keep a value, if the store can."""

        def set_(value: bytes = value) -> None:
            self._store.set(str(key), value, ttl)

        del value  # a token: this frame waits, and shows nothing of it
        self._call("set", key, set_)

    def delete(self, key: str) -> None:
        """Delete the value under a key, if the store can."""
        self._call("delete", key, lambda: self._store.delete(str(key)))

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[bool]:
        """Give whether the lock was obtained: False also if the store fails.

        :param timeout: float, seconds to wait while another holds it.
        """
        holder, obtained = LockHolder(self._bounded, self._store, key, timeout), False
        try:
            obtained = self._try("lock", key, holder.take) is True
            yield obtained
        finally:
            holder.let_go()
            # A store that hangs is not waited for a second time. And a release proves nothing: a
            # lock that cannot be released lapses by itself.
            if obtained and not self._circuit.hangs:
                self._attempt("lock", self._circuit.time, holder.wait)

    def _call(self, operation: str, key: str, function: Callable[[], object]) -> object:
        return self._try(operation, key, lambda: self._bounded.call(function))

    def _try(self, operation: str, key: str, function: Callable[[], object]) -> object:
        """Return what the store returns; None if it is left alone or fails."""
        admitted = self._circuit.admit()
        if admitted is None:
            return None

        def prepare_and_call() -> object:
            # In the caller's thread, and before the deadline begins: calculations that take long on
            # a busy machine, or with a small share of a CPU, do not mean that the store is slow.
            getattr(self._store, "prepare", _nothing)(key)
            return function()

        worked, value = self._attempt(operation, admitted, prepare_and_call)
        if worked and self._circuit.succeeded(operation, admitted):
            logger.info("%s works again: tokens are shared again", self._name)
        return value

    def _attempt(
        self, operation: str, admitted: int, function: Callable[[], object]
    ) -> tuple[bool, object]:
        """Return whether the store responded, and what."""
        try:
            return True, function()
        except CannotAsk:
            return False, None
        except TooSlow:
            hangs, reason = True, f"no response within {self._bounded.deadline:g} s"
        except Failed as failure:
            hangs, reason = False, _in_words(failure.error)
        except Exception as error:  # noqa: BLE001 - of prepare(), which is the store's own code
            hangs, reason = False, _in_words(error)
        pause = self._circuit.failed(operation, admitted, hangs=hangs)
        if pause is not None:
            self._warn(operation, reason, pause)
        return False, None

    def _warn(self, operation: str, reason: str, pause: float) -> None:
        logger.warning(
            "%s failed (%s: %s): tokens are not shared for now, each process requests its own; "
            "the next try is in %.0f s. %s",
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
    """Do nothing, for a store that has no ``prepare()``."""


def _in_words(error: BaseException) -> str:
    """Describe an error: only our own messages are known to hold no secret."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, ClientCredentialsError) else name
