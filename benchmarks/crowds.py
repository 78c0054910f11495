"""What many threads meet: calls over loopback, and tokens that grow old under load."""

from __future__ import annotations

import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import requests
from paired import Report, milliseconds, percentile, timed
from requests.adapters import HTTPAdapter
from variants import client, our_session, plain_session

from requests_cc import TokenCache

CROWDS = (1, 4, 16, 64)  # threads
TURNS = 7  # blocks of each variant
SHORT_LIFETIME = 2.0  # seconds
TOKEN_DELAY = 0.3  # seconds
THREADS = 16
PAUSE = 0.02  # seconds between a thread's calls


def crowds(report: Report, origin: str, calls: int) -> None:
    """Print the calls a second of plain threads and of ours, by turns, over kept-alive loopback.

    :param calls: of all threads together, in one block.
    """
    cache, source = TokenCache(), client(f"{origin}/token?lifetime=3600&delay=0")
    print(f"\nThreads on keep-alive loopback, a session each ({TURNS} blocks of {calls} calls)")
    for threads in CROWDS:
        ratios, rate = [], 0.0
        for _ in range(TURNS):
            plain = [plain_session(HTTPAdapter()) for _ in range(threads)]
            ours = [our_session(source, cache, origin) for _ in range(threads)]
            before, rate = rate_of(plain, origin, calls), rate_of(ours, origin, calls)
            ratios.append(rate / before)
        ratio = statistics.median(ratios)
        report.line(f"{threads} threads, ours to plain", f"{ratio:.2f}  ({rate:,.0f}/s)")


def rate_of(sessions: list[requests.Session], origin: str, calls: int) -> float:
    """Return the calls a second of one thread for each session."""
    each = max(1, calls // len(sessions))
    barrier = threading.Barrier(len(sessions) + 1)

    def call(session: requests.Session) -> None:
        with session:
            session.get(f"{origin}/api")  # connects
            barrier.wait()
            for _ in range(each):
                session.get(f"{origin}/api")

    with ThreadPoolExecutor(len(sessions)) as pool:
        running = [pool.submit(call, session) for session in sessions]
        barrier.wait()
        began = time.perf_counter()
        for one in running:
            one.result()
        return each * len(sessions) / (time.perf_counter() - began)


def short_lived_tokens(report: Report, origin: str, seconds: float) -> None:
    """Print the waits of threads that each make a plain call and one of ours by turns.

    So both are met by the same contention, renewal's own included; what remains of a difference
    between them is waiting for a token. The pause between calls leaves the processor some air:
    without it every call waits for the GIL for longer than anything else could make it wait.
    """
    cache = TokenCache()
    source = client(f"{origin}/token?lifetime={SHORT_LIFETIME}&delay={TOKEN_DELAY}")
    cache.token(source)
    before = cache.stats()
    stop_at = time.monotonic() + seconds

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
