"""Fixtures, and the rule that at most two packages may be missing.

Collected only if this folder is named on the command line: ``python -m tox run -e ecosystem``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import requests

from requests_cc.testing import LocalServer

from .journey import CLIENT_ID, SECRET, Journey, log_everything, printed

HERE = Path(__file__).parent
MOST_SKIPPED = 2


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave this folder out of a run of all tests: few environments have the packages."""
    root = config.invocation_params.dir
    asked = [(root / argument.split("::")[0]).resolve() for argument in config.args]
    return None if any(path.is_relative_to(HERE) for path in asked) else True


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run if more than two packages were skipped, each with its reason printed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    skipped = {report.nodeid for report in reporter.stats.get("skipped", ())}
    if len(skipped) > MOST_SKIPPED:
        reporter.write_line(f"\n{len(skipped)} packages are missing, more than {MOST_SKIPPED}")
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what a machine may have set for the internet."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """A running authorization server and API that know one client."""
    with LocalServer({CLIENT_ID: SECRET}) as server:
        yield server


@pytest.fixture
def journey(
    server: LocalServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> Journey:
    """What a test does with a package, and what it asserts."""
    log_everything(caplog)
    return Journey(server, partial(printed, caplog, capfd))


@pytest.fixture
def session(journey: Journey) -> Iterator[requests.Session]:
    """A session on which an adapter for the API is mounted."""
    with requests.Session() as session:
        yield journey.mounted(session)
