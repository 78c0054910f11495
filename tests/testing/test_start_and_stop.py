"""Start, stop, restart and reset; names and forks."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import warnings
from urllib.parse import urlsplit

import pytest
import requests

from requests_cc.testing import LocalServer

from .clients import PATIENCE, bearer, connect, eventually, exchange, request_token, server_threads


def test_stop_cuts_idle_and_delayed_requests_off_and_leaves_no_thread() -> None:
    threads_before = server_threads()
    with LocalServer() as server:
        server.token_delay = 3600
        with connect(server) as idle, connect(server) as delayed:
            delayed.sendall(b"POST /oauth/token HTTP/1.1\r\nHost: h\r\n\r\n")
            eventually(lambda: server.token_requests)
            eventually(lambda: len(server_threads() - threads_before) == 3)
            server.stop()
            assert server_threads() <= threads_before
            assert idle.recv(1) == delayed.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            connect(server)


def test_stop_cuts_a_client_off_that_reads_nothing(http_session: requests.Session) -> None:
    threads_before = server_threads()
    with LocalServer() as server:
        token = bearer(request_token(http_session, server))["Authorization"].encode()
        # The response names the path, so that the responses fill the buffers soon.
        path = b"/api/" + b"a" * 60_000
        one = b"GET %b HTTP/1.1\r\nHost: h\r\nAuthorization: %b\r\n\r\n" % (path, token)
        with connect(server) as connection:
            connection.settimeout(0.3)
            with pytest.raises(TimeoutError):
                connection.sendall(one * 1000)
            server.stop()
    assert server_threads() <= threads_before


def test_stopping_twice_or_before_the_start_does_nothing() -> None:
    server = LocalServer()
    server.stop()
    server.start()
    server.stop()
    server.stop()


def test_starting_twice_does_nothing(http_session: requests.Session) -> None:
    with LocalServer() as server:
        url = server.api_url
        assert server.start() is server
        assert server.api_url == url
    with pytest.raises(requests.ConnectionError):
        http_session.get(url)


def test_a_restarted_server_is_back_at_its_urls_with_its_tokens(
    http_session: requests.Session,
) -> None:
    server = LocalServer().start()
    urls = (server.origin, server.token_url, server.api_url)
    headers = bearer(request_token(http_session, server))
    server.stop()
    with pytest.raises(requests.ConnectionError):
        http_session.get(server.api_url, headers=headers)
    with server:
        assert (server.origin, server.token_url, server.api_url) == urls
        assert http_session.get(server.api_url, headers=headers).status_code == 200
        assert len(server.token_requests) == 1


def test_urls_are_on_loopback_and_there_are_none_before_the_start() -> None:
    server = LocalServer()
    with pytest.raises(RuntimeError, match=r"start\(\)"):
        server.token_url  # noqa: B018 - the property raises
    with server:
        assert server.origin.startswith("http://127.0.0.1:")
        assert server.token_url == server.origin + "/oauth/token"
        assert server.api_url == server.origin + "/api/"


def test_the_server_stops_when_the_block_raises() -> None:
    with pytest.raises(KeyError), LocalServer() as server:
        raise KeyError
    with pytest.raises(ConnectionRefusedError):
        connect(server)


def test_reset_brings_a_new_server_at_the_same_urls(http_session: requests.Session) -> None:
    with LocalServer({"me": None}) as server:
        url = server.api_url
        headers = bearer(request_token(http_session, server))
        http_session.get(server.api_url)
        server.token_lifetime, server.token_delay = 1, 3600
        server.fail_next(3)
        server.fail_next(3, at="api")
        server.reset()
        assert server.token_requests == server.api_requests == ()
        assert request_token(http_session, server).json()["expires_in"] == 3600
        assert http_session.get(url, headers=headers).status_code == 401
        assert request_token(http_session, server, client_id="you").status_code == 401


def test_names_are_never_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a look-up")

    for name in ["getfqdn", "gethostbyaddr", "gethostbyname", "gethostname", "getnameinfo"]:
        monkeypatch.setattr(socket, name, refuse)
    with LocalServer() as server:
        response = exchange(server, b"GET /api/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert response.startswith(b"HTTP/1.1 401 ")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_stopping_in_a_forked_child_leaves_the_parents_server_running(server: LocalServer) -> None:
    connection = http.client.HTTPConnection(urlsplit(server.origin).netloc, timeout=PATIENCE)
    connection.request("GET", "/api/")
    connection.getresponse().read()
    used = connection.sock
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork() beside threads, on purpose
        child = os.fork()
    if child == 0:
        signal.alarm(int(PATIENCE))  # ends a child that waits for the parent's threads
        server.stop()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    connection.request("GET", "/api/")
    assert connection.getresponse().status == 401
    assert connection.sock is used
    connection.close()
