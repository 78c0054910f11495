"""Calls of a store that end in time for the caller, whatever the store does."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import TypeVar, cast

from ...errors import TokenStoreError
from ...protocols import TokenStore
from ...threads import Call, Hanging, Landing

MAX_HANGING = 8  # calls of one store that timed out and still run

T = TypeVar("T")


class CannotAsk(Exception):
    """No thread can be started, which says nothing of the store."""


class TooSlow(Exception):
    """The store did not respond in time."""


class Failed(Exception):
    """The store raised an error.

    :param error: that error.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


class Bounded:
    """Runs each call in a thread, and leaves behind those that do not end in time.

    :param deadline: float, seconds for one call.

    Safe to share between threads, and to use after ``fork()``.
    """

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.hanging = Hanging(MAX_HANGING)

    def call(self, function: Callable[[], T]) -> T:
        """Return what a function returns.

        :raises Failed: with what it raised.
        :raises TooSlow: if it does neither in time, or too many calls still hang.
        :raises CannotAsk: if no thread can be started.
        """
        return self.outcome(self.start(function))

    def start(self, function: Callable[[], T]) -> Call[T]:
        """Start a call; raises TooSlow and CannotAsk as :meth:`call` does."""
        if self.hanging.is_full():
            raise TooSlow
        call = Call(function, "requests-cc store")
        if not call.start():
            raise CannotAsk
        return call

    def outcome(self, call: Call[T]) -> T:
        """Wait for the end of a call; raises Failed and TooSlow as :meth:`call` does."""
        if not call.ends_within(self.deadline):
            self.hanging.add(call)
            raise TooSlow
        if call.error is not None:
            raise Failed(call.error)
        return cast("T", call.value)


class LockHolder:
    """Takes a store's lock and releases it, both in one thread: some locks know their thread.

    :param bounded: runs the thread.
    :param store: whose lock it is.
    :param key: str, as in :meth:`TokenStore.lock`.
    :param timeout: float, seconds to wait while another holds the lock.
    """

    def __init__(self, bounded: Bounded, store: TokenStore, key: str, timeout: float) -> None:
        self._bounded = bounded
        self._store = store
        self._key = key
        self._timeout = timeout
        self._obtained = False
        self._answered = Landing()  # once the store has given its lock, refused it, or failed
        # Held for as long as the store's lock is wanted. Not a Landing, whose land() is a frame of
        # ours that a KeyboardInterrupt can end before it lands: then nobody would release anything.
        self._wanted = threading.Lock()
        self._wanted.acquire()
        #: Has the store's lock released, now or once it is obtained; to be called once.
        self.let_go = self._wanted.release
        self._call: Call[None] | None = None
        self._pid = os.getpid()

    def take(self) -> bool:
        """Return whether the lock was obtained in time; raises as :meth:`Bounded.call` does."""
        call = self._bounded.start(self._hold)
        if not self._answered.wait(self._timeout + self._bounded.deadline):
            self._bounded.hanging.add(call)
            raise TooSlow
        if not self._obtained:
            self._bounded.outcome(call)
            return False
        self._call = call
        return True

    def wait(self) -> None:
        """Wait until the store's lock is released, if it was obtained.

        Raises as :meth:`Bounded.call` does.
        """
        # Waits, since a process that ends before its lock is released keeps the others waiting.
        # In a child that was forked meanwhile there is no such thread, and the lock is not its own.
        if self._call is not None and os.getpid() == self._pid:
            self._bounded.outcome(self._call)

    def _hold(self) -> None:
        try:
            began = time.monotonic()
            with self._store.lock(str(self._key), self._timeout) as obtained:
                if obtained is None:
                    raise TokenStoreError("its lock() gave None; it must give True or False")
                if obtained:
                    self._obtained = True
                    self._answered.land()
                    with self._wanted:
                        return
            # A lock that refuses without waiting must not be asked over and over.
            left = self._timeout - (time.monotonic() - began)
            self._wanted.acquire(timeout=max(0.0, left))
        finally:
            if not self._obtained:
                self._answered.land()
