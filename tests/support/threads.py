"""Threads that start together, and calls that may hang."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
PATIENCE = 60.0  # seconds, after which a test that hangs fails


def in_threads(count: int, work: Callable[[int], T]) -> list[T | BaseException]:
    """Run ``work(number)`` in threads that start together; return what each returned or raised."""
    barrier = threading.Barrier(count)
    results: list[Any] = [None] * count

    def run(number: int) -> None:
        barrier.wait(PATIENCE)
        try:
            results[number] = work(number)
        except BaseException as error:  # noqa: BLE001 - the test's to judge
            results[number] = error

    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive(), "a thread hangs"
    return results


def within(seconds: float, work: Callable[[], object]) -> object:
    """Return what ``work()`` returned in that time; None if it hangs, as on a pool run dry."""
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(work()), daemon=True)
    thread.start()
    thread.join(seconds)
    return results[0] if results else None
