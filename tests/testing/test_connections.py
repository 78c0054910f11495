"""What goes over a connection, and what ends it; many connections at once."""

from __future__ import annotations

import http.client
import json
import socket
import struct
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
import requests

from requests_cc.testing import LocalServer
from tests.support.fresh_interpreter import printed_by
from tests.support.threads import in_threads

from .clients import PATIENCE, connect, eventually, exchange, request_token


def test_many_requests_share_one_connection(server: LocalServer) -> None:
    connection = http.client.HTTPConnection(urlsplit(server.origin).netloc, timeout=PATIENCE)
    connection.connect()
    used = connection.sock
    for path in ["/api/", "/oauth/token", "/", "/api/"] * 5:
        connection.request("GET", path)
        connection.getresponse().read()
        assert connection.sock is used
    connection.close()


def test_a_response_is_sent_in_one_piece(server: LocalServer) -> None:
    with connect(server) as connection:
        for _ in range(20):
            connection.sendall(b"GET /elsewhere HTTP/1.1\r\nHost: h\r\n\r\n")
            head, _, body = connection.recv(65536).partition(b"\r\n\r\n")
            assert b"Content-Length: %d\r\n" % len(body) in head + b"\r\n"
            assert json.loads(body)["token_url"] == server.token_url


def test_the_client_may_request_that_the_connection_ends(server: LocalServer) -> None:
    response = exchange(server, b"GET /api/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert b"Connection: close\r\n" in response
    assert b"Date: " in response


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\r\n",
        b"\x16\x03\x01\n",
        b"GET /api/",
        b"GET /api/" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /api/ HTTP/1.1\r\nHost: " + b"a" * 70_000 + b"\r\n\r\n",
    ],
    ids=["empty line", "TLS", "half a line", "long request line", "long header"],
)
def test_nonsense_ends_the_connection_and_harms_nobody(
    server: LocalServer, http_session: requests.Session, nonsense: bytes
) -> None:
    # The server need not read all of it before it closes the connection: then that is a reset.
    with connect(server) as connection, suppress(ConnectionError):
        connection.sendall(nonsense)
        with suppress(OSError):  # ENOTCONN after a reset: no ConnectionError
            connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert server.api_requests == ()
    assert http_session.get(server.api_url).status_code == 401


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /ap",
        b"POST /api/ HTTP/1.1\r\nHost",
        b"POST /api/ HTTP/1.1\r\nHost: h\r\n",
        b"POST /api/ HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
        b"POST /api/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
        b"POST /api/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
)
@pytest.mark.parametrize("reset", [True, False])
def test_half_a_request_is_not_recorded_and_leaves_no_line_on_stderr(
    server: LocalServer, capfd: pytest.CaptureFixture[str], sent: bytes, reset: bool
) -> None:
    with connect(server) as connection:
        connection.sendall(b"GET /api/ HTTP/1.1\r\nHost: h\r\n\r\n")
        assert connection.recv(65536)  # so it is accepted, and served until it ends
        connection.sendall(sent)
        # A linger time of 0 makes close() reset the connection.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", reset, 0))
    server.stop()
    assert len(server.api_requests) == 1
    assert capfd.readouterr() == ("", "")


def test_a_client_that_does_not_wait_for_its_response_leaves_no_line_on_stderr(
    server: LocalServer, capfd: pytest.CaptureFixture[str]
) -> None:
    server.token_delay = 0.05
    with connect(server) as connection:
        connection.sendall(b"POST /oauth/token HTTP/1.1\r\nHost: h\r\n\r\n" * 3)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        eventually(lambda: server.token_requests)
    server.stop()
    assert capfd.readouterr() == ("", "")


def test_an_exception_in_the_server_is_printed(
    server: LocalServer, http_session: requests.Session, capsys: pytest.CaptureFixture[str]
) -> None:
    server.token_lifetime = "soon"  # type: ignore[assignment]
    with pytest.raises(requests.ConnectionError):
        request_token(http_session, server)
    server.stop()
    assert "TypeError" in capsys.readouterr().err


def test_requests_are_not_logged_on_stderr(
    server: LocalServer, http_session: requests.Session, capfd: pytest.CaptureFixture[str]
) -> None:
    request_token(http_session, server)
    http_session.get(server.api_url)
    assert exchange(server, b"GET two paths HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    server.stop()
    assert capfd.readouterr() == ("", "")


def test_two_hundred_and_fifty_six_clients_at_once(server: LocalServer) -> None:
    clients = 256
    netloc = urlsplit(server.origin).netloc
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    def client(number: int) -> list[int]:
        connection = http.client.HTTPConnection(netloc, timeout=PATIENCE)
        body = f"grant_type=client_credentials&client_id={number}"
        connection.request("POST", "/oauth/token", body, form)
        token = json.load(connection.getresponse())["access_token"]
        connection.request("GET", "/api/", headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        described = json.load(response)
        connection.close()
        return [response.status, int(described["client_id"])]

    assert in_threads(clients, client) == [[200, number] for number in range(clients)]
    assert len(server.token_requests) == len(server.api_requests) == clients


def test_another_process_uses_the_server_through_its_urls(server: LocalServer) -> None:
    code = (
        "import json, sys, urllib.request as u\n"
        "o = u.build_opener(u.ProxyHandler({}))\n"
        "form = b'grant_type=client_credentials&client_id=other'\n"
        "token = json.load(o.open(sys.argv[1], form))['access_token']\n"
        "r = u.Request(sys.argv[2], headers={'Authorization': 'Bearer ' + token})\n"
        "print(json.load(o.open(r))['client_id'])\n"
    )
    assert printed_by(code, server.token_url, server.api_url) == "other"
