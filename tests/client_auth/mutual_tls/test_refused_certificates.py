"""Client certificates that a token endpoint refuses, or that cannot be presented at all."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
import requests
import trustme

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    ConfigurationError,
    TLSClientAuth,
    TokenEndpointUnreachable,
    TokenRequestError,
)
from requests_cc.http.failure import failure
from tests.support.mtls_server import Certificates, thumbprint
from tests.support.scripts import drop, reset
from tests.support.server import Server

CHECK = "check the client certificate (TLSClientAuth, or the cert of the AuthorizationServer's"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What would have been waited for between attempts."""
    found: list[float] = []
    monkeypatch.setattr("requests_cc.credentials.authenticated_request.time.sleep", found.append)
    return found


def refusal(url: str, *cert: Path) -> TokenRequestError:
    """What a token request raises whose session presents this certificate.

    By the session, since TLSClientAuth finds some of these faults before a server does.
    """
    with requests.Session() as session:
        session.cert = tuple(map(str, cert)) if len(cert) > 1 else "".join(map(str, cert)) or None
        server = AuthorizationServer(url, timeout=(10.0, 10.0), session=session)
        with pytest.raises(TokenRequestError) as caught:
            ClientCredentials(server, "client", auth="none").request_token()
    return caught.value


REFUSED: dict[str, tuple[Callable[[Certificates], Path], str]] = {
    "expired": (lambda files: files.issue(not_after=datetime(2020, 1, 1)), "CERTIFICATE_EXPIRED"),  # noqa: DTZ001 - as trustme wants it
    "of an unknown CA": (lambda files: files.issue(ca=trustme.CA()), "UNKNOWN_CA"),
}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("kind", REFUSED)
def test_a_refused_certificate_is_named_as_what_to_check(
    files, authority, pauses, kind: str, version: ssl.TLSVersion
) -> None:
    make, reason = REFUSED[kind]
    authority.tls.minimum_version = authority.tls.maximum_version = version
    cert = make(files)
    error = refusal(authority.url, cert)
    assert type(error) is TokenEndpointUnreachable
    assert reason in str(error)
    assert CHECK in str(error)
    assert error.permanent
    assert pauses == []
    body = cert.read_text().splitlines()[1]
    assert body not in str(error)


def test_an_expired_certificate_of_tls_client_auth_is_refused_in_the_handshake(
    files, authority, pauses
) -> None:
    cert = REFUSED["expired"][0](files)
    credentials = ClientCredentials(authority.url, "client", auth=TLSClientAuth(cert))
    with pytest.raises(TokenEndpointUnreachable, match=r"CERTIFICATE_EXPIRED.* expiry") as caught:
        credentials.request_token()
    assert caught.value.permanent
    assert authority.forms == []


def test_if_none_is_presented_the_missing_certificate_is_named(files, authority, pauses) -> None:
    authority.tls.minimum_version = ssl.TLSVersion.TLSv1_3
    error = refusal(authority.url)
    assert "TLSV13_ALERT_CERTIFICATE_REQUIRED" in str(error)
    assert CHECK in str(error)


@pytest.mark.parametrize("hangs_up", [drop, reset])
def test_a_server_that_hangs_up_may_mean_the_certificate(files, pauses, hangs_up) -> None:
    context = files.server_context(ssl.CERT_REQUIRED)
    with Server(hangs_up, tls=context) as server:
        error = refusal(server.url.replace("localhost", "127.0.0.1"), files.issue())
        assert len(server.requests) == 3
    assert "could not be reached: " in str(error)
    assert f"check the URL, and that it is up; or {CHECK}" in str(error)
    assert len(pauses) == 2


def test_without_a_certificate_a_server_that_hangs_up_means_no_certificate(files, pauses) -> None:
    with Server(drop, tls=files.server_context(ssl.CERT_NONE)) as server:
        error = refusal(server.url.replace("localhost", "127.0.0.1"))
    assert "/token could not be reached: " in str(error)
    assert "the connection was closed without a response; check the URL" in str(error)
    assert "certificate" not in str(error)


