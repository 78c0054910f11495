from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

KEY_LINES = {
    "quickstart.py": "token requests: 2",
    "legacy_script.py": "tokens revoked half-way, after:  [200, 200, 200, 200]",
    "microservice.py": "40 more, tokens revoked:   {200}, token requests in all: 2",
    "cron_job.py": "exit statuses: [0, 78, 75, 78]",
    "parallel_batch.py": "token requests: 1 at the start, 1 after a revocation",
    "own_source.py": "the command ran 2 times",
    "rotate_secret.py": "3. the new one is in use",
    "shared_folder.py": "tokens revoked; 20 of 20 runs of a script succeeded, token requests: 1",
    "shared_redis.py": "8 of 8 workers succeeded, token requests: 1",
    "token_exchange.py": "token exchanges: 2 for these, and 1 by hand",
    "test_with_responses.py": "6 passed",
    "trace.py": "events=['requests_cc.token_rejected', 'requests_cc.request_resent']",
}

SLOW = {"shared_folder.py", "shared_redis.py", "trace.py"}  # dozens of processes, or seconds


def run(*command: str) -> subprocess.CompletedProcess[str]:
    # As on a user's machine: no proxy stands before loopback, and no setting of ours is there.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith("OAUTH_")
    }
    return subprocess.run(
        [sys.executable, "-W", "error", *command],
        capture_output=True,
        text=True,
        timeout=300,
        env={**environment, "PYTEST_ADDOPTS": "--numprocesses 0"},
        check=False,
    )


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in KEY_LINES],
)
def test_an_example_does_what_it_says(name: str, tmp_path: Path) -> None:
    ended = run(str(EXAMPLES / name))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert KEY_LINES[name] in ended.stdout
    assert ended.stderr == ""


def test_each_example_is_executed_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(KEY_LINES)


@pytest.mark.parametrize("name", KEY_LINES)
def test_an_example_keeps_the_part_to_copy_apart(name: str) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    marks = [line for line in text.splitlines() if line.startswith("# --- ")]
    assert any("what runs" in mark for mark in marks)
    assert len(marks) >= 2
