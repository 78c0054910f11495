"""What grows: keys in a cache, origins of an adapter, adapters of a session."""

from __future__ import annotations

import gc
import logging
import random
import time
import tracemalloc
from collections.abc import Sequence

import requests
from paired import Report
from variants import TOKEN, NullAdapter, Source

from requests_cc import ClientCredentialsAdapter, OriginRouter, TokenCache, mount

AUDIENCES = (1, 100, 10_000)
MOST_GROWTH = 3  # times: what is looked up, and not scanned, costs the same among many


def look_ups(report: Report, keys: int, turns: int) -> None:
    """Print the time of a hit among many keys, and what the cache keeps for each.

    Neither a pair nor a wait exists here, so the fastest turn is reported: disturbances only add.
    """
    sources = [Source(f"{number:064x}") for number in range(keys)]
    cache = TokenCache()
    gc.collect()
    tracemalloc.start()
    for source in sources:
        cache.token(source)
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    random.shuffle(sources)
    fastest = min(time_of_look_ups(cache, sources) for _ in range(turns))
    print(f"\n{keys:,} keys in one cache")
    report.line(
        "a look-up, in random order", f"{fastest:.2f} µs", "at most 0.60 µs", holds=fastest <= 0.6
    )
    per_key = held / keys
    report.line("kept for a key", f"{per_key:.0f} bytes", "at most 700 bytes", holds=per_key <= 700)
    print("  (a new key: compared with one in a full cache of 500 keys)")
    print("  (counted: the entry and its place in the table, its state, its key's tuple, the token")
    print(
        f"  and its text of {len(TOKEN)} characters; not: the source and the text of its cache_key)"
    )
    few, many = (min(time_of_a_new_key(size) for _ in range(3)) for size in (500, keys))
    report.line(
        "a new key in a full cache",
        f"{many:.0f} µs",
        f"at most {MOST_GROWTH} x {few:.0f} µs",
        holds=many <= MOST_GROWTH * few,
    )


def time_of_look_ups(cache: TokenCache, sources: Sequence[Source]) -> float:
    """Return the microseconds of a look-up, the loop around it included."""
    token = cache.token
    began = time.thread_time_ns()
    for source in sources:
        token(source)
    return (time.thread_time_ns() - began) / len(sources) / 1000


def time_of_a_new_key(keys: int) -> float:
    """Return the microseconds of the first look-up of a key for which another is evicted."""
    cache = TokenCache(maxsize=keys)
    logging.getLogger("requests_cc").setLevel(logging.ERROR)  # that it evicts is what is measured
    for number in range(keys):
        cache.token(Source(f"{number:064x}"))
    return time_of_look_ups(cache, [Source(f"new {number}") for number in range(200)])


def audiences(report: Report, turns: int) -> None:
    """Print the time of a send with many origins, and of mounting as many adapters."""
    print("\nMany audiences, null transport")
    of_one: dict[str, float] = {}
    for count in AUDIENCES:
        origins = [f"https://api{number}.example.com" for number in range(count)]
        one = ClientCredentialsAdapter(
            Source("one"), origins=origins, transport=NullAdapter(), cache=TokenCache()
        )
        router = OriginRouter(dict.fromkeys(origins, one))
        for name, adapter in (("one adapter", one), ("a router", router)):
            took = time_of_sends(adapter, random.sample(origins, min(count, 100)), turns)
            most = MOST_GROWTH * of_one.setdefault(name, took)
            report.line(
                f"{count:,} origins, {name}",
                f"{took:.1f} µs",
                f"at most {most:.1f} µs" if count > 1 else "",
                holds=took <= most,
            )
    session = requests.Session()
    adapters = [
        ClientCredentialsAdapter(Source("one"), origins=f"https://api{number}.example.com")
        for number in range(1000)
    ]
    began = time.perf_counter()
    for adapter in adapters:
        mount(session, adapter)
    report.line("mounting 1,000 adapters", f"{(time.perf_counter() - began) * 1000:.0f} ms")


def time_of_sends(
    adapter: requests.adapters.BaseAdapter, origins: Sequence[str], turns: int
) -> float:
    """Return the microseconds of a send: the fastest turn."""
    prepared = [requests.Request("GET", f"{origin}/path").prepare() for origin in origins]
    prepared *= max(1, 100 // len(prepared))
    fastest = float("inf")
    for _ in range(turns):
        began = time.thread_time_ns()
        for request in prepared:
            adapter.send(request)
        fastest = min(fastest, (time.thread_time_ns() - began) / len(prepared) / 1000)
    return fastest
