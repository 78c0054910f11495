"""What the fault suite's tests share."""

from __future__ import annotations

import datetime
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from requests_cc.testing import LocalServer
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
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_bundle(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a client must trust."""
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="session")
def certificates(authority: trustme.CA) -> dict[str, ssl.SSLContext]:
    long_ago = datetime.datetime(2001, 1, 1, tzinfo=datetime.timezone.utc)
    return {
        "good": _context(authority.issue_cert("127.0.0.1")),
        "for another host": _context(authority.issue_cert("auth.example.com")),
        "of an unknown authority": _context(trustme.CA().issue_cert("127.0.0.1")),
        "expired": _context(
            authority.issue_cert(
                "127.0.0.1",
                not_before=long_ago,
                not_after=long_ago + datetime.timedelta(days=1),
            )
        ),
    }


@pytest.fixture
def tls_server(api: LocalServer, certificates: dict[str, ssl.SSLContext]) -> Iterator[FaultyServer]:
    with FaultyServer(api, certificates) as server:
        yield server


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context
