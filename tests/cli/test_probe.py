"""The steps of a connection, each against a server that fails in that step."""

from __future__ import annotations

import socket
import ssl
from datetime import datetime, timedelta, timezone

import pytest
import requests

from requests_cc.cli.probe import Probe, StepError, Trust, _certificate_error
from tests.support.certificates import server_context
from tests.support.connect_proxy import connect_proxy
from tests.support.scripts import answer, drop, token
from tests.support.server import Server


class Steps:
    """What the steps said, in their order."""

    def __init__(self):
        self.said = {}

    def __call__(self, name, step):
        self.said[name] = step()


def probed(url, verify=True, cert=None):
    session = requests.Session()
    session.verify = verify
    steps = Steps()
    Probe(url, "--token-url", Trust(session, cert)).run(steps)
    return steps.said


def failure(url, verify=True, cert=None):
    with pytest.raises(StepError) as raised:
        probed(url, verify, cert)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    return raised.value


def test_a_good_server_passes_every_step(https_server, ca_bundle):
    with https_server() as server:
        said = probed(server.url, ca_bundle)
    assert list(said) == ["name look-up", "connection", "TLS"]
    assert "127.0.0.1" in said["name look-up"]


def test_plain_http_has_no_tls():
    with Server(token()) as server:
        assert list(probed(server.url)) == ["name look-up", "connection"]


def test_the_addresses_of_a_name_are_shown():
    with Server(token()) as server:
        said = probed(f"http://localhost:{server.port}/")
    assert said["name look-up"].startswith("localhost is ")
    assert "127.0.0.1" in said["name look-up"]


@pytest.mark.parametrize("text", ["no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERT"])
def test_a_ca_bundle_that_holds_no_certificate_is_named(https_server, tmp_path, text):
    bundle = tmp_path / "ca.pem"
    bundle.write_text(text)
    with https_server() as server:
        error = failure(server.url, str(bundle))
    assert error.what == f"no CA certificate can be read from {bundle}"
    assert error.change.startswith("pass --cacert FILE")


def test_a_folder_of_ca_certificates_is_one_too(https_server, tmp_path):
    with https_server() as server:
        assert "is not signed by a CA in" in failure(server.url, str(tmp_path)).what


def test_the_environments_ca_bundle_is_used(https_server, ca_bundle, environment):
    environment.setenv("REQUESTS_CA_BUNDLE", ca_bundle)
    with https_server() as server:
        assert "TLS" in probed(server.url)


def test_without_a_bundle_certifis_is_named(https_server, environment):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        environment.delenv(name, raising=False)
    with https_server() as server:
        error = failure(server.url)
    assert requests.utils.DEFAULT_CA_BUNDLE_PATH in error.what


def test_a_host_that_does_not_respond_is_given_up(monkeypatch):
    def time_out(*_):
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", time_out)
    error = failure("https://127.0.0.1:1/")
    assert error.what == "127.0.0.1 port 1 did not respond within 5 s"
    assert "a firewall" in error.change
    assert error.status == 75


def test_another_failure_of_the_connection_has_the_systems_words(monkeypatch):
    def fail(*_):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", fail)
    assert failure("https://127.0.0.1:1/").what.endswith("failed: Network is unreachable")


# --- TLS ----------------------------------------------------------------------------------------


def test_a_port_that_speaks_no_tls_is_named():
    with Server(play=lambda connection: connection.send(b"SSH-2.0-x\r\n")) as server:
        error = failure(server.url.replace("http:", "https:"))
    assert error.what.startswith("the TLS handshake with 127.0.0.1 failed: ")
    assert "a port that speaks TLS" in error.change


def test_a_connection_that_ends_in_the_handshake_was_closed():
    with Server(play=lambda connection: None) as server:
        error = failure(server.url.replace("http:", "https:"))
    assert error.what.startswith("the TLS handshake with 127.0.0.1 failed: ")


def test_a_certificate_for_another_name_is_reported(https_server, ca_bundle):
    with https_server(name="other.example") as server:
        error = failure(server.url, ca_bundle)
    assert error.what.startswith("the certificate is not for 127.0.0.1: ")
    assert error.change == "use a name of the certificate in --token-url"


def test_a_certificate_that_is_not_valid_yet_points_at_the_clock(https_server, ca_bundle):
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    with https_server(not_before=tomorrow, not_after=tomorrow + timedelta(days=9)) as server:
        error = failure(server.url, ca_bundle)
    assert error.change == "set this machine's clock: it is behind"


