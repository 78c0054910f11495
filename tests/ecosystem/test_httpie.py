"""HTTPie with the plugin of examples/httpie_plugin, installed as a user installs it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from .journey import Journey
from .packages import installed
from .program import environment

installed("httpie")

PLUGIN = Path(__file__).parents[2] / "examples" / "httpie_plugin"


def test_runs_share_a_token_and_print_none(journey: Journey, tmp_path: Path) -> None:
    home, plugins, tokens = (tmp_path / name for name in ("home", "plugins", "tokens"))
    home.mkdir()
    source = shutil.copytree(PLUGIN, tmp_path / "source")
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, f"--target={plugins}", str(source)], check=True)
    variables = {
        "PYTHONPATH": str(plugins),
        "HTTPIE_CONFIG_DIR": str(home / "httpie"),
        "OAUTH_API": journey.url,
        "OAUTH_TOKEN_FOLDER": str(tokens),
    }
    http = [sys.executable, "-m", "httpie", "--ignore-stdin", "--check-status", "--verbose"]

    def call(number: int) -> None:
        url = f"{journey.url}{number}"
        with (home / f"output-{number}").open("wb") as output:
            subprocess.run(
                [*http, "--session=orders", "PUT", url, "--raw=whole"],
                env={**environment(journey, home), **variables},
                stdout=output,
                stderr=output,
                check=True,
            )

    journey.assert_whole(call, body=b"whole", stored=lambda: [home])
    assert b"whole" in (home / "output-2").read_bytes()
    assert list(home.rglob("orders.json"))
