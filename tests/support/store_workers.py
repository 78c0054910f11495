"""What the processes of a test do: they are started anew, and import it from here."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import redis

import requests_cc.cache.stores.redis
from requests_cc.cache.stores.file import FileTokenStore
from requests_cc.cache.stores.redis import RedisTokenStore
from tests.support.threads import PATIENCE

LEASE = 3.0  # seconds, in a process that holds a lock: a test does not wait for ten
KEY = "a key"
spawn = multiprocessing.get_context("spawn")


def open_store(where: dict[str, Any] | Path) -> Any:
    """A store on a server's address, or in a folder."""
    if isinstance(where, Path):
        return FileTokenStore(where)
    return RedisTokenStore(redis.Redis(**where))


def hold(where: dict[str, Any] | Path, parent: Connection) -> None:
    """Holds the lock until it is told to let go."""
    requests_cc.cache.stores.redis.LEASE = LEASE
    with open_store(where).lock(KEY, PATIENCE) as obtained:
        parent.send(obtained)
        parent.recv()
    parent.send("released")


@contextmanager
def holder(where: dict[str, Any] | Path) -> Iterator[tuple[BaseProcess, Connection]]:
    """A process that holds the lock."""
    ours, its = spawn.Pipe()
    process = spawn.Process(target=hold, args=(where, its))
    process.start()
    try:
        assert ours.poll(PATIENCE)
        assert ours.recv() is True
        yield process, ours
    finally:
        if process.pid is not None and process.is_alive():
            os.kill(process.pid, signal.SIGCONT)
            process.kill()
        process.join(PATIENCE)
        process.close()


def count_once(where: dict[str, Any] | Path, counter: Path, barrier: Any) -> bytes:
    """Looks, and makes what is not there, as a cache does: under the lock, with a second look."""
    store = open_store(where)
    barrier.wait(PATIENCE)
    with store.lock(KEY, PATIENCE):
        value: bytes | None = store.get(KEY)
        if value is None:
            time.sleep(0.2)
            with counter.open("ab") as file:
                file.write(b".")
            value = b"the token"
            store.set(KEY, value, 60)
    return value


def work(where: dict[str, Any] | Path, counter: Path, barrier: Any, parent: Connection) -> None:
    parent.send(count_once(where, counter, barrier))


def fleet(where: dict[str, Any] | Path, counter: Path, size: int) -> list[bytes]:
    """What so many processes get that begin together."""
    barrier = spawn.Barrier(size)
    pipes = [spawn.Pipe() for _ in range(size)]
    processes = [
        spawn.Process(target=work, args=(where, counter, barrier, its)) for _, its in pipes
    ]
    for process in processes:
        process.start()
    try:
        assert all(ours.poll(PATIENCE) for ours, _ in pipes)
        return [ours.recv() for ours, _ in pipes]
    finally:
        for process in processes:
            process.join(PATIENCE)
            process.close()