def test_a_refused_connection_has_nothing_to_do_with_the_certificate(files, pauses) -> None:
    with Server(drop) as server:
        url = server.url.replace("http", "https")
    error = refusal(url, files.issue())
    assert "Connection refused" in str(error)
    assert "certificate" not in str(error)


def test_a_key_of_another_certificate_is_tried_again_as_files_are_replaced(
    files, authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the replacement of one file and of the other."""
    cert, key = files.issue("tls.crt"), files.issue("tls.key")
    monkeypatch.setattr(
        "requests_cc.credentials.authenticated_request.time.sleep",
        lambda _: key.write_bytes(cert.read_bytes()),
    )
    with requests.Session() as session:
        session.cert = (str(cert), str(key))
        server = AuthorizationServer(authority.url, session=session)
        assert ClientCredentials(server, "client", auth="none").request_token().value == "token-1"
    assert authority.peers == [thumbprint(cert)]


def test_a_key_of_another_certificate_is_reported(files, authority, pauses) -> None:
    error = refusal(authority.url, files.issue(), files.issue("other.pem"))
    assert ": KEY_VALUES_MISMATCH; " + CHECK in str(error)
    assert not error.permanent
    assert authority.forms == []


@pytest.mark.parametrize("text", ["no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERT"])
def test_a_ca_bundle_that_holds_no_certificate_is_not_the_clients(files, authority, text) -> None:
    bundle = files.folder / "ca.pem"
    bundle.write_text(text)
    with requests.Session() as session:
        session.verify = str(bundle)
        server = AuthorizationServer(authority.url, session=session)
        credentials = ClientCredentials(server, "client", "s3cr3t", cert=str(files.issue()))
        with pytest.raises(ConfigurationError, match="no CA certificate can be read") as caught:
            credentials.request_token()
    assert "set REQUESTS_CA_BUNDLE" in str(caught.value)
    assert CHECK not in str(caught.value)


def test_a_file_without_a_key_is_reported(files, authority, pauses) -> None:
    cert = files.folder / "only.pem"
    files.ca.issue_cert("client.example").cert_chain_pems[0].write_to_path(str(cert))
    error = refusal(authority.url, cert)
    assert ": no certificate with its key can be read; " + CHECK in str(error)


@pytest.mark.parametrize("missing", ["cert", "key"])
def test_a_file_that_is_not_there_is_a_configuration_error(files, authority, missing: str) -> None:
    gone = files.folder / "gone.pem"
    with requests.Session() as session:
        there = str(files.issue())
        session.cert = (str(gone), there) if missing == "cert" else (there, str(gone))
        server = AuthorizationServer(authority.url, session=session)
        with pytest.raises(ConfigurationError, match=r"gone\.pem") as caught:
            ClientCredentials(server, "client", auth="none").request_token()
    assert CHECK in str(caught.value)


def test_a_certificate_that_is_gone_is_a_configuration_error(files, authority) -> None:
    cert = files.issue()
    credentials = ClientCredentials(authority.url, "client", auth=TLSClientAuth(str(cert)))
    cert.unlink()
    with pytest.raises(ConfigurationError, match=r"client\.pem"):
        credentials.request_token()
    assert authority.forms == []


def test_a_ca_bundle_that_is_not_there_is_not_the_certificates_fault(
    files, authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = ClientCredentials(authority.url, "client", auth=TLSClientAuth(str(files.issue())))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/ca.pem")
    with pytest.raises(ConfigurationError, match="set REQUESTS_CA_BUNDLE") as caught:
        credentials.request_token()
    assert CHECK not in str(caught.value)


@pytest.mark.parametrize("mutual_tls", [True, False])
def test_an_alert_without_a_certificate_is_not_about_one(mutual_tls: bool) -> None:
    alert = ssl.SSLError(1, "[SSL] tlsv1 alert protocol version")
    alert.reason = "TLSV1_ALERT_PROTOCOL_VERSION"
    told = failure(
        "https://as.example/token", requests.exceptions.SSLError(alert), mutual_tls=mutual_tls
    )
    assert (CHECK in str(told)) == mutual_tls
