"""The thread of its own in which an exchange takes place."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from requests_cc.http import exchange
from requests_cc.testing import LocalServer
from requests_cc.threads import Hanging
from tests.support.scripts import token
from tests.support.server import Server

from .endpoint import ENDPOINTS, client, failure


def test_the_token_request_is_made_without_a_thread_where_none_can_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name == "requests-cc exchange":
            raise RuntimeError("can't start new thread")
        original(thread)

    with LocalServer() as server:
        monkeypatch.setattr(threading.Thread, "start", start)
        assert client(server.token_url).request_token().value


class Stuck(requests.adapters.HTTPAdapter):
    """Hangs where no socket can end it, as a name look-up may."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()
        self.calls = 0

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        self.calls += 1
        self.released.wait(20)
        return super().send(*args, **kwargs)


@pytest.fixture
def stuck() -> Iterator[tuple[Stuck, requests.Session]]:
    adapter, session = Stuck(), requests.Session()
    session.mount("http://", adapter)
    yield adapter, session
    adapter.released.set()
    session.close()
    wait_until_no_exchange_runs()


def wait_until_no_exchange_runs() -> None:
    deadline = time.monotonic() + 5
    while any(each.name == "requests-cc exchange" for each in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_requests_that_nothing_can_end_are_not_sent_without_end(
    stuck: tuple[Stuck, requests.Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(exchange, "hanging", Hanging(2, lambda: now[0]))
    adapter, session = stuck
    with Server(token()) as server, Server(token()) as other:

        def told() -> str:
            settings = {"timeout": (0.05, 0.05), "session": session}
            return str(failure(ENDPOINTS["token"], server, **settings))

        assert "no address of" in told()
        assert "no address of" in told()
        assert "2 timed-out requests to 127.0.0.1" in told()
        assert adapter.calls == 2
        assert client(other.url).request_token().value == "token-1"  # another is asked
        for passed, tried in [(59, 2), (61, 3), (62, 3), (61 + 119, 3), (61 + 121, 4), (999, 5)]:
            now[0] = passed
            told()
            assert adapter.calls == tried, passed
        adapter.released.set()
        wait_until_no_exchange_runs()
        healthy = client(server.url, session=session)
        assert healthy.request_token().value == "token-1"
    assert not len(exchange.hanging)
