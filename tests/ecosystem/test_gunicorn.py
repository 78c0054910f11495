"""gunicorn --preload: its workers are forked by a process that has called."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from .front import Front
from .journey import Journey
from .packages import installed
from .program import environment

installed("gunicorn")

WORKERS = 2
DELAY = 0.02  # seconds: calls of the two processes overlap


@pytest.fixture
def url(journey: Journey, tmp_path: Path) -> Iterator[str]:
    """Return the URL of an application with two workers."""
    command = ["gunicorn", "--preload", f"--workers={WORKERS}", "--bind=127.0.0.1:0"]
    options = ["--access-logfile=-", "--log-level=debug", "preloaded"]
    log = tmp_path / "log"
    with (
        Front(journey.server, {}, delay=DELAY) as front,
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", *command, *options],
            cwd=tmp_path,
            env={**environment(journey, tmp_path), "API_URL": f"{front.url}/"},
            stdout=output,
            stderr=output,
        ) as running,
    ):
        try:
            yield listening_at(log, running)
        finally:
            running.terminate()


def listening_at(log: Path, running: subprocess.Popen[bytes]) -> str:
    """Return the URL that gunicorn logs once it listens."""
    end = time.monotonic() + 60
    while time.monotonic() < end and running.poll() is None:
        found = re.search(r"Listening at: (http://[0-9.:]+)", log.read_text())
        if found:
            return found[1]
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def test_its_workers_call_and_nobody_gets_anothers_response(
    journey: Journey, url: str, tmp_path: Path
) -> None:
    workers: set[str] = set()

    def path_of(number: int) -> str:
        response = requests.get(f"{url}/{number}", timeout=30)
        workers.add(response.headers["X-Worker"])
        return response.text

    def call_all() -> list[str]:
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(path_of, range(40)))

    paths = [f"/api/{number}" for number in range(40)]
    assert call_all() == paths
    assert len(journey.server.token_requests) == 1
    journey.server.revoke_tokens()
    assert call_all() == paths
    assert len(journey.server.token_requests) <= 1 + WORKERS
    assert len(workers) == WORKERS
    journey.assert_recorded_nowhere([tmp_path])
