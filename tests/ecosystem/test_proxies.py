"""An HTTP proxy (proxy.py) and a SOCKS proxy (PySocks) before both servers."""

from __future__ import annotations

import dataclasses
import ssl
from pathlib import Path

import pytest
import requests
import trustme

from requests_cc import AuthorizationServer

from .front import Front
from .journey import BODY, Journey
from .packages import needed
from .socks_proxy import SocksProxy

proxy = needed("proxy", "proxy.py")
needed("socks", "pysocks")


@pytest.fixture
def to_server(journey: Journey) -> requests.Session:
    """Return the session for token requests, which the credentials use."""
    session = requests.Session()
    server = AuthorizationServer(journey.server.token_url, session=session)
    journey.credentials = dataclasses.replace(journey.credentials, server=server)
    return session


def test_a_socks_proxy_before_both_servers(journey: Journey, to_server: requests.Session) -> None:
    with SocksProxy() as socks:
        session = journey.mounted(requests.Session())
        session.proxies = to_server.proxies = {"http": socks.url}
        journey.assert_whole(lambda _: session.put(journey.url, data=BODY), body=BODY)
        assert socks.connections >= 2


def test_an_http_proxy_before_both_servers(
    journey: Journey, to_server: requests.Session, tmp_path: Path
) -> None:
    log = tmp_path / "proxy.log"
    flags = ["--port=0", "--hostname=127.0.0.1", "--num-workers=1", f"--log-file={log}"]
    with proxy.Proxy([*flags, "--log-level=DEBUG", f"--data-dir={tmp_path}"]) as running:
        session = journey.mounted(requests.Session())
        url = f"http://127.0.0.1:{running.flags.port}"
        session.proxies = to_server.proxies = {"http": url}
        journey.assert_whole(
            lambda _: session.put(journey.url, data=BODY), body=BODY, stored=lambda: [tmp_path]
        )


def test_an_http_proxy_passes_tls_through_unread(journey: Journey, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    flags = ["--port=0", "--hostname=127.0.0.1", "--num-workers=1", f"--data-dir={tmp_path}"]
    with Front(journey.server, {}, tls=context) as front, proxy.Proxy(flags) as running:
        session = journey.mounted(requests.Session(), origins=front.url)
        session.verify = str(tmp_path / "ca.pem")
        session.proxies = {"https": f"http://127.0.0.1:{running.flags.port}"}
        journey.assert_whole(lambda _: session.put(f"{front.url}/orders", data=BODY), body=BODY)
