"""Certificate files that are replaced while they are in use."""

from __future__ import annotations

import ssl
import threading
import time
from pathlib import Path

import pytest
import requests

from requests_cc import ConfigurationError, TokenCache
from tests.support.connect_proxy import connect_proxy
from tests.support.mtls_server import PATIENCE, credentials_with, session_with, thumbprint
from tests.support.threads import in_threads


@pytest.mark.parametrize("own_session", [False, True])
def test_the_next_token_request_presents_the_new_certificate(
    files, authority, own_session: bool
) -> None:
    session = requests.Session() if own_session else None
    first = files.issue()
    credentials = credentials_with(str(first), authority, session=session)
    expected = []
    for _ in range(3):
        expected.append(thumbprint(files.issue()))
        credentials.request_token()
    assert authority.peers == expected
    if session is not None:
        session.close()


@pytest.mark.parametrize("by", ["itself", "transport", "proxy"])
def test_connections_that_presented_the_old_certificate_are_let_go(
    files, authority, api, by: str
) -> None:
    cert = files.issue()
    cache = TokenCache()
    credentials = credentials_with(str(cert), authority)
    transport = requests.adapters.HTTPAdapter(pool_maxsize=8) if by == "transport" else None
    over = threading.Event()
    with (
        connect_proxy() as proxy,
        session_with(credentials, api, cache=cache, transport=transport) as session,
    ):
        if by == "proxy":
            session.proxies = {"https": proxy.url}

        calls = [0] * 8

        def call(number: int) -> set[int]:
            statuses = set()
            while not over.is_set():
                statuses.add(session.get(api.origin).status_code)
                calls[number] += 1
            return statuses

        def replace(_: int) -> set[int]:
            for _ in range(4):
                # Two calls each: whoever began before the last replacement is through.
                goal = [count + 2 for count in calls]
                until = time.monotonic() + PATIENCE
                while any(map(int.__lt__, calls, goal)) and time.monotonic() < until:
                    time.sleep(0.005)
                files.issue()
                cache.invalidate(credentials)
            over.set()
            return {200}

        work = dict.fromkeys(range(8), call) | {8: replace}
        assert in_threads(9, lambda number: work[number](number)) == [{200}] * 9
        new = thumbprint(cert)
        assert session.get(api.origin).status_code == 200
        assert bool(proxy.requests) == (by == "proxy")
        # While the session is open: nobody but the adapter closes them.
        assert api.closes_all_but(new)
        assert api.peers[-1] == new


def test_connections_are_kept_while_the_files_are_the_same(files, authority, api) -> None:
    cache = TokenCache()
    credentials = credentials_with(str(files.issue()), authority)
    with session_with(credentials, api, cache=cache) as session:
        for _ in range(3):
            assert session.get(api.origin).status_code == 200
            cache.invalidate(credentials)
        assert len(api.open) == 1
    assert len(authority.bound) == 3


def test_a_certificate_that_is_replaced_before_the_token_is_renewed_costs_one_renewal(
    files, authority, api
) -> None:
    """A new connection presents the new certificate, which the token is not bound to."""
    cert = files.issue()
    with session_with(credentials_with(str(cert), authority), api) as session:
        assert session.get(api.origin).status_code == 200
        files.issue()
        session.get_adapter(api.origin + "/").close()  # as where the API hung up
        response = session.get(api.origin)
    assert [each.status_code for each in [*response.history, response]] == [401, 200]
    assert len(authority.bound) == 2


def count_looks(monkeypatch: pytest.MonkeyPatch, first: Path | None = None) -> list[object]:
    """Each time that OpenSSL loads a certificate; the first time it finds this key instead."""
    looks: list[object] = []
    load = ssl.SSLContext.load_cert_chain

    def look(self, certfile, keyfile=None, password=None):
        looks.append(certfile)
        load(self, certfile, str(first) if first and len(looks) == 1 else keyfile, password)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", look)
    return looks


def test_a_file_that_is_replaced_between_two_looks_at_it_is_read_again(
    files, authority, api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL opens it twice, for the certificate and for the key."""
    cert, other = files.issue(), files.issue("other.pem")
    session = session_with(credentials_with(str(cert), authority), api)
    session.get(api.origin)
    session.get_adapter(api.origin + "/").close()
    looks = count_looks(monkeypatch, first=other)
    assert session.post(api.origin, data=iter([b"once"])).status_code == 200
    assert looks == [str(cert)] * 2
    assert api.requests[-1].body == b"once"
    session.close()


def test_a_key_of_another_certificate_ends_in_the_error_of_the_call(
    files, authority, api, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = files.issue("tls.crt"), files.folder / "tls.key"
    key.write_bytes(cert.read_bytes())
    with session_with(credentials_with((str(cert), str(key)), authority), api) as session:
        session.get(api.origin)
        session.get_adapter(api.origin + "/").close()
        files.issue("tls.key")
        looks = count_looks(monkeypatch)
        with pytest.raises(requests.exceptions.SSLError, match="KEY_VALUES_MISMATCH") as caught:
            session.get(api.origin)
    assert len(looks) == 2
    assert "Authorization" not in caught.value.request.headers


def test_a_file_that_is_gone_is_named(files, authority, api) -> None:
    cert = files.issue()
    with session_with(credentials_with(str(cert), authority), api) as session:
        session.get(api.origin)
        cert.unlink()
        with pytest.raises(ConfigurationError, match=r"client\.pem.* cannot be found; check the"):
            session.get(api.origin)
        files.issue()
        assert session.get(api.origin).status_code == 200
