"""What a warm request costs: plain requests, the least that an adapter can do, and this library.

Run ``python benchmarks/overhead.py`` on an otherwise idle machine; ``--quick`` for a look,
``--rounds N`` for a closer one. The exit status is 1 if a budget is missed.

The variants take turns in blocks within one run, and each round gives one difference and one
ratio between blocks that ran within milliseconds of each other; reported is the median over the
rounds. A machine that slows down, or is shared, slows all variants of a round alike: absolute times
move by tens of per cent from run to run, paired ones do not, and the median drops the rounds in
which a disturbance hit one block only. The rounds are spread over fresh interpreters, since one and
the same code is faster in one process than in another, by where its memory happens to lie.

A request is timed by the CPU time of its thread. What that leaves out, the wait for the server and
for other processes, is the same for every variant, so that the ratio comes out no better for it; by
the clock on the wall even the floor is one per cent off plain, to either side, from run to run. So
the ratio over loopback is one of CPU times, and no count of requests per second.
Where neither a pair nor a wait exists (a look-up) the minimum is reported: disturbances only add.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

import requests
from paired import Report, milliseconds, paired_difference, paired_ratio, percentile, rounds, timed
from requests.adapters import HTTPAdapter
from variants import (
    TOKEN,
    NullAdapter,
    Source,
    client,
    loopback_server,
    our_session,
    plain_session,
    sessions,
)

from requests_cc import TokenCache

SHORT_LIFETIME = 2.0  # seconds
TOKEN_DELAY = 0.3  # seconds
THREADS = 16
PAUSE = 0.02  # seconds between a thread's calls
INTERPRETERS = 5  # one after another
NAMES = "from requests_cc import ClientCredentials, ClientCredentialsAdapter"
WARM_UP = 2  # rounds in each that do not count: an interpreter gets used to the code


class Effort(NamedTuple):
    """How much is measured.

    :param rounds: of all variants, over all interpreters: a multiple of ``INTERPRETERS``.
    :param calls: in one block with null transport; a quarter of that over loopback, where the
        shorter blocks of a round lie closer together.
    :param imports: fresh interpreters for each statement.
    :param keys: in the cache whose look-ups are timed.
    :param seconds: of load on short-lived tokens.
    """

    rounds: int = 120
    calls: int = 400
    imports: int = 15
    keys: int = 10_000
    seconds: float = 12.0


QUICK = Effort(rounds=80, imports=5, seconds=5.0)


def main(argv: Sequence[str] | None = None) -> int:
    """Measures everything; returns the exit status."""
    effort = effort_of(argv)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]  # no proxy leads to loopback
    report = Report()
    print(f"Python {sys.version.split()[0]}, requests {requests.__version__}; budget on the right")
    print(f"load average {load_average()} on {os.cpu_count()} cores; measure on an idle machine")
    with loopback_server() as origin:
        null_transport(report, effort, origin)
        loopback(report, effort, origin)
        short_lived_tokens(report, effort, origin)
    look_ups(report, effort)
    imports(report, effort)
    return 1 if report.missed else 0


def effort_of(argv: Sequence[str] | None) -> Effort:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description="What a warm request costs.")
    parser.add_argument(
        "--rounds",
        type=multiple_of_interpreters,
        help=f"of all variants, a multiple of {INTERPRETERS}; more is steadier",
    )
    parser.add_argument("--quick", action="store_true", help="a first look, in a minute")
    options = parser.parse_args(argv)
    effort = QUICK if options.quick else Effort()
    return effort if options.rounds is None else effort._replace(rounds=options.rounds)


def multiple_of_interpreters(text: str) -> int:
    """A number of rounds of which each interpreter makes the same part."""
    try:
        count = int(text)
    except ValueError:
        count = 0
    if count <= 0 or count % INTERPRETERS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a positive multiple of {INTERPRETERS}, the interpreters among which "
            f"the rounds are divided"
        )
    return count


def load_average() -> str:
    """Of the last minute, where the system has one."""
    try:
        return f"{os.getloadavg()[0]:.2f}"
    except (AttributeError, OSError):  # AttributeError: Windows
        return "unknown"


def null_transport(report: Report, effort: Effort, origin: str) -> None:
    """The library's own cost: all else that a request does is without I/O."""
    times = in_fresh_interpreters(NullAdapter, origin, effort.rounds, effort.calls)
    print(f"\nA warm request, null transport ({effort.rounds} rounds of {effort.calls} calls)")
    report.line("plain", f"{statistics.median(times['plain']):.1f} µs")
    over = {name: paired_difference(times, name) for name in ("floor", "ours")}
    report.line("floor, over plain", f"{over['floor']:+.1f} µs")
    report.line(
        "ours, over plain", f"{over['ours']:+.1f} µs", "at most +5.0 µs", holds=over["ours"] <= 5.0
    )


