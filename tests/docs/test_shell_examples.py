"""The examples for shells: a script, and a line for cron."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from requests_cc.testing import LocalServer

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CRONTAB = EXAMPLES / "crontab"

pytestmark = pytest.mark.skipif(
    shutil.which("sh") is None or not Path(sys.executable).with_name("requests-cc").exists(),
    reason="wants a shell, and the installed command",
)


def environment(**more: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith("OAUTH_")
    }
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**kept, "PATH": path, "PYTHONWARNINGS": "error", **more}


def run(*command: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=environment(**more), check=False
    )


def test_the_script_does_what_it_says() -> None:
    ended = run("sh", str(EXAMPLES / "shell_script.sh"))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("a report was sent\n") == 3
    assert "with a wrong secret: exit status 78\n" in ended.stdout
    assert ended.stdout.endswith("token requests that succeeded: 1\n")


def test_the_line_for_cron_makes_one_token_request_for_many_runs(tmp_path: Path) -> None:
    lines = CRONTAB.read_text(encoding="utf-8").splitlines()
    settings = dict(line.split("=", 1) for line in lines if line.startswith("OAUTH_"))
    (line,) = (line for line in lines if line.startswith("* * * * * "))
    assert "%" not in line  # which ends a command for cron
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    with LocalServer({"heartbeat": "s3cret"}) as server:
        command = line.removeprefix("* * * * * ").replace(
            "https://api.example.com/", server.api_url
        )
        settings |= {
            "OAUTH_TOKEN_URL": server.token_url,
            "OAUTH_CLIENT_SECRET_FILE": str(secret),
            "HOME": str(tmp_path),
        }
        for _ in range(3):
            ended = run("sh", "-c", command, **settings)
            assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
        assert [request.method for request in server.api_requests] == ["POST"] * 3
        assert len(server.token_requests) == 1
        secret.write_text("an old one")
        ended = run("sh", "-c", command, **{**settings, "HOME": f"{tmp_path}/elsewhere"})
        assert ended.stdout == "run requests-cc check\n"
        assert re.search(r"^requests-cc call: invalid_client", ended.stderr)
