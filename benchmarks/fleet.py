"""What a fleet costs its authorization server: token requests an hour, and in the worst second.

    python benchmarks/fleet.py
    python benchmarks/fleet.py --quick
    python benchmarks/fleet.py --workers 40 --plot fleet.svg

Thousands of workers call an API with the tokens of one client, in simulated time. They are the same
calls at the same moments for each policy. Of this library the real code runs: a ``TokenCache`` for
each worker and all that it is made of, over a store that is real but for its time. Simulated are
the calls (as a Poisson process), the token endpoint, the store's latency, and the waiting: of the
calls of one worker that need a token while it requests one, the first goes through the cache, and
the others are counted as having waited with it. A renewal ahead, which has a thread of its own in a
real worker, runs in the call that finds it due, and no call is counted as having waited for it.
The store serves any number of workers at one time, and gives a lock to whoever waits for it the
moment it is free: what thousands of clients ask of a server at once, how it bears that, and that a
client waits for a lock by asking for it again and again, is not simulated.
"""

from __future__ import annotations

import argparse
import heapq
import logging
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import requests
from fleet_policies import POLICIES, Named, OurSharedCaches, simulated
from fleet_world import Settings, SimulatedClock, TokenEndpoint

START = 300  # seconds that count as the start
WIDTH = 10  # seconds of a bar in the plot
QUICK = Settings(workers=500)
# As plain on white as on near black.
COLORS = ("#1a9b6c", "#3f8fd0", "#8a8a8a", "#a8922a", "#d9534f", "#9b78c9", "#d97a20")
GREY = "#787878"


@dataclass
class Tally:
    """What happened in one simulation.

    :param arrivals: token requests in each second.
    :param waited: calls that waited for a token.
    :param store_operations: in all; None without a store.
    """

    name: str
    hours: float
    calls: int = 0
    failed: int = 0
    waited: int = 0
    longest_wait: float = 0.0
    arrivals: Counter[int] = field(default_factory=Counter)
    failed_requests: int = 0
    store_operations: int | None = None

    @property
    def at_start(self) -> int:
        return sum(count for second, count in self.arrivals.items() if second < START)

    @property
    def an_hour(self) -> float:
        """Token requests an hour, the start left out."""
        return (self.arrivals.total() - self.at_start) / (self.hours - START / 3600)

    def worst_second(self, *, at_start: bool) -> int:
        counts = (n for second, n in self.arrivals.items() if (second < START) is at_start)
        return max(counts, default=0)


def simulate(named: Named, settings: Settings) -> Tally:
    """Runs all calls of the workers through one policy."""
    clock = SimulatedClock()
    endpoint = TokenEndpoint(clock, settings)
    tally = Tally(named.name, settings.hours, arrivals=endpoint.arrivals)
    with simulated(clock, settings.seed):
        policy = named.make(clock, endpoint, settings)
        busy_until = [0.0] * settings.workers
        shared_by_waiting: dict[int, bool] = {}  # by worker: whether that token request failed
        for at, worker in calls(settings):
            tally.calls += 1
            if at < busy_until[worker]:
                if worker in shared_by_waiting:
                    tally.waited += 1
                    tally.failed += shared_by_waiting[worker]
                continue
            clock.now = at
            try:
                waited, failed = policy.call(worker), False
            except requests.RequestException:
                waited = failed = True
            if clock.now > at:
                busy_until[worker] = clock.now
                shared_by_waiting.pop(worker, None)
                if waited:
                    shared_by_waiting[worker] = failed
                    tally.waited += 1
                    tally.longest_wait = max(tally.longest_wait, clock.now - at)
            tally.failed += failed
    tally.failed_requests = endpoint.failures
    if isinstance(policy, OurSharedCaches):
        tally.store_operations = policy.shared.operations
    return tally


def calls(settings: Settings) -> Iterator[tuple[float, int]]:
    """When which worker calls the API, in order: first as it starts, then at random."""
    source = random.Random(settings.seed)
    starts = [source.random() * settings.spread for _ in range(settings.workers)]
    firsts = sorted((at, worker) for worker, at in enumerate(starts))
    spread = max(starts)
    others = (c for c in _at_random(source, settings, 0.0, spread) if starts[c[1]] < c[0])
    yield from heapq.merge(firsts, others)
    yield from _at_random(source, settings, spread, settings.hours * 3600)


def _at_random(
    source: random.Random, settings: Settings, begin: float, end: float
) -> Iterator[tuple[float, int]]:
    """The calls of all workers together: each worker's are a Poisson process."""
    draw, log, workers = source.random, math.log, settings.workers
    mean_pause = 60 / (settings.calls * workers)
    at = begin
    while (at := at - mean_pause * log(1.0 - draw())) < end:
        yield at, int(draw() * workers)


