"""A long run on a bad day: short tokens, a failing token endpoint, revocations, many threads.

    python benchmarks/soak.py --seconds 60
    python benchmarks/soak.py --hostile --seconds 600    # soak_hostile.py says what that is

32 threads call an API with tokens of 2 seconds. 30 % of the token requests meet a fault: a dropped
connection, a 404, a 500, a 503, a 429 with Retry-After, or an answer that comes too late. Every few
seconds all tokens are revoked. Each thread makes its calls in pairs, in random order: one with
``requests_cc``, and one with a static ``Authorization`` header to a healthy API in the same server
process, which is `plain`. Then it pauses, so that latencies are not those of a full queue.

A call that fails, or is not answered 200, is put down to one of two causes:

*a good token existed*: from before the call began until after it ended the cache had a token that
had neither expired nor been revoked. There must be none of these, and the exit status says so.

*no good token*: it had expired, or was revoked, while the token endpoint could not be had.

Times are read from the system's monotonic clock, which both processes share (Linux, macOS).
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection

import requests
from soak_calls import SPAN, Call, kinds, throughout, timed_call
from soak_hostile import hostile_soak

from requests_cc import AuthorizationServer, ClientCredentials, ClientCredentialsAdapter, TokenCache
from requests_cc.events import Event, TokenReceived, TokenRequested
from requests_cc.testing import LocalServer

THREADS = 32
LIFETIME = 2.0  # seconds
FAULTS = 0.3  # of all token requests
# Seconds to connect and to read, for a token request: short, so that a renewal ahead, which begins
# 0.5 s before expiry, can fail while the current token is still good, and must serve on.
TIMEOUT = 0.2
TOKEN_DELAY = 0.03  # seconds that a token request takes
HANG = 5 * TIMEOUT
REVOKED_EVERY = (3.0, 6.0)  # seconds
MARGIN = 0.05  # seconds before its expiry from which a token no longer counts as good


# The server's process.


@dataclass(frozen=True)
class Weather:
    """What the server did to its clients."""

    token_requests: int
    faults: int
    revocations: tuple[float, ...]


def serve(pipe: Connection) -> None:
    """Be the bad server and the healthy one, until told to stop."""
    with LocalServer() as bad, LocalServer() as plain:
        bad.token_lifetime, bad.token_delay = LIFETIME, TOKEN_DELAY
        pipe.send((bad.token_url, bad.api_url, plain.token_url, plain.api_url))
        pipe.send(_bad_weather(bad, pipe))


def _bad_weather(server: LocalServer, pipe: Connection) -> Weather:
    seen = faults = 0
    revocations: list[float] = []
    due = time.monotonic() + random.uniform(*REVOKED_EVERY)
    faulty = _plan_the_next(server)
    while not pipe.poll(0.005):
        arrived = len(server.token_requests)
        if arrived > seen:
            seen, faults = arrived, faults + faulty
            time.sleep(0.02)  # until the request that arrived has read how long it takes
            faulty = _plan_the_next(server)
        if time.monotonic() >= due:
            revocations.append(time.monotonic())
            server.revoke_tokens()
            due += random.uniform(*REVOKED_EVERY)
    return Weather(seen, faults, tuple(revocations))


def _plan_the_next(server: LocalServer) -> bool:
    server.token_delay = TOKEN_DELAY
    if random.random() >= FAULTS:
        return False
    kind = random.choice(("drop", "404", "500", "503", "429", "hang"))
    if kind == "hang":
        server.token_delay = HANG
    elif kind == "drop":
        server.fail_next(drop=True)
    else:
        server.fail_next(status=int(kind), retry_after=1 if kind == "429" else None)
    return True


# The clients' process.


class Tokens:
    """When the cache had which token, as its events tell."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards both below
        self._requested = 0.0
        self._received: list[tuple[float, SPAN]] = []

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        with self._lock:
            if isinstance(event, TokenRequested):
                self._requested = now
            elif isinstance(event, TokenReceived):
                assert event.expires_in is not None
                span = (now, now + event.expires_in - MARGIN)
                self._received.append((self._requested, span))

    def good(self, revocations: tuple[float, ...]) -> list[SPAN]:
        """When a token was good: received, not expired, and not revoked since it was requested."""
        spans = []
        for requested, (start, end) in self._received:
            revoked = min((r for r in revocations if r >= requested), default=end)
            spans.append((start, min(end, revoked)))
        return spans


