"""A name with several addresses, some of which swallow packets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

SWALLOWED = 3  # connections that fill the queue of a listener


@contextmanager
def swallows_packets() -> Iterator[int]:
    """Give the port of a listener whose queue is full: a connection is neither made nor refused."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(SWALLOWED)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for one in waiting:
            one.close()


def resolve_to(monkeypatch: pytest.MonkeyPatch, name: str, *ports: int) -> None:
    """Let a name have one address for each port, whatever port is asked for."""
    resolve = socket.getaddrinfo
    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]

    def resolved(host: Any, *arguments: Any, **options: Any) -> Any:
        return addresses if host == name else resolve(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
