"""The world of ``fleet.py``: a clock, a token endpoint and a store, all in simulated time.

Nothing here sleeps. Whoever takes time moves the clock, which the simulation sets back for the next
call: so two calls of which one begins while the other still runs are made one after the other, and
each sees what was there at its own time. What a call stores is seen from the moment on at which it
was stored, and a lock is held until the moment at which it was released.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from requests_cc import AccessToken, TokenEndpointUnreachable

EPOCH = 1_800_000_000.0  # seconds since the epoch at which each simulation begins
REMEMBERED = 4  # values of one key: a call that began early may have to see an old one


@dataclass(frozen=True)
class Settings:
    """What is simulated.

    :param workers: processes, each with a cache of its own.
    :param hours: simulated.
    :param lifetime: seconds, of a token.
    :param leeway: seconds, of a ``TokenCache``.
    :param calls: of an API, by each worker in a minute.
    :param latency: seconds that a token request takes.
    :param failures: part of the token requests that fail.
    :param spread: seconds within which the workers start; 0: all at once, as after a deploy.
    :param store_latency: seconds that each operation of the store takes.
    :param seed: of all that is random.
    """

    workers: int = 10_000
    hours: float = 2.1
    lifetime: float = 3600.0
    leeway: float = 60.0
    calls: float = 6.0
    latency: float = 0.3
    failures: float = 0.01
    spread: float = 0.0
    store_latency: float = 0.001
    seed: int = 1


class SimulatedClock:
    """Both clocks of the call that is being made."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return EPOCH + self.now

    def monotonic(self) -> float:
        return self.now


class TokenEndpoint:
    """Where all workers request their tokens; a ``TokenSource``.

    ``arrivals`` is how many token requests there were in each second.
    """

    cache_key = "the client of all workers"
    label = "worker"

    def __init__(self, clock: SimulatedClock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._random = random.Random(settings.seed + 1)
        self.arrivals: Counter[int] = Counter()
        self.failures = 0

    def request_token(self) -> AccessToken:
        began = self._clock.now
        self.arrivals[int(began)] += 1
        self._clock.now += self._settings.latency
        if self._random.random() < self._settings.failures:
            self.failures += 1
            raise TokenEndpointUnreachable("simulated")
        issued_at = EPOCH + began
        number = self.arrivals.total()
        return AccessToken(f"{number}", "Bearer", issued_at + self._settings.lifetime, issued_at)


class SimulatedStore:
    """A ``TokenStore`` that any number of workers can use at one time; ``operations`` counts."""

    def __init__(self, clock: SimulatedClock, latency: float) -> None:
        self._clock = clock
        self._latency = latency
        self._values: dict[str, list[tuple[float, float, bytes]]] = defaultdict(list)
        self._held_until: dict[str, float] = defaultdict(float)
        self.operations = 0

    def get(self, key: str) -> bytes | None:
        self._operate()
        now = self._clock.now
        for since, until, value in reversed(self._values[key]):
            if since <= now:
                return value if now < until else None
        return None

    def set(self, key: str, value: bytes, ttl: float) -> None:
        self._operate()
        now = self._clock.now
        self._values[key] = [*self._values[key], (now, now + ttl, value)][-REMEMBERED:]

    def delete(self, key: str) -> None:
        self._operate()
        self._values[key] = []

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[bool]:
        """Whoever began to wait first is the first to obtain it."""
        self._operate()
        if self._held_until[key] > self._clock.now + timeout:
            self._clock.now += timeout
            yield False
            return
        self._clock.now = max(self._clock.now, self._held_until[key])
        try:
            yield True
        finally:
            self._operate()
            self._held_until[key] = self._clock.now

    def _operate(self) -> None:
        self.operations += 1
        self._clock.now += self._latency
