"""Measuring variants by turns, and comparing what ran within milliseconds of each other."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import requests

Clock = Callable[[], int]
Times = Mapping[str, Sequence[float]]  # microseconds of a call, by variant, for each round


class Report:
    """Prints measurements, and budgets beside them."""

    def __init__(self) -> None:
        self.missed = 0

    def line(self, what: str, measured: str, budget: str = "", *, holds: bool = True) -> None:
        self.missed += not holds
        verdict = ("holds" if holds else "MISSED") if budget else ""
        print(f"  {what:<34}{measured:>18}   {budget:<22}{verdict}".rstrip(), flush=True)


def rounds(
    variants: Mapping[str, requests.Session], url: str, count: int, calls: int
) -> dict[str, list[float]]:
    """Microseconds of CPU time a call, for each variant and round; the order turns each round."""
    times: dict[str, list[float]] = {name: [] for name in variants}
    order = list(variants)
    for _ in range(count):
        gc.collect()
        gc.disable()  # a collection would fall to whichever block happens to run
        for name in order:
            block = sum(timed(variants[name], url, time.thread_time_ns) for _ in range(calls))
            times[name].append(block / calls / 1000)
        gc.enable()
        order.append(order.pop(0))
    return times


def timed(session: requests.Session, url: str, clock: Clock) -> int:
    """Nanoseconds of one call."""
    began = clock()
    response = session.get(url)
    took = clock() - began
    response.raise_for_status()
    return took


def paired_difference(times: Mapping[str, Sequence[float]], name: str) -> float:
    pairs = zip(times[name], times["plain"], strict=True)
    return statistics.median(own - plain for own, plain in pairs)


def paired_ratio(times: Mapping[str, Sequence[float]], name: str) -> float:
    pairs = zip(times[name], times["plain"], strict=True)
    return statistics.median(plain / own for own, plain in pairs)


def percentile(sorted_times: Sequence[int], percent: int) -> float:
    return sorted_times[len(sorted_times) * percent // 100]


def milliseconds(sorted_times: Sequence[int]) -> str:
    return f"{percentile(sorted_times, 99) / 1e6:.1f}, {sorted_times[-1] / 1e6:.1f} ms"
