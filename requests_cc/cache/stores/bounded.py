"""Calls of a store that end in time for the caller, whatever the store does."""

from __future__ import annotations

import contextvars
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias

from ...errors import TokenStoreError
from ...fork import watch_forks
from ...protocols import TokenStore

MAX_HANGING = 8  # threads left behind in one store's calls
SLICE = 0.5  # seconds; a wait for a lock is cut into these, so that it shows that the store lives

Work: TypeAlias = "Callable[[Callable[[object], None]], None]"


class CannotAsk(Exception):
    """There is no thread to ask in, which says nothing of the store."""


class TooSlow(Exception):
    """There was no answer in time."""


class Failed(Exception):
    """The store raised an error.

    :param error: what it was.
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


class Bounded:
    """Runs work in threads, and leaves those behind that do not answer in time.

    :param deadline: float, seconds for one answer.

    Safe to share between threads.
    """

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self._hanging: set[threading.Thread] = set()  # each operation on it is atomic: no lock
        watch_forks(self)

    def after_fork(self) -> None:
        """The parent's threads are not the child's."""
        self._hanging.clear()

    def call(self, function: Callable[[], object]) -> object:
        """What a function returns.

        :raises Failed: with what it raised.
        :raises TooSlow: when it does neither in time, or others still hang.
        :raises CannotAsk: when there is no thread to be had.
        """
        return self.answer(self.start(lambda say: say(function())), self.deadline)

    def start(self, work: Work) -> _Worker:
        """Starts work in a thread; raises as :meth:`call` does."""
        self._hanging -= {thread for thread in self._hanging.copy() if not thread.is_alive()}
        if len(self._hanging) >= MAX_HANGING:
            raise TooSlow
        worker = _Worker(work)
        try:
            worker.thread.start()
        except (RuntimeError, MemoryError):  # the system's limit, or interpreter shutdown
            raise CannotAsk from None
        return worker

    def answer(self, worker: _Worker, seconds: float) -> Any:
        """The next thing that the work says; raises as :meth:`call` does."""
        try:
            said = worker.answers.get(timeout=seconds)
        except queue.Empty:
            self._hanging.add(worker.thread)
            raise TooSlow from None
        if isinstance(said, Failed):
            raise said
        return said


class LockHolder:
    """Takes a store's lock and releases it, both in one thread: some locks know their thread.

    :param bounded: runs the thread.
    :param timeout: float, seconds to wait for the lock.
    """

    def __init__(self, bounded: Bounded, store: TokenStore, key: str, timeout: float) -> None:
        self._bounded = bounded
        self._store = store
        self._key = key
        self._timeout = timeout
        # Held for as long as the store's lock is wanted. Not an Event: KeyboardInterrupt in the
        # middle of Event.set() leaves who waits asleep for ever; the methods of a lock have none.
        self._wanted = threading.Lock()
        self._wanted.acquire()
        #: Has the store's lock released, now or once it is obtained; to be called once.
        self.let_go = self._wanted.release
        self._worker: _Worker | None = None
        self._pid = os.getpid()

    def take(self) -> bool:
        """Whether the lock was obtained in time; raises as :meth:`Bounded.call` does."""
        worker = self._bounded.start(self._hold)
        while (obtained := self._bounded.answer(worker, SLICE + self._bounded.deadline)) is None:
            pass
        if obtained:
            self._worker = worker
        return bool(obtained)

    def wait(self) -> None:
        """Waits until the store's lock is released, if it was obtained.

        Raises as :meth:`Bounded.call` does.
        """
        # Waits, since a process that ends before its lock is released keeps the others waiting.
        # In a child that was forked meanwhile there is no such thread, and the lock is not its own.
        if self._worker is not None and os.getpid() == self._pid:
            self._bounded.answer(self._worker, self._bounded.deadline)

    def _hold(self, say: Callable[[object], None]) -> None:
        stop = time.monotonic() + self._timeout
        while True:
            began = time.monotonic()
            left = max(0.0, stop - began)
            with self._store.lock(self._key, min(left, SLICE)) as obtained:
                if obtained is None:
                    raise TokenStoreError("its lock() gave None, not whether it was obtained")
                if obtained:
                    say(True)
                    with self._wanted:
                        pass
            # A lock that says no without waiting is asked again no sooner than one that waits.
            rest = min(left, SLICE) - (time.monotonic() - began)
            if obtained or self._wanted.acquire(timeout=max(0.0, rest)) or left <= SLICE:
                break
            say(None)
        say(False)


class _Worker:
    """Work in a thread of its own, and what it says."""

    def __init__(self, work: Work) -> None:
        self.answers: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._work = work
        self.thread = threading.Thread(
            target=contextvars.copy_context().run,  # who traces the store's client finds its parent
            args=(self._run,),
            name="requests-cc store",
            daemon=True,
        )

    def _run(self) -> None:
        try:
            self._work(self.answers.put)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self.answers.put(Failed(error))
