"""A clock that is set by hand, and sources of tokens that do as they are told."""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from requests_cc import AccessToken
from requests_cc.threads import Watched
from tests.support.threads import PATIENCE, in_threads

T = TypeVar("T")
NOON = 1_800_000_000.0


class ManualClock:
    """Both clocks; neither moves by itself."""

    def __init__(self, wall: float = NOON) -> None:
        self.wall = wall
        self.up = 1000.0

    def time(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.up

    def forward(self, seconds: float) -> None:
        self.wall += seconds
        self.up += seconds

    def jump(self, seconds: float) -> None:
        """Somebody sets the wall clock, or a laptop sleeps."""
        self.wall += seconds


class Source:
    """Mints ``key-1``, ``key-2`` and so on, unless ``answer`` does something else.

    ``reached`` is set when a request begins; it then waits for ``gate``, if there is one.
    """

    def __init__(
        self,
        clock: ManualClock,
        *,
        lifetime: float | None = 3600.0,
        key: str = "key",
        answer: Callable[[], AccessToken] | None = None,
    ) -> None:
        self.clock = clock
        self.lifetime = lifetime
        self.cache_key = key
        self.label = f"source of {key}"
        self.answer = answer or self.mint
        self.gate: threading.Event | None = None
        self.reached = threading.Event()
        self.requests = 0
        self.at_once = 0
        self.most_at_once = 0
        self._counting = threading.Lock()

    def mint(self) -> AccessToken:
        now = self.clock.time()
        expires_at = None if self.lifetime is None else now + self.lifetime
        return AccessToken(f"{self.cache_key}-{self.requests}", expires_at=expires_at)

    def fail(self, error: BaseException) -> None:
        def answer() -> AccessToken:
            raise error

        self.answer = answer

    def mend(self) -> None:
        self.answer = self.mint

    def request_token(self) -> AccessToken:
        with self._counting:
            self.requests += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.reached.set()
            if self.gate is not None:
                assert self.gate.wait(PATIENCE)
            return self.answer()
        finally:
            with self._counting:
                self.at_once -= 1


class OneToken:
    """A user's own source, which names no origin and always has the same token."""

    def __init__(
        self, value: str = "the-token", token_type: str = "Bearer", dpop: object = None
    ) -> None:
        self.cache_key = value
        self.token = AccessToken(value, token_type, expires_at=9e9)
        self.dpop = dpop
        self.requests = 0

    def request_token(self) -> AccessToken:
        self.requests += 1
        return self.token


def outcomes(calls: Iterable[Callable[[], T]]) -> list[T | BaseException]:
    """What calls return or raise that begin together, each in a thread of its own."""
    calls = list(calls)
    return in_threads(len(calls), lambda number: calls[number]())


def in_thread(call: Callable[[], T]) -> Callable[[], T | BaseException]:
    """Begins a call in a thread; what is returned waits for its outcome."""
    done: list[T | BaseException] = []

    def run() -> None:
        try:
            done.append(call())
        except BaseException as error:  # noqa: BLE001
            done.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def outcome() -> T | BaseException:
        thread.join(PATIENCE)
        return done[0]

    return outcome


def until_waiting(count: int) -> None:
    """Until so many threads wait for another's request, however slow the machine is."""
    for _ in range(int(PATIENCE * 100)):
        if _waiting() == count:
            return
        time.sleep(0.01)
    raise AssertionError(f"{_waiting()} threads came to wait, not {count}")


def _waiting() -> int:
    gc.disable()  # or it can deadlock (https://github.com/python/cpython/issues/106883)
    try:
        callers = [frame.f_back for frame in sys._current_frames().values()]
    finally:
        gc.enable()
    codes = [caller.f_code for caller in callers if caller is not None]
    return codes.count(Watched.wait_until_done.__code__)


def renewals_end() -> None:
    """Waits for the renewals in the background."""
    for thread in threading.enumerate():
        if thread.name == "requests-cc renewal":
            thread.join(PATIENCE)
