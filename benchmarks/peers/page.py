"""Writes docs/benchmarks.rst: machine, libraries, one table, and a plot of each scenario."""

from __future__ import annotations

import os
import platform
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from overhead import load_average

from peers import plots
from peers.libraries.program import Peer
from peers.scenarios import SCENARIOS, Scenario

Found = Mapping[str, Mapping[str, Mapping[str, Any]]]
HEAD = """\
.. Written by benchmarks/peers/run.py; change that instead.

Benchmarks
==========

This library and others that get tokens for ``requests``, in the same situations, each used as its
own documentation says. This command wrote the page:

.. code-block:: console

    $ python -m pip install ".[bench]"
    $ python benchmarks/peers/run.py

on {machine}, with {python} and a load average of {load} at its end.
It takes less than five minutes; with ``--quick`` it measures less.

Each scenario has a control, which knows what a program cannot know, such as that the token was just
revoked, and so reaches the ideal. If it does not, the scenario is broken, and the command says so.
"""
READING = """\
How to read it
--------------

* If a library does not renew the token after a 401, its callers get the 401.
* A library that sends a token request in each call during an outage notices first that the outage
  is over. This library pauses between token requests, for about a second at first: it notices a
  little later, and sends a few requests instead of hundreds.
* For many clients, an auth object that holds all that a client needs takes the least memory; a
  session for each client takes the most.
* A session with an auth object looks for no entry in netrc, which takes requests some microseconds
  of each other call: such a library adds less than nothing to a call.
* google-auth has no client credentials grant: its service account sends a signed assertion, and its
  leeway of 225 s cannot be set.
* ``python benchmarks/overhead.py`` measures the cost of this library more closely, against budgets.
* The server, the API and all threads share the machine's cores. Compare the figures of one run
  only.
"""


def write(
    folder: Path,
    found: Found,
    peers: Mapping[str, type[Peer]],
    figures: Mapping[str, Any],
    missed: Mapping[str, str],
) -> None:
    """Write the page and its plots.

    :param found: the results, by scenario and library.
    :param missed: the figures in which a control missed its ideal, by scenario.
    :param figures: what the texts of the scenarios name.
    """
    pictures = folder / "_static" / "peers"
    pictures.mkdir(parents=True, exist_ok=True)
    scenarios = [scenario for scenario in SCENARIOS if scenario.name in found]
    names = {name: peer.name for name, peer in peers.items()}
    parts = [
        HEAD.format(
            machine=machine(),
            load=load_average(),
            python=f"{platform.python_implementation()} {platform.python_version()}",
        ),
        libraries(peers.values()),
        results(scenarios, found, names, figures),
        READING,
    ]
    for scenario in scenarios:
        plots.plot(scenario, found[scenario.name], names, figures, pictures)
        parts.append(section(scenario, figures, missed.get(scenario.name)))
    text = "\n\n".join(part.strip("\n") for part in parts) + "\n"
    (folder / "benchmarks.rst").write_text(text, encoding="utf-8")


def machine() -> str:
    """Return the processor, as far as the system names it, and the system."""
    processor = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text(encoding="utf-8").splitlines()
        models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        processor = models[0] if models else processor
    return f"{os.cpu_count()} cores of {processor}, {platform.system()}"


def libraries(peers: Iterable[type[Peer]]) -> str:
    """Return the table of how each library is used."""
    rows = [["library", "version", "how a program uses it"]]
    rows += [[peer.name, peer.version() or "", peer.way] for peer in peers]
    return heading("The libraries", "-") + list_table(rows, "20 10 70")


def results(
    scenarios: Sequence[Scenario],
    found: Found,
    names: Mapping[str, str],
    figures: Mapping[str, Any],
) -> str:
    """Return the table of all figures."""
    rows = [["", *names.values()]]
    for scenario in scenarios:
        title = scenario.title.format(**figures)
        for row in scenario.rows:
            label = f"{title}: {row.label.format(**figures)}"
            texts = [row.text(dict(found[scenario.name][name])) for name in names]
            rows.append([label, *(text.format(**figures) for text in texts)])
    widths = " ".join(["20", *["10"] * len(names)])
    return heading("All figures", "-") + list_table(rows, widths, stub=True)


def section(scenario: Scenario, figures: Mapping[str, Any], missed: str | None) -> str:
    """Return what the page says about one scenario."""
    title = scenario.title.format(**figures)
    text = textwrap.fill(scenario.text.format(**figures), 100, break_on_hyphens=False)
    image = f".. image:: _static/peers/{scenario.name}.svg\n   :alt: {title}, by library"
    warning = (
        f".. warning:: The control missed the ideal in this run: {missed}.\n\n" if missed else ""
    )
    return f"{heading(title, '-')}{text}\n\n{warning}{image}\n   :width: 100%"


def heading(title: str, character: str) -> str:
    """Return a title with its underline."""
    return f"{title}\n{character * len(title)}\n\n"


def list_table(rows: Sequence[Sequence[str]], widths: str, *, stub: bool = False) -> str:
    """Return a table of reStructuredText, its first row the heads."""
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}"]
    lines += ["   :stub-columns: 1"] * stub
    lines.append("")
    for row in rows:
        for number, cell in enumerate(row):
            lines.append(f"   {' ' if number else '*'} - {cell}")
    return "\n".join(line.rstrip() for line in lines) + "\n"
