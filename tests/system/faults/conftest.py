"""What the fault suite's tests share."""

from __future__ import annotations

import datetime
import ssl
import time
from collections.abc import Iterator

import pytest
import trustme

from requests_cc.testing import LocalServer
from tests.support.certificates import server_context
from tests.support.sources import ManualClock

from .faulty_server import FaultyServer


@pytest.fixture
def clock() -> ManualClock:
    """A clock at the real time, with which token requests are stamped."""
    return ManualClock(time.time())


@pytest.fixture
def api() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture
def server(api: LocalServer) -> Iterator[FaultyServer]:
    with FaultyServer(api) as server:
        yield server


@pytest.fixture(scope="session")
def certificates(authority: trustme.CA) -> dict[str, ssl.SSLContext]:
    long_ago = datetime.datetime(2001, 1, 1, tzinfo=datetime.timezone.utc)
    return {
        "good": server_context(authority),
        "for another host": server_context(authority, "auth.example.com"),
        "of an unknown authority": server_context(trustme.CA()),
        "expired": server_context(
            authority, not_before=long_ago, not_after=long_ago + datetime.timedelta(days=1)
        ),
    }


@pytest.fixture
def tls_server(api: LocalServer, certificates: dict[str, ssl.SSLContext]) -> Iterator[FaultyServer]:
    with FaultyServer(api, certificates) as server:
        yield server
