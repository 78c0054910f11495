"""Airflow: HttpHook(adapter=...), which mounts it on the scheme of its connection."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

from .journey import Journey
from .packages import installed
from .program import Program

installed("apache-airflow-providers-http")


def test_a_hook_sends_through_the_adapter(journey: Journey, tmp_path: Path) -> None:
    origin = urlsplit(journey.server.origin)
    connection = {
        "conn_type": "http",
        "schema": "http",
        "host": origin.hostname,
        "port": origin.port,
    }
    variables = {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW_CONN_API": json.dumps(connection),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
    }
    with Program(journey, tmp_path, "airflow_hook.py", variables=variables) as program:
        journey.assert_whole(program.call, body=b"whole", stored=lambda: [tmp_path])
