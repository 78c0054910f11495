"""What each library costs while nothing happens: its import, a warm call, ten thousand clients."""

from __future__ import annotations

import gc
import random
import statistics
import time
import tracemalloc
from typing import Any

import requests
from paired import paired_difference, paired_ratio, rounds
from requests.adapters import HTTPAdapter
from start import import_times
from variants import NullAdapter, on_fake_sockets

from peers.libraries import peer_named
from peers.libraries.program import Call, client_origin
from peers.setting import Effort, program, server

WARM_UP = 2  # rounds that do not count
TURNS = 5  # through all look-ups; the fastest counts, since disturbances only add
SAMPLE = 1000  # clients whose calls are timed


def imports(peer: str, effort: Effort) -> dict[str, Any]:
    """Time the import that a program begins with, after ``import requests``."""
    took = import_times(peer_named(peer).statement, effort.imports)
    return {"milliseconds": statistics.median(took)}


def warm_call(peer: str, effort: Effort) -> dict[str, Any]:
    """Time a call with a valid token, by turns with a session that has a static header."""
    with server() as at:
        variants = {"plain": program("plain", at).session(), "peer": program(peer, at).session()}
        for session in variants.values():
            session.get(at.api).raise_for_status()
        loopback = rounds(variants, at.api, WARM_UP + effort.rounds, max(1, effort.calls // 4))
        for session in variants.values():
            adapter = session.get_adapter(at.api)
            assert isinstance(adapter, HTTPAdapter)
            on_fake_sockets(adapter).poolmanager.clear()
        fake = rounds(variants, at.api, WARM_UP + effort.rounds, effort.calls)
    return {
        "microseconds": paired_difference(without_warm_up(fake), "peer"),
        "ratio": paired_ratio(without_warm_up(loopback), "peer"),
    }


def without_warm_up(times: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return the rounds that count."""
    return {name: measured[WARM_UP:] for name, measured in times.items()}


def many_clients(peer: str, effort: Effort) -> dict[str, Any]:
    """Measure what each of many clients keeps in memory, and a call by any of them."""
    urls = [f"{client_origin(number)}/path" for number in range(effort.keys)]
    with server() as at:
        plain, measured = program("plain", at), program(peer, at)
        measured.many(1, NullAdapter)  # what is imported or made once is not a client's
        gc.collect()
        tracemalloc.start()
        call = measured.many(effort.keys, NullAdapter)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        calls = {"plain": plain.many(effort.keys, NullAdapter), "peer": call}
        least = {name: float("inf") for name in calls}
        for _ in range(TURNS):
            for name, one in calls.items():
                least[name] = min(least[name], time_of(one, urls))
    return {"bytes": kept / effort.keys, "microseconds": least["peer"] - least["plain"]}


def time_of(call: Call, urls: list[str]) -> float:
    """Return the microseconds of a call by clients in random order."""
    order = random.Random(1).sample(range(len(urls)), min(SAMPLE, len(urls)))
    assert call(order[0], urls[order[0]]).status_code == requests.codes.ok
    began = time.thread_time_ns()
    for number in order:
        call(number, urls[number])
    return (time.thread_time_ns() - began) / len(order) / 1000
