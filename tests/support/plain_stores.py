"""Stores that a user might write: a dict for the caches of one process, a folder for many."""

from __future__ import annotations

import functools
import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from requests_cc.cache.stores import sharing as fleet
from requests_cc.cache.stores.guard import Breaker
from tests.support.sources import PATIENCE, ManualClock

Patient = functools.partial(Breaker, deadline=PATIENCE)


class DictStore:
    """Entries that expire by a clock set by hand; ``asked`` has each call."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.entries: dict[str, tuple[bytes, float]] = {}
        self.locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self.asked: list[str] = []
        self.ttl: float | None = None

    def get(self, key: str) -> bytes | None:
        self.asked.append("get")
        value, until = self.entries.get(key, (None, 0.0))
        return value if self.clock.time() < until else None

    def set(self, key: str, value: bytes, ttl: float) -> None:
        self.asked.append("set")
        self.ttl = ttl
        self.entries[key] = (value, self.clock.time() + ttl)

    def delete(self, key: str) -> None:
        self.asked.append("delete")
        self.entries.pop(key, None)

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[bool]:
        self.asked.append("lock")
        obtained = self.locks[key].acquire(timeout=timeout)
        try:
            yield obtained
        finally:
            if obtained:
                self.locks[key].release()

    @property
    def key(self) -> str:
        """Of the one entry that there is."""
        (key,) = self.entries
        return key

    @property
    def token(self) -> dict[str, object]:
        """What the one entry says."""
        token: dict[str, object] = json.loads(self.entries[self.key][0])["token"]
        return token

    @property
    def locked(self) -> bool:
        return any(lock.locked() for lock in self.locks.values())


class FolderStore:
    """A file for each key, and one beside it whose lock the system releases with its holder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, key: str) -> bytes | None:
        try:
            until, _, value = (self.path / key).read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        return value if time.time() < float(until) else None

    def set(self, key: str, value: bytes, ttl: float) -> None:
        temporary = self.path / f"{key}.{os.getpid()}"
        temporary.write_bytes(f"{time.time() + ttl}\n".encode() + value)
        temporary.replace(self.path / key)

    def delete(self, key: str) -> None:
        (self.path / key).unlink(missing_ok=True)

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[bool]:
        import fcntl  # noqa: PLC0415 - not on every system

        stop = time.monotonic() + timeout
        with (self.path / f"{key}.lock").open("w") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if time.monotonic() >= stop:
                        yield False
                        return
                    time.sleep(0.01)
                    continue
                try:
                    yield True
                finally:
                    # Not by closing it: a child that was forked meanwhile has it open as well.
                    fcntl.flock(file, fcntl.LOCK_UN)
                return


def be_patient() -> None:
    """Has caches give a store time, so that a busy machine is not taken for one that hangs."""
    fleet.Breaker = Patient  # type: ignore[assignment,misc]
