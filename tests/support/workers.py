"""Worker processes whose threads call an API, all at once, as often as they are told."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.synchronize import Barrier, Event
from types import TracebackType

import requests

from tests.support.sources import PATIENCE, outcomes


class Workers:
    """A context manager: processes that end with it.

    :param session: makes the session of a process, in that process.
    """

    def __init__(
        self, count: int, threads: int, session: Callable[[], requests.Session], url: str
    ) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._barrier = spawn.Barrier(count + 1)
        self._over = spawn.Event()
        arguments = (session, url, threads, self._barrier, self._over)
        self._processes = [
            spawn.Process(target=_work, args=arguments, daemon=True) for _ in range(count)
        ]

    def __enter__(self) -> Workers:  # noqa: PYI034 - Self is not in Python 3.10
        for process in self._processes:
            process.start()
        return self

    def call(self) -> None:
        """Has each thread of each process call the API once, and sees that none failed."""
        self._barrier.wait(PATIENCE)
        self._barrier.wait(PATIENCE)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._barrier.abort()
            return
        self._over.set()
        self._barrier.wait(PATIENCE)
        for process in self._processes:
            process.join(PATIENCE)
        assert [process.exitcode for process in self._processes] == [0] * len(self._processes)


def _work(
    make_session: Callable[[], requests.Session],
    url: str,
    threads: int,
    barrier: Barrier,
    over: Event,
) -> None:
    session = make_session()
    while barrier.wait(PATIENCE) is not None and not over.is_set():
        answers = outcomes([lambda: session.get(url, timeout=PATIENCE)] * threads)
        codes = [getattr(answer, "status_code", answer) for answer in answers]
        assert codes == [200] * threads, codes
        barrier.wait(PATIENCE)
