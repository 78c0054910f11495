"""Programs in an interpreter of their own, looked at from outside."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PREAMBLE = """
import atexit, signal, sys, threading, time
from requests_cc import AccessToken, TokenCache
from tests.support.sources import ManualClock, Source, in_thread, until_waiting

clock = ManualClock()
cache, source = TokenCache(clock=clock), Source(clock)

def until(condition):
    while not condition():
        time.sleep(0.01)
"""
PATCHED = "from gevent import monkey; monkey.patch_all(); import gevent\n"

needs_gevent = pytest.mark.skipif(
    importlib.util.find_spec("gevent") is None, reason="gevent is not installed"
)


def run(program: str, *, before: str = "", measured: bool = True) -> str:
    """What a program prints that finds a clock, a cache and a source.

    :param before: what comes before all imports, such as :data:`PATCHED`.
    :param measured: as for :func:`printed_by`.
    """
    return printed_by(before + PREAMBLE + textwrap.dedent(program), measured=measured)


def printed_by(program: str, *arguments: str, measured: bool = True) -> str:
    """What a program prints; anything on stderr, such as a traceback, fails the test.

    :param measured: whether coverage may look on: its own lock does not bear KeyboardInterrupt.
    """
    seen = os.environ if measured else {k: v for k, v in os.environ.items() if "COVERAGE" not in k}
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    finished = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        env={**seen, "PYTHONPATH": path},
        check=False,
    )
    # With a message each: pytest explains a bare assert in test modules only.
    assert finished.stderr == "", finished.stderr
    assert finished.returncode == 0, f"the program ended with {finished.returncode}"
    return finished.stdout.strip()
