"""https, and client certificates: RFC 8705."""

from __future__ import annotations

import gc
import os
import socket
import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import trustme

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    ClientCredentialsAdapter,
    TLSClientAuth,
    TokenCache,
    mount,
)
from requests_cc.testing import Client, LocalServer

from .clients import GRANT, PATIENCE, bearer, connect, eventually, request_token, server_threads


@pytest.fixture(scope="module")
def own_certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("own") / "own.pem"
    leaf = trustme.CA().issue_cert("own.example")
    leaf.private_key_and_cert_chain_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def secure(own_certificate: str) -> Iterator[LocalServer]:
    clients = {
        "me": "s3cret",
        "own": Client(certificates=[Path(own_certificate).read_bytes()]),
        "limited": Client("s3cret", auth_methods="client_secret_post"),
    }
    with LocalServer(clients, tls=True) as server:
        yield server


@pytest.fixture
def tls_session(secure: LocalServer) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = secure.ca_bundle
        yield session


def test_the_server_speaks_https_and_its_ca_is_to_be_trusted(
    secure: LocalServer, tls_session: requests.Session, http_session: requests.Session
) -> None:
    assert secure.token_url.startswith("https://127.0.0.1:")
    response = request_token(tls_session, secure, client_secret="s3cret")
    assert tls_session.get(secure.api_url, headers=bearer(response)).status_code == 200
    with pytest.raises(requests.exceptions.SSLError):
        http_session.get(secure.api_url)


def test_the_library_authenticates_with_an_issued_certificate(secure: LocalServer) -> None:
    with requests.Session() as verifying, requests.Session() as session:
        for each in (verifying, session):
            each.trust_env = False  # an environment's CA bundle precedes session.verify
            each.verify = secure.ca_bundle
        found = AuthorizationServer.discover(secure.issuer, session=verifying)
        credentials = ClientCredentials(
            found, "me", auth=TLSClientAuth(secure.client_certificate("me"))
        )
        adapter = ClientCredentialsAdapter(credentials, origins=secure.api_url, cache=TokenCache())
        mount(session, adapter)
        assert session.get(secure.api_url).status_code == 200
        secure.revoke_tokens()
        assert session.get(secure.api_url).status_code == 200
    assert len(secure.token_requests) == 2
    assert all(request.client_certificate for request in secure.api_requests)


def test_a_registered_certificate_authenticates_its_client(
    secure: LocalServer, tls_session: requests.Session, own_certificate: str
) -> None:
    tls_session.cert = own_certificate
    own = tls_session.post(secure.token_url, data={**GRANT, "client_id": "own"})
    other = tls_session.post(secure.token_url, data={**GRANT, "client_id": "me"})
    assert (own.status_code, other.status_code) == (200, 401)


def test_a_certificate_authenticates_only_the_client_that_it_was_issued_to(
    secure: LocalServer, tls_session: requests.Session
) -> None:
    tls_session.cert = secure.client_certificate("me")
    assert secure.client_certificate("me") == tls_session.cert
    statuses = [
        tls_session.post(secure.token_url, data={**GRANT, "client_id": name}).status_code
        for name in ("me", "own", "limited")
    ]
    assert statuses == [200, 401, 401]


def test_a_token_is_bound_to_the_certificate_of_its_request(
    secure: LocalServer, tls_session: requests.Session
) -> None:
    data = {**GRANT, "client_id": "me", "client_secret": "s3cret"}
    certificate = secure.client_certificate("me")
    response = tls_session.post(secure.token_url, data=data, cert=certificate)
    found = tls_session.post(
        secure.introspection_url,
        data={"token": response.json()["access_token"]},
        auth=("me", "s3cret"),
    )
    assert list(found.json()["cnf"]) == ["x5t#S256"]
    statuses = [
        tls_session.get(secure.api_url, headers=bearer(response), cert=cert).status_code
        for cert in (certificate, secure.client_certificate("other"), None)
    ]
    assert statuses == [200, 401, 401]


