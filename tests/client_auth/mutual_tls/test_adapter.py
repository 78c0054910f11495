"""Mutual TLS from end to end: one certificate at the token endpoint and at the API (RFC 8705)."""

from __future__ import annotations

import pickle
import ssl
from pathlib import Path

import pytest
import requests

from requests_cc import AuthorizationServer, ClientCredentials, TLSClientAuth
from tests.support.mtls_server import (
    CertificateApi,
    CertificateAuthority,
    credentials_with,
    session_with,
    thumbprint,
)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_one_certificate_serves_at_both_ends(files, authority, api, version) -> None:
    cert = files.issue()
    for server in (authority, api):
        server.tls.minimum_version = server.tls.maximum_version = version
    with session_with(credentials_with(str(cert), authority), api) as session:
        assert [session.get(api.origin).status_code for _ in range(3)] == [200] * 3
    assert authority.forms == [
        {"grant_type": ["client_credentials"], "scope": ["read"], "client_id": ["the-client"]}
    ]
    assert "Authorization" not in authority.requests[0].headers
    assert set(authority.peers + api.peers) == {thumbprint(cert)}


def test_certificate_and_key_can_stand_in_two_files(files, authority, api) -> None:
    leaf = files.ca.issue_cert("client.example")
    cert, key = files.folder / "tls.crt", files.folder / "tls.key"
    leaf.cert_chain_pems[0].write_to_path(str(cert))
    leaf.private_key_pem.write_to_path(str(key))
    with session_with(credentials_with([str(cert), str(key)], authority), api) as session:
        assert session.get(api.origin).status_code == 200
    assert set(authority.peers + api.peers) == {thumbprint(cert)}


def test_the_certificate_that_the_token_is_bound_to_goes_before_the_sessions(
    files, authority, api
) -> None:
    own, other = files.issue(), files.issue("other.pem")
    with session_with(credentials_with(str(own), authority), api) as session:
        session.cert = str(other)
        assert session.get(api.origin).status_code == 200
    assert api.peers == [thumbprint(own)]


def test_an_api_that_is_gone_is_the_error_of_requests(files, authority) -> None:
    credentials = credentials_with(str(files.issue()), authority)
    with CertificateApi(authority, files.server_context(ssl.CERT_OPTIONAL)) as gone:
        session = session_with(credentials, gone)
    with session, pytest.raises(requests.ConnectionError) as raised:
        session.get(gone.origin)
    assert "Authorization" not in raised.value.request.headers


def test_a_request_for_another_origin_presents_what_the_caller_says(files, authority, api) -> None:
    cert, other = files.issue(), files.issue("other.pem")
    context = files.server_context(ssl.CERT_OPTIONAL)
    with (
        CertificateApi(authority, context) as elsewhere,
        session_with(credentials_with(str(cert), authority), api) as session,
    ):
        session.mount(elsewhere.origin, session.get_adapter(api.origin + "/"))
        session.get(elsewhere.origin)
        session.get(elsewhere.origin, cert=str(other))
    assert elsewhere.peers == [None, thumbprint(other)]


# Endpoints for clients with a certificate (RFC 8705 §5).


def ask_everything(credentials: ClientCredentials) -> None:
    token = credentials.request_token()
    credentials.introspect(token)
    credentials.revoke(token)


def endpoints(of: CertificateAuthority) -> dict[str, str]:
    """Those beside the token endpoint, by name."""
    return {
        "introspection_endpoint": of.endpoint("introspect"),
        "revocation_endpoint": of.endpoint("revoke"),
    }


@pytest.mark.parametrize("with_certificate", ["TLSClientAuth", "the session's", "none"])
def test_the_aliases_are_for_clients_with_a_certificate(
    files, authority, with_certificate: str
) -> None:
    cert = str(files.issue())
    with CertificateAuthority(files.server_context(ssl.CERT_OPTIONAL)) as front:
        aliases = {"token_endpoint": authority.url, **endpoints(authority)}
        session = requests.Session()
        server = AuthorizationServer(
            front.url,
            mtls_endpoint_aliases=aliases,
            session=session if with_certificate == "the session's" else None,
            **endpoints(front),
        )
        if with_certificate == "TLSClientAuth":
            credentials = ClientCredentials(server, "client", auth=TLSClientAuth(cert))
        elif with_certificate == "the session's":
            session.cert = cert
            credentials = ClientCredentials(server, "client", auth="none")
        else:
            credentials = ClientCredentials(server, "client", "secret")
        ask_everything(credentials)
        asked, spared = (front, authority) if with_certificate == "none" else (authority, front)
        session.close()
    assert asked.targets == ["/token", "/introspect", "/revoke"]
    assert spared.targets == []
    presented = None if with_certificate == "none" else thumbprint(Path(cert))
    assert set(asked.peers) == {presented}


def test_an_adapter_with_a_certificate_can_be_pickled(files, authority, api) -> None:
    cert = files.issue()
    with session_with(credentials_with(str(cert), authority), api) as session:
        session.get(api.origin)
        with pickle.loads(pickle.dumps(session)) as copy:
            assert copy.get(api.origin).status_code == 200
    assert set(api.peers) == {thumbprint(cert)}


def test_one_certificate_and_another_do_not_share_a_token(files, authority) -> None:
    first, other = files.issue(), files.issue("other.pem")
    copy = files.folder / "copy.pem"
    copy.write_bytes(first.read_bytes())
    keys = [credentials_with(str(path), authority).cache_key for path in (first, copy, other)]
    assert keys[0] == keys[1] != keys[2]
