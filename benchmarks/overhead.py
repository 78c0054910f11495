"""What this library costs: a warm call, many threads, many keys and origins, the import.

Run ``python benchmarks/overhead.py`` on an otherwise idle machine; ``--quick`` for a look,
``--rounds N`` for a closer one. The exit status is 1 if a budget is missed. How each figure is
measured, and why so, stands in ``warm.py``, ``crowds.py``, ``growth.py`` and ``start.py``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

import requests
import urllib3
from crowds import crowds, short_lived_tokens
from growth import audiences, look_ups
from paired import Report
from start import command_line, imports
from variants import loopback_server
from warm import INTERPRETERS, instructions, warm_calls


class Effort(NamedTuple):
    """How much is measured.

    :param rounds: of all variants of a warm call, over all interpreters.
    :param calls: in one block.
    :param imports: fresh interpreters for each statement.
    :param keys: in the cache whose look-ups are timed.
    :param seconds: of load on short-lived tokens.
    """

    rounds: int = 120
    calls: int = 400
    imports: int = 15
    keys: int = 10_000
    seconds: float = 12.0


QUICK = Effort(rounds=40, imports=7, seconds=5.0)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure everything; return the exit status."""
    effort = effort_of(argv)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]  # no proxy leads to loopback
    report = Report()
    print(
        f"Python {sys.version.split()[0]}, requests {requests.__version__}, "
        f"urllib3 {urllib3.__version__}; budget on the right"
    )
    print(f"load average {load_average()} on {os.cpu_count()} cores; measure on an idle machine")
    with loopback_server() as origin:
        warm_calls(report, origin, effort.rounds, effort.calls)
        instructions(report, origin)
        crowds(report, origin, effort.calls * 4)
        short_lived_tokens(report, origin, effort.seconds)
        command_line(report, origin, effort.imports)
    look_ups(report, effort.keys, effort.rounds)
    audiences(report, effort.rounds)
    imports(report, effort.imports)
    return 1 if report.missed else 0


def effort_of(argv: Sequence[str] | None) -> Effort:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description="What this library costs.")
    parser.add_argument(
        "--rounds",
        type=multiple_of_interpreters,
        help=f"of all variants, a multiple of {INTERPRETERS}; more is steadier",
    )
    parser.add_argument("--quick", action="store_true", help="a first look, in a minute or two")
    options = parser.parse_args(argv)
    effort = QUICK if options.quick else Effort()
    return effort if options.rounds is None else effort._replace(rounds=options.rounds)


def multiple_of_interpreters(text: str) -> int:
    """Return a number of rounds of which each interpreter makes the same part."""
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
    """Return that of the last minute, if the system has one."""
    try:
        return f"{os.getloadavg()[0]:.2f}"
    except (AttributeError, OSError):  # AttributeError: Windows
        return "unknown"


if __name__ == "__main__":
    sys.exit(main())
