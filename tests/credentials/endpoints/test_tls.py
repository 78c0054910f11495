"""Certificates that the token endpoint shows, and where the trusted ones come from."""

from __future__ import annotations

import time

import pytest
import requests
import trustme

from requests_cc import ConfigurationError, TokenEndpointUnreachable
from tests.support.certificates import server_context
from tests.support.server import Server

from .endpoint import GOOD, Endpoint, client, failure


def test_a_certificate_failure_says_what_to_set_and_is_not_retried(
    endpoint: Endpoint, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with Server(GOOD, tls=server_context(authority)) as server:
        error = failure(endpoint, server)
    assert pauses == []
    assert type(error) is TokenEndpointUnreachable
    assert error.permanent
    assert "TLS with https://127.0.0.1" in str(error)
    assert "the API session's verify and cert do not apply to this request" in str(error)
    assert "REQUESTS_CA_BUNDLE" in str(error)


def test_a_certificate_for_another_name_says_so(
    endpoint: Endpoint, authority: trustme.CA, ca_bundle: str
) -> None:
    session = requests.Session()
    session.verify = ca_bundle
    with Server(GOOD, tls=server_context(authority, "other.example")) as server:
        error = failure(endpoint, server, session=session)
    assert error.permanent
    assert "127.0.0.1" in str(error).partition("failed:")[2]


def test_the_sessions_verify_goes_before_the_environments(
    endpoint: Endpoint, authority: trustme.CA, ca_bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = trustme.CA()
    session = requests.Session()
    session.verify = ca_bundle
    with other.cert_pem.tempfile() as path, Server(GOOD, tls=server_context(authority)) as server:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", path)
        endpoint.call(client(server, session=session))


@pytest.mark.rule(3)
def test_the_environments_ca_bundle_is_used(
    endpoint: Endpoint, authority: trustme.CA, ca_bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ca_bundle)
    with Server(GOOD, tls=server_context(authority)) as server:
        endpoint.call(client(server))


def test_a_ca_bundle_that_is_not_there_is_a_configuration_error(
    endpoint: Endpoint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/ca.pem")
    with pytest.raises(ConfigurationError, match=r"no request was sent to .*/no/such/ca.pem"):
        endpoint.call(client("https://localhost:1/token"))


def test_a_connection_that_ends_in_the_handshake_was_dropped(endpoint: Endpoint) -> None:
    attempts = []

    def hang_up(connection) -> None:
        connection.receive()
        attempts.append(1)

    with Server(play=hang_up) as server:
        error = failure(endpoint, server.url.replace("http:", "https:"))
    assert type(error) is TokenEndpointUnreachable
    assert not error.permanent
    assert len(attempts) == 3
