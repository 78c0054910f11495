"""What all tests share: ``--rule``, fixtures, and how many examples hypothesis tries.

``HYPOTHESIS_PROFILE=long`` is for the run of 10,000 examples.
"""

from __future__ import annotations

import gc
import os
import signal
import warnings
from collections.abc import Iterator

import pytest
import trustme
from hypothesis import HealthCheck, settings

from requests_cc.testing import LocalServer
from tests.support.addresses import swallows_packets
from tests.support.sources import ManualClock

# A shell's "&" and nohup have it ignored, here and in the programs that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "default", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "long", settings.get_profile("default"), max_examples=10_000, print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


_FROM_OUTSIDE = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drop the environment's proxies and CA bundle, which every request would use."""
    for name in _FROM_OUTSIDE:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture
def swallowing() -> Iterator[int]:
    """The port of a listener that swallows packets."""
    with swallows_packets() as port:
        yield port


@pytest.fixture
def leftovers() -> Iterator[None]:
    """Collect the sockets of responses that http.client cannot read, and leaves to gc."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_bundle(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def pytest_xdist_auto_num_workers() -> int:
    """Return two for each core, and four at least: most tests wait, and few keep a core busy."""
    return max(4, 2 * (os.cpu_count() or 1))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rule",
        action="append",
        type=int,
        metavar="N",
        help="run only the tests that guard this rule of tests/RULES.rst; may be repeated",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--rule") is not None and config.option.markexpr == "not slow":
        config.option.markexpr = ""  # a rule may be guarded by slow tests


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = config.getoption("--rule")
    if wanted is not None:
        guards = {item: _rules(item) & {*wanted} for item in items}
        config.hook.pytest_deselected(items=[item for item in items if not guards[item]])
        items[:] = [item for item in items if guards[item]]


def _rules(item: pytest.Item) -> set[int]:
    return {rule for marker in item.iter_markers("rule") for rule in marker.args}
