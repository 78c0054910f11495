"""What a child process must make anew after ``fork()``: no thread of the parent's lives in it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """Something with locks, or with traces of threads."""

    def after_fork(self) -> None:
        """Called in the child, while no other thread runs."""


_forkables: WeakSet[Forkable] = WeakSet()


def watch_forks(forkable: Forkable) -> None:
    """Has ``forkable.after_fork()`` called in each child, for as long as it lives."""
    _forkables.add(forkable)


class ForkSafeLock:
    """A lock that is free in a forked child, whoever held it in the parent."""

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self.after_fork()
        watch_forks(self)

    def after_fork(self) -> None:
        self._lock = threading.Lock()

    # The lock's own methods, and not calls of them: in a frame of ours a KeyboardInterrupt could
    # come between taking the lock and the body of `with`, and nobody would ever let go of it.

    @property
    def __enter__(self) -> Callable[[], bool]:
        return self._lock.__enter__

    @property
    def __exit__(self) -> Callable[..., None]:  # noqa: PLE0302, PYI036 - these look for a method
        return self._lock.__exit__


def _in_child() -> None:
    for forkable in list(_forkables):
        forkable.after_fork()


# Where there is no fork there is nothing to register with.
getattr(os, "register_at_fork", lambda **_: None)(after_in_child=_in_child)
