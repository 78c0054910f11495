"""The comparison with other libraries, in a short run and without them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "benchmarks" / "peers" / "run.py"


def ended(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=RUN.parents[1],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return ended(str(RUN), *arguments)


def figures(printed: str, library: str) -> list[str]:
    """What is printed for a library, scenario by scenario, without the seconds that it took."""
    lines = [line.split(maxsplit=1) for line in printed.splitlines() if line.startswith("  ")]
    return [rest.rpartition("  (")[0] for name, rest in lines if name == library]


@pytest.mark.slow
@pytest.mark.rule(7, 10)
def test_a_quick_run_compares_this_library_with_requests_alone(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = run("--quick", "--only", "control", "ours", "plain", "--output", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    ours, plain = figures(done.stdout, "ours"), figures(done.stdout, "plain")
    assert len(ours) == len(plain) == len(figures(done.stdout, "control"))
    cold, revoked = ours[2], ours[3]
    assert cold.startswith(
        "token requests, 1 threads 1, token requests, 16 threads 1, calls that fail 0"
    )
    assert revoked == "token requests 1, 401s that callers see 0"
    assert plain[3] == "token requests 0, 401s that callers see 48"
    assert "bytes whole, file whole, generator 401" in ours
    page = (tmp_path / "benchmarks.rst").read_text(encoding="utf-8")
    pictures = {path.name for path in (tmp_path / "_static" / "peers").iterdir()}
    assert len(pictures) == len(ours)
    for name in pictures:
        assert f".. image:: _static/peers/{name}\n" in page


@pytest.mark.slow
def test_a_scenario_whose_control_misses_the_ideal_is_reported() -> None:
    program = (
        "from peers import command, scenarios\n"
        "row = scenarios.Row('requests', 'token requests', '{}', lambda count: count == 2)\n"
        "[broken] = [s for s in command.SCENARIOS if s.name == 'revocation']\n"
        "command.SCENARIOS = (broken._replace(rows=(row,)),)\n"
        "raise SystemExit(command.main(['--quick', '--only', 'control']))\n"
    )
    done = ended("-c", program)
    assert done.returncode == 1
    assert "BROKEN: revocation: its requests is 1" in done.stdout


def test_a_library_that_is_not_installed_is_named() -> None:
    program = (
        "import sys\n"
        "sys.modules['authlib'] = None\n"
        "from peers import command\n"
        "command.main(['--quick', '--only', 'Authlib'])\n"
    )
    done = ended("-c", program)
    assert done.returncode == 1
    assert "not installed: Authlib" in done.stderr
    assert "install the extra bench" in done.stderr
