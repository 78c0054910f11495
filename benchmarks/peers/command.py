"""The command: measures every scenario for every library, prints the figures, writes the page."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peers.libraries import CLASSES, peer_named
from peers.libraries.program import Peer
from peers.scenarios import SCENARIOS, Scenario
from peers.setting import QUICK, Effort

BENCHMARKS = Path(__file__).resolve().parents[1]
DOCS = BENCHMARKS.parent / "docs"
LIMIT = 120  # seconds for one library in one scenario
Found = dict[str, dict[str, dict[str, Any]]]  # by scenario and library


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; return 1 if a control misses its ideal, since that scenario shows nothing."""
    options = arguments(argv)
    effort = QUICK if options.quick else Effort()
    peers = installed(options.only)
    found: Found = {}
    for scenario in SCENARIOS:
        if options.scenario and scenario.name not in options.scenario:
            continue
        print(f"\n{scenario.title.format(**figures(effort))}", flush=True)
        found[scenario.name] = {name: measured(scenario, name, effort) for name in peers}
    missed = broken(found, quick=options.quick)
    for name, figure in missed.items():
        print(f"BROKEN: {name}: {figure}")
    folder = options.output or (None if options.quick or options.scenario else DOCS)
    if folder is not None:
        from peers import page  # noqa: PLC0415 - a run without a page needs no matplotlib

        page.write(Path(folder), found, peers, figures(effort), missed)
    return 1 if missed else 0


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description="This library and its peers, compared.")
    parser.add_argument("--quick", action="store_true", help="a short look; writes no page")
    parser.add_argument("--only", nargs="+", choices=CLASSES, default=list(CLASSES), metavar="NAME")
    parser.add_argument(
        "--scenario", nargs="+", choices=[scenario.name for scenario in SCENARIOS], metavar="NAME"
    )
    parser.add_argument("--output", metavar="FOLDER", help="of the page and its plots, not docs")
    return parser.parse_args(argv)


def installed(names: Sequence[str]) -> dict[str, type[Peer]]:
    """Return the programs of these libraries, or end with the names of those not installed."""
    missing = [f"{name} ({why})" for name in names if (why := failed_import(name))]
    if missing:
        sys.exit(
            f"not installed: {', '.join(missing)}; install the extra bench, or pass --only NAME ..."
        )
    return {name: peer_named(name) for name in names}


def failed_import(name: str) -> ImportError | None:
    """Return the error with which a library cannot be imported, or None."""
    try:
        peer_named(name)
    except ImportError as error:
        return error
    return None


def measured(scenario: Scenario, name: str, effort: Effort) -> dict[str, Any]:
    """Run one scenario for one library in an interpreter of its own, and print its figures."""
    began = time.monotonic()
    command = [sys.executable, "-m", "peers.measure", scenario.name, name]
    run = subprocess.run(
        [*command, json.dumps(effort._asdict())],
        cwd=BENCHMARKS,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    if run.returncode:
        sys.exit(f"{scenario.name} failed for {name}:\n{run.stderr}")
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    shown = ", ".join(
        f"{row.label} {row.text(found)}".format(**figures(effort)) for row in scenario.rows
    )
    print(f"  {name:<22}{shown}  ({time.monotonic() - began:.1f} s)", flush=True)
    return found


def environment() -> dict[str, str]:
    """Return that of a measurement: no proxy leads to loopback, and plain http is allowed there."""
    kept = {
        name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")
    }
    return {**kept, "OAUTHLIB_INSECURE_TRANSPORT": "1"}


def figures(effort: Effort) -> dict[str, Any]:
    """Return the numbers that the texts of the scenarios name."""
    return {**effort._asdict(), "few": effort.crowds[-3:][0], "many": effort.crowds[-1]}


def broken(found: Found, *, quick: bool) -> dict[str, str]:
    """Return the figures in which the control misses the ideal, by scenario."""
    missed: dict[str, str] = {}
    for scenario in SCENARIOS:
        control = found.get(scenario.name, {}).get("control")
        for row in scenario.rows:
            if control and (row.exact or not quick) and not row.ideal(control[row.key]):
                missed[scenario.name] = f"its {row.key} is {row.text(control)}"
    return missed