def authorized_session(token_url: str, api_url: str, cache: TokenCache) -> requests.Session:
    server = AuthorizationServer(token_url, timeout=TIMEOUT)
    credentials = ClientCredentials(server, "soak", "secret")
    session = requests.Session()
    session.mount(api_url, ClientCredentialsAdapter(credentials, origins=api_url, cache=cache))
    return session


def plain_session(token_url: str) -> requests.Session:
    grant = {"grant_type": "client_credentials", "client_id": "plain"}
    token = requests.post(token_url, data=grant, timeout=30).json()["access_token"]
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    return session


def call_in_pairs(
    urls: tuple[str, ...], cache: TokenCache, until: float, pause: float
) -> tuple[list[Call], list[Call]]:
    """One thread's calls with this library, and its plain ones."""
    token_url, api_url, plain_token_url, plain_api_url = urls
    ours: list[Call] = []
    plain: list[Call] = []
    pair = [
        (authorized_session(token_url, api_url, cache), api_url, ours),
        (plain_session(plain_token_url), plain_api_url, plain),
    ]
    while time.monotonic() < until:
        random.shuffle(pair)
        for session, url, calls in pair:
            calls.append(timed_call(session, url))
        time.sleep(random.expovariate(1 / pause))
    return ours, plain


def soak(seconds: float, pause: float) -> bool:
    """Run, print, and tell whether no call failed while a good token existed."""
    spawning = multiprocessing.get_context("spawn")
    pipe, remote = spawning.Pipe()
    process = spawning.Process(target=serve, args=(remote,))
    process.start()
    urls = pipe.recv()
    tokens = Tokens()
    cache = TokenCache(observers=[tokens])
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(THREADS) as pool:
        threads = [pool.submit(call_in_pairs, urls, cache, until, pause) for _ in range(THREADS)]
        made = [thread.result() for thread in threads]
    pipe.send("stop")
    weather = pipe.recv()
    process.join()
    ours = [call for mine, _ in made for call in mine]
    plain = [call for _, others in made for call in others]
    return report(ours, plain, tokens.good(weather.revocations), weather)


# What comes of it.


def report(ours: list[Call], plain: list[Call], good: list[SPAN], weather: Weather) -> bool:
    with_token = [call for call in ours if throughout(call.span, good)]
    inexcusable = [call for call in with_token if call.failure]
    kept = set(map(id, with_token))
    excused = [call for call in ours if call.failure and id(call) not in kept]
    print(f"calls                               {len(ours)}, and {len(plain)} plain")
    print(f"failed while a good token existed   {len(inexcusable)} {kinds(inexcusable)}")
    print(f"failed, no good token               {len(excused)} {kinds(excused)}")
    print(f"plain calls that failed             {sum(c.failure is not None for c in plain)}")
    share = weather.faults / max(1, weather.token_requests)
    print(f"token requests                      {weather.token_requests}, {share:.0%} with a fault")
    print(f"revocations                         {len(weather.revocations)}")
    print("latency of what was answered 200    p50        p99        max        calls")
    _print_latencies("plain", plain)
    _print_latencies("ours, a good token throughout", with_token)
    _print_latencies("ours, all", ours)
    return not inexcusable


def _print_latencies(name: str, calls: list[Call]) -> None:
    times = sorted(call.seconds for call in calls if not call.failure)
    if times:
        figures = [times[len(times) // 2], times[len(times) * 99 // 100], times[-1]]
        cells = " ".join(f"{1000 * figure:7.1f} ms" for figure in figures)
        print(f"  {name:32}{cells}  {len(times)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="how long (default: 30)")
    parser.add_argument(
        "--pause",
        type=float,
        default=0.1,
        help="a thread's mean pause after a pair of calls, in seconds (default: 0.1)",
    )
    parser.add_argument(
        "--hostile",
        action="store_true",
        help="call healthy servers while hostile ones are called, Redis fails and the clock jumps",
    )
    options = parser.parse_args()
    if options.hostile:
        return 0 if hostile_soak(options.seconds) else 1
    return 0 if soak(options.seconds, options.pause) else 1


if __name__ == "__main__":
    sys.exit(main())
