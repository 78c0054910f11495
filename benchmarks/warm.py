"""What a warm call costs one thread: without a transport, over a fake socket, over loopback.

The variants take turns in blocks within one run, and each round gives one difference and one
ratio between blocks that ran within milliseconds of each other; reported is the median over the
rounds. A machine that slows down, or is shared, slows all variants of a round alike: absolute times
move by tens of per cent from run to run, paired ones do not, and the median drops the rounds in
which a disturbance hit one block only. The rounds are spread over fresh interpreters, since one and
the same code is faster in one process than in another, by where its memory happens to lie.

A call is timed by the CPU time of its thread. What that leaves out, the wait for the server and
for other processes, is the same for every variant, so the ratio comes out no better for it; by the
clock on the wall even the floor is one per cent off plain, to either side, from run to run. So the
ratio over loopback is one of CPU times, and no count of requests per second.

Null transport shows what the adapter itself adds. It hides what urllib3 saves on the authorized
copy's headers; the fake socket shows both, without the noise of a real one.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from paired import Report, paired_difference, paired_ratio, rounds
from variants import sessions

INTERPRETERS = 5  # one after another
WARM_UP = 2  # rounds in each that do not count: an interpreter gets used to the code
COUNTED_CALLS = 400  # under callgrind, which takes fifty times as long


def warm_calls(report: Report, origin: str, count: int, calls: int) -> None:
    """Print the cost of a warm call on each transport.

    :param count: rounds over all interpreters, a multiple of ``INTERPRETERS``.
    :param calls: in one block; a quarter of that over loopback, where the shorter blocks of a
        round lie closer together.
    """
    for transport in ("null", "fake socket"):
        times = in_fresh_interpreters(transport, origin, count, calls)
        print(f"\nA warm call, {transport} ({count} rounds of {calls} calls)")
        report.line("plain", f"{statistics.median(times['plain']):.1f} µs")
        report.line("floor, over plain", f"{paired_difference(times, 'floor'):+.1f} µs")
        ours = paired_difference(times, "ours")
        budget = "at most 0 µs" if transport == "fake socket" else ""
        report.line("ours, over plain", f"{ours:+.1f} µs", budget, holds=round(ours, 1) <= 0)
    calls = max(1, calls // 4)
    times = in_fresh_interpreters("loopback", origin, count, calls)
    print(f"\nA warm call, keep-alive loopback ({count} rounds of {calls} calls)")
    report.line("plain", f"{statistics.median(times['plain']):.1f} µs")
    for name in ("floor", "ours"):
        report.line(f"{name}, over plain", f"{paired_difference(times, name):+.1f} µs")
    report.line("plain to floor, ratio of CPU times", f"{paired_ratio(times, 'floor'):.3f}")
    ratio = paired_ratio(times, "ours")
    report.line(
        "plain to ours, ratio of CPU times",
        f"{ratio:.3f}",
        "at least 1.000",
        holds=round(ratio, 3) >= 1,
    )


def in_fresh_interpreters(
    transport: str, origin: str, count: int, calls: int
) -> dict[str, list[float]]:
    """Return the rounds of all variants on one transport, a part from each interpreter."""
    times: dict[str, list[float]] = {}
    for _ in range(INTERPRETERS):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as interpreter:
            part = interpreter.submit(warm_rounds, transport, origin, count // INTERPRETERS, calls)
            for name, measured in part.result().items():
                times.setdefault(name, []).extend(measured)
    return times


def warm_rounds(transport: str, origin: str, count: int, calls: int) -> dict[str, list[float]]:
    """Measure one interpreter's part."""
    with sessions(origin, transport) as variants:
        times = rounds(variants, f"{origin}/api", WARM_UP + count, calls)
    return {name: measured[WARM_UP:] for name, measured in times.items()}


def instructions(report: Report, origin: str) -> None:
    """Print the instructions of a warm call over the fake socket, if valgrind is installed.

    A count is the same in each run, whatever else the machine does.
    """
    if shutil.which("valgrind") is None:
        print("\nNo instructions were counted: valgrind is not installed")
        return
    print(f"\nA warm call over the fake socket, instructions (callgrind, {COUNTED_CALLS} calls)")
    _instructions_of("plain", origin, 0)  # not counted: the first one may compile the modules
    counted = {name: _counted(name, origin) for name in ("plain", "ours")}
    for name, count in counted.items():
        report.line(name, f"{count:,.0f}")
    report.line("ours to plain", f"{counted['ours'] / counted['plain']:.3f}")


def _counted(name: str, origin: str) -> float:
    none, some = (_instructions_of(name, origin, calls) for calls in (0, COUNTED_CALLS))
    return (some - none) / COUNTED_CALLS


def _instructions_of(name: str, origin: str, calls: int) -> int:
    program = (
        f"import gc; from variants import sessions\n"
        f"with sessions({origin!r}, 'fake socket') as variants:\n"
        f"    gc.disable()\n"
        f"    for _ in range({calls}): variants[{name!r}].get({origin + '/api'!r})\n"
    )
    callgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    run = subprocess.run(
        [*callgrind, sys.executable, "-c", program],
        env={"PYTHONPATH": sys.path[0], "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    collected = next(line for line in run.stderr.splitlines() if "Collected" in line)
    return int(collected.rpartition(":")[2])