def loopback(report: Report, effort: Effort, origin: str) -> None:
    """The library's share of a request over a kept-alive connection to another process."""
    calls = max(1, effort.calls // 4)
    times = in_fresh_interpreters(HTTPAdapter, origin, effort.rounds, calls)
    print(f"\nA warm request, keep-alive loopback ({effort.rounds} rounds of {calls} calls)")
    report.line("plain", f"{statistics.median(times['plain']):.1f} µs")
    for name in ("floor", "ours"):
        report.line(f"{name}, over plain", f"{paired_difference(times, name):+.1f} µs")
    report.line("plain to floor, ratio of CPU times", f"{paired_ratio(times, 'floor'):.3f}")
    ours = paired_ratio(times, "ours")
    report.line(
        "plain to ours, ratio of CPU times", f"{ours:.3f}", "at least 0.990", holds=ours >= 0.99
    )


def in_fresh_interpreters(
    transport: type[HTTPAdapter], origin: str, count: int, calls: int
) -> dict[str, list[float]]:
    """The rounds of all variants on transports of one kind, a part in each interpreter."""
    times: dict[str, list[float]] = {}
    for _ in range(INTERPRETERS):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as interpreter:
            part = interpreter.submit(warm_rounds, transport, origin, count // INTERPRETERS, calls)
            for name, measured in part.result().items():
                times.setdefault(name, []).extend(measured)
    return times


def warm_rounds(
    transport: type[HTTPAdapter], origin: str, count: int, calls: int
) -> dict[str, list[float]]:
    """One interpreter's part."""
    with sessions(origin, transport) as variants:
        times = rounds(variants, f"{origin}/api", WARM_UP + count, calls)
    return {name: measured[WARM_UP:] for name, measured in times.items()}


def short_lived_tokens(report: Report, effort: Effort, origin: str) -> None:
    """Sixteen threads, each of which makes a plain call and one of ours by turns.

    So both are met by the same contention, renewal's own included; what remains of a difference
    between them is waiting for a token. The pause between calls leaves the processor some air:
    without it every call waits for the GIL for longer than anything else could make it wait.
    """
    cache = TokenCache()
    source = client(f"{origin}/token?lifetime={SHORT_LIFETIME}&delay={TOKEN_DELAY}")
    cache.token(source)
    before = cache.stats()
    stop_at = time.monotonic() + effort.seconds

    def calls_by_turns(_: int) -> tuple[list[int], list[int]]:
        plain, ours = [], []
        url = f"{origin}/api"
        with plain_session(HTTPAdapter()) as first, our_session(source, cache, origin) as second:
            while time.monotonic() < stop_at:
                plain.append(timed(first, url, time.perf_counter_ns))
                time.sleep(PAUSE)
                ours.append(timed(second, url, time.perf_counter_ns))
                time.sleep(PAUSE)
        return plain[1:], ours[1:]  # the first of each connects

    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(calls_by_turns, range(THREADS)))
    plain, ours = (sorted(t for result in results for t in result[i]) for i in (0, 1))
    after = cache.stats()
    # Each thread's first call, which connects, is among the hits as well.
    waited = len(ours) + THREADS - (after.hits - before.hits)
    ratio = percentile(ours, 99) / percentile(plain, 99)
    print(
        f"\nTokens of {SHORT_LIFETIME:g} s, token requests of {TOKEN_DELAY * 1000:g} ms, "
        f"{THREADS} threads ({len(ours)} calls, {after.requests - before.requests} renewals)"
    )
    report.line("plain, p99 and longest", f"{milliseconds(plain)}")
    report.line("ours, p99 and longest", f"{milliseconds(ours)}")
    report.line("ours, p99 to plain's", f"{ratio:.2f}", "at most 1.20", holds=ratio <= 1.2)
    report.line("calls that waited for a token", f"{waited}", "none", holds=waited == 0)


def look_ups(report: Report, effort: Effort) -> None:
    """A cache of many keys: the time of a hit and what it keeps for each key."""
    sources = [Source(f"{number:064x}") for number in range(effort.keys)]
    cache = TokenCache()
    gc.collect()
    tracemalloc.start()
    for source in sources:
        cache.token(source)
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    random.shuffle(sources)
    fastest = min(time_of_look_ups(cache, sources) for _ in range(effort.rounds))
    print(f"\n{effort.keys} keys in one cache")
    report.line(
        "a look-up, in random order", f"{fastest:.2f} µs", "at most 0.80 µs", holds=fastest <= 0.8
    )
    per_key = held / effort.keys
    report.line("kept for a key", f"{per_key:.0f} bytes", "at most 700 bytes", holds=per_key <= 700)
    print("  (counted: the entry and its place in the table, its state, its key's tuple, the token")
    print(
        f"  and its text of {len(TOKEN)} characters; not: the source and the text of its cache_key)"
    )


def imports(report: Report, effort: Effort) -> None:
    """What the import adds, and the first use of the names that every program needs.

    A room of the library is imported when a name from it is first used.
    """
    package = import_time("import requests_cc", effort.imports)
    print(f"\nAfter import requests, median of {effort.imports} interpreters")
    report.line("import requests_cc", f"{package:+.1f} ms", "at most +8.0 ms", holds=package <= 8.0)
    with_names = import_time(NAMES, effort.imports)
    report.line("from requests_cc import two names", f"{with_names:+.1f} ms")
    print(f"  ({NAMES})")


def import_time(statement: str, interpreters: int) -> float:
    """Milliseconds of a statement in interpreters that have just imported requests: the median.

    With compiled modules, as an installed package has them: the first interpreter compiles them,
    into a folder of this measurement's own, and is not counted.
    """
    script = (
        f"import time, requests; began = time.perf_counter(); {statement};"
        "print(time.perf_counter() - began)"
    )
    with tempfile.TemporaryDirectory() as compiled:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-c", script]
        took = [
            float(subprocess.check_output(command, env=environment)) * 1000
            for _ in range(interpreters + 1)
        ][1:]
    return statistics.median(took)


def time_of_look_ups(cache: TokenCache, sources: Sequence[Source]) -> float:
    """Microseconds of a look-up, the loop around it included."""
    token = cache.token
    began = time.thread_time_ns()
    for source in sources:
        token(source)
    return (time.thread_time_ns() - began) / len(sources) / 1000


if __name__ == "__main__":
    sys.exit(main())