def test_another_problem_of_a_certificate_has_openssls_words():
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = 68, "CA signature digest algorithm too weak"
    said = _certificate_error(error, "127.0.0.1", "ca.pem", "--token-url")
    assert said.what.endswith("is not accepted: CA signature digest algorithm too weak")


@pytest.mark.parametrize("in_two_files", [False, True])
def test_the_clients_certificate_is_presented(authority, ca_bundle, tmp_path, in_two_files):
    context = server_context(authority, verify=ssl.CERT_REQUIRED)
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # whose handshake ends with the verdict
    issued = authority.issue_cert("client.example.com")
    both, key = tmp_path / "both.pem", tmp_path / "key.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(both)
    issued.private_key_pem.write_to_path(key)
    with Server(token(), tls=context) as server:
        assert "client certificate" in failure(server.url, ca_bundle).change
        cert = (str(both), str(key)) if in_two_files else str(both)
        assert "TLSv1.2" in probed(server.url, ca_bundle, cert)["TLS"]


# --- proxies ------------------------------------------------------------------------------------


@pytest.fixture
def through(environment):
    def through(url):
        environment.setenv("HTTPS_PROXY", url)
        environment.setenv("HTTP_PROXY", url)
        environment.setenv("NO_PROXY", "")

    return through


def test_a_proxy_opens_a_tunnel(https_server, ca_bundle, through):
    with https_server() as server, connect_proxy() as proxy:
        through(proxy.url)
        said = probed(server.url, ca_bundle)
        assert list(said) == ["name look-up", "connection", "proxy", "TLS"]
        assert said["proxy"] == f"{proxy.url} opened a tunnel to 127.0.0.1:{server.port}"
        assert len(proxy.requests) == 1


def test_a_proxy_that_wants_a_password_differs_from_one_that_refuses(through):
    with Server(answer(status="407 Proxy Authentication Required")) as proxy:
        through(f"http://us%40er:p4ss@127.0.0.1:{proxy.port}")
        error = failure("https://[::1]/")
    assert "HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT" in error.change
    assert "p4ss" not in error.what + error.change
    assert proxy.requests[0].raw.startswith(b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n")
    assert b"Proxy-Authorization: Basic dXNAZXI6cDRzcw==\r\n" in proxy.requests[0].raw


@pytest.mark.parametrize("script", [b"SSH-2.0-x\r\n\r\n", drop, b"HTTP/1.1 what\r\n\r\n"])
def test_an_invalid_proxy_is_reported(through, script):
    with Server(script) as proxy:
        through(f"127.0.0.1:{proxy.port}")
        error = failure("https://auth.example.com/")
    assert "responded nothing that HTTP allows to CONNECT auth.example.com:443" in error.what


def test_a_proxy_that_is_down_is_to_be_changed(through):
    through("http://127.0.0.1:1")
    error = failure("https://auth.example.com/")
    assert "check host and port in HTTP_PROXY or HTTPS_PROXY" in error.change


def test_plain_http_needs_no_tunnel(through):
    with Server(token()) as proxy:
        through(f"http://127.0.0.1:{proxy.port}")
        assert probed("http://auth.internal/")["proxy"] == f"http://127.0.0.1:{proxy.port}"


def test_a_proxy_behind_tls_is_spoken_to_in_tls(through, https_server, ca_bundle):
    with https_server(answer(status="403 Forbidden")) as proxy:
        through(f"https://127.0.0.1:{proxy.port}")
        error = failure("https://auth.example.com/", ca_bundle)
        assert f"https://127.0.0.1:{proxy.port} responded 403 Forbidden" in error.what


def test_a_proxy_without_a_port_has_its_schemes(through, monkeypatch):
    asked = []

    def look_up(host, port, **_):
        asked.append((host, port))
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    for url in ("http://proxy.internal", "https://proxy.internal"):
        through(url)
        assert failure("https://auth.example.com/").status == 75
    assert asked == [("proxy.internal", 80), ("proxy.internal", 443)]


def test_a_socks_proxy_is_not_looked_into(through):
    through("socks5://127.0.0.1:1080")
    assert probed("https://auth.example.com/") == {
        "proxy": "socks5://127.0.0.1:1080, which is not looked into"
    }
