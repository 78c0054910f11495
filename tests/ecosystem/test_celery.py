"""Celery's prefork pool, whose parent has called before it forks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .front import Front
from .journey import Journey
from .packages import needed
from .program import environment

celery = needed("celery", "celery")

WORKERS = 2
DELAY = 0.02  # seconds: calls of the two processes overlap


@pytest.fixture
def app(journey: Journey, tmp_path: Path) -> Iterator[Any]:
    """Return the application, with a running worker of two processes."""
    for name in ("queue", "results"):
        (tmp_path / name).mkdir()
    queue = dict.fromkeys(("data_folder_in", "data_folder_out"), str(tmp_path / "queue"))
    queue["control_folder"] = str(tmp_path / "control")
    app = celery.Celery(broker="filesystem://", backend=f"file://{tmp_path}/results")
    app.conf.broker_transport_options = queue
    worker = ["-A", "celery_app", "worker", "--pool=prefork", f"--concurrency={WORKERS}"]
    with (
        Front(journey.server, {}, delay=DELAY) as front,
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "celery", *worker, "--loglevel=DEBUG"],
            cwd=tmp_path,
            env={
                **environment(journey, tmp_path),
                "API_URL": f"{front.url}/",
                "CELERY_FOLDER": str(tmp_path),
            },
            stdout=log,
            stderr=log,
        ) as running,
    ):
        yield app
        running.terminate()


def test_its_processes_call_and_nobody_gets_anothers_response(
    journey: Journey, app: Any, tmp_path: Path
) -> None:
    def call_all() -> list[str]:
        results = [app.send_task("orders.call", [number]) for number in range(20)]
        return [result.get(timeout=60, interval=0.05) for result in results]

    paths = [f"/api/{number}" for number in range(20)]
    assert call_all() == paths
    assert len(journey.server.token_requests) == 1
    journey.server.revoke_tokens()
    assert call_all() == paths
    assert len(journey.server.token_requests) <= 1 + WORKERS
    puts = [request for request in journey.server.api_requests if request.method == "PUT"]
    assert {request.body for request in puts} == {b"whole"}
    journey.assert_recorded_nowhere([tmp_path])