def test_a_certificate_of_another_ca_is_refused_in_the_handshake(
    secure: LocalServer, tls_session: requests.Session, tmp_path: Path
) -> None:
    stranger = trustme.CA().issue_cert("me")
    stranger.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "stranger.pem"))
    tls_session.cert = str(tmp_path / "stranger.pem")
    with pytest.raises(requests.ConnectionError):
        tls_session.get(secure.api_url)
    assert secure.api_requests == ()


def test_the_metadata_lists_the_methods_with_certificates(
    secure: LocalServer, tls_session: requests.Session
) -> None:
    url = f"{secure.origin}/.well-known/oauth-authorization-server"
    document = tls_session.get(url).json()
    assert "tls_client_auth" in document["token_endpoint_auth_methods_supported"]
    assert document["tls_client_certificate_bound_access_tokens"] is True


def test_plain_http_and_silence_harm_nobody(
    secure: LocalServer, tls_session: requests.Session, capfd: pytest.CaptureFixture[str]
) -> None:
    with connect(secure) as plain, connect(secure):
        plain.sendall(b"GET /api/ HTTP/1.1\r\nHost: h\r\n\r\n")
        assert not plain.recv(65536).startswith(b"HTTP/1.1 2")
        assert tls_session.get(secure.api_url).status_code == 401
    secure.stop()
    assert capfd.readouterr() == ("", "")


def test_stop_cuts_off_secure_connections_and_leaves_no_thread() -> None:
    before = server_threads()
    with LocalServer(tls=True) as server:
        server.token_delay = 3600
        context = ssl.create_default_context(cafile=server.ca_bundle)
        with (
            connect(server) as silent,
            context.wrap_socket(connect(server), server_hostname="127.0.0.1") as idle,
            context.wrap_socket(connect(server), server_hostname="127.0.0.1") as delayed,
        ):
            delayed.sendall(b"POST /oauth/token HTTP/1.1\r\nHost: h\r\n\r\n")
            eventually(lambda: server.token_requests)
            eventually(lambda: len(server_threads() - before) == 4)
            server.stop()
            assert server_threads() <= before
            assert silent.recv(1) == idle.recv(1) == delayed.recv(1) == b""


def test_a_restarted_server_has_the_same_certificate(
    tls_session: requests.Session, secure: LocalServer
) -> None:
    secure.stop()
    secure.start()
    assert tls_session.get(secure.api_url).status_code == 401


def test_without_tls_there_is_no_certificate(server: LocalServer) -> None:
    for use in (lambda: server.ca_bundle, lambda: server.client_certificate("me")):
        with pytest.raises(RuntimeError, match="tls=True"):
            use()


@pytest.mark.parametrize("certificate", ["ca.pem", b"\x30\x82"])
def test_a_certificate_that_is_not_pem_is_refused(certificate: str | bytes) -> None:
    with pytest.raises(ValueError, match="must be PEM"):
        Client(certificates=[certificate])
    pem = trustme.CA().cert_pem.bytes()
    assert repr(Client(certificates=[pem, pem.decode()])) == "<Client 1 certificates>"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_the_files_are_deleted_with_the_server_but_not_by_a_forked_child() -> None:
    server = LocalServer(tls=True)
    bundle = Path(server.ca_bundle)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork() beside threads, on purpose
        child = os.fork()
    if child == 0:
        del server
        gc.collect()
        os._exit(0)
    os.waitpid(child, 0)
    assert bundle.is_file()
    del server
    gc.collect()
    assert not bundle.parent.exists()


def test_a_port_may_be_chosen() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = LocalServer(port=port)
    assert server.token_url == f"http://127.0.0.1:{port}/oauth/token"
    with server:
        assert requests.get(server.api_url, timeout=PATIENCE).status_code == 401
        with pytest.raises(OSError, match="in use"):
            LocalServer(port=port).start()