def table(tallies: Sequence[Tally]) -> str:
    """The results, as a simple table of reStructuredText."""
    heads = [
        ("policy", ""),
        ("token requests", "at the start"),
        ("an hour", "afterwards"),
        ("worst second", "at the start"),
        ("worst second", "afterwards"),
        ("calls that", "failed"),
        ("calls that", "waited"),
        ("longest", "wait"),
    ]
    rows = [
        [
            tally.name,
            f"{tally.at_start:,}",
            f"{tally.an_hour:,.1f}" if tally.an_hour < 100 else f"{tally.an_hour:,.0f}",
            f"{tally.worst_second(at_start=True):,}",
            f"{tally.worst_second(at_start=False):,}",
            f"{tally.failed:,}",
            f"{tally.waited:,}",
            f"{tally.longest_wait:.2f} s",
        ]
        for tally in tallies
    ]
    columns = list(zip(*heads, strict=True)) + [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*columns, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in columns]
    return "\n".join([rule, *lines[:2], rule, *lines[2:], rule])


def plot(tallies: Sequence[Tally], path: str, settings: Settings) -> None:
    """Token requests in each second, over time: one row for each policy."""
    import matplotlib as mpl  # noqa: PLC0415 - an extra, and slow to import

    mpl.use("agg")
    mpl.rcParams.update(
        {
            "svg.hashsalt": "fleet",  # the same picture is the same file
            "svg.fonttype": "none",
            "font.family": "sans-serif",
            "axes.edgecolor": GREY,
            **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), GREY),
        }
    )
    from matplotlib import pyplot  # noqa: PLC0415

    figure, rows = pyplot.subplots(
        len(tallies), figsize=(8, 0.9 * len(tallies) + 0.8), sharex=True, sharey=True, squeeze=False
    )
    for axes, tally, color in zip(rows[:, 0], tallies, COLORS, strict=False):
        # One path for all bars, since a picture of thousands of paths is large.
        minutes, counts = [], []
        for second, count in worst_of_each(WIDTH, tally.arrivals).items():
            minutes += [second / 60, second / 60, math.nan]
            counts += [0.5, count, math.nan]
        axes.plot(minutes, counts, color=color, linewidth=1.2)
        axes.set_yscale("log")
        axes.set_ylim(0.5, 3 * settings.workers)
        axes.set_title(tally.name, loc="left", fontsize=8, pad=2)
        axes.tick_params(labelsize=7)
        axes.minorticks_off()
    rows[-1, 0].set_xlabel("minutes", fontsize=8)
    figure.suptitle(f"Token requests in each second, {settings.workers:,} workers", fontsize=10)
    figure.tight_layout(pad=0.6)
    metadata = {"Date": None} if path.endswith(".svg") else {}
    figure.savefig(path, metadata=metadata, dpi=110, transparent=True)
    pyplot.close(figure)


def worst_of_each(width: int, arrivals: Mapping[int, int]) -> dict[int, int]:
    """The worst second in each so many seconds: nearer ones would lie on one another."""
    worst: dict[int, int] = {}
    for second, count in sorted(arrivals.items()):
        begin = second - second % width
        worst[begin] = max(worst.get(begin, 0), count)
    return worst


def settings_of(options: argparse.Namespace) -> Settings:
    chosen = {f.name: getattr(options, f.name) for f in fields(Settings)}
    settings = replace(
        QUICK if options.quick else Settings(),
        **{name: value for name, value in chosen.items() if value is not None},
    )
    if settings.hours * 3600 <= START or settings.workers < 1 or settings.calls <= 0:
        sys.exit(f"fleet.py: more than {START} s, one worker and some calls are needed")
    return settings


def main(argv: Sequence[str] | None = None) -> int:
    """Simulates each policy and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for setting in fields(Settings):
        parser.add_argument(
            f"--{setting.name.replace('_', '-')}",
            type=type(setting.default),
            help=f"see fleet_world.Settings (default: {setting.default})",
        )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK.workers} workers")
    parser.add_argument("--plot", metavar="FILE", help="an .svg or .png (extra bench: matplotlib)")
    options = parser.parse_args(argv)
    settings = settings_of(options)
    # The failures are part of the simulation.
    logging.getLogger("requests_cc").addHandler(logging.NullHandler())
    print(", ".join(f"{f.name} {getattr(settings, f.name):,}" for f in fields(settings)))
    began, tallies = time.monotonic(), []
    for named in POLICIES:
        tallies.append(simulate(named, settings))
        print(f"  {time.monotonic() - began:6.1f} s  {named.name}", file=sys.stderr, flush=True)
    print(f"{tallies[0].calls:,} calls; the start: the first {START} s\n\n{table(tallies)}\n")
    for tally in tallies:
        if tally.store_operations is not None:
            each = tally.store_operations / settings.workers / settings.hours
            print(f"{tally.name}: {each:.1f} store operations an hour for each worker")
    if options.plot:
        plot(tallies, options.plot, settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
