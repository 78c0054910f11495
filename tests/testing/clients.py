"""What clients send to a server, and how long they wait."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
from hypothesis import settings

from requests_cc.testing import LocalServer

GRANT = {"grant_type": "client_credentials"}
PATIENCE = 20.0  # seconds until a test that waits for something gives up

examples = settings(max_examples=30, deadline=None, database=None, derandomize=True)


def request_token(session: requests.Session, server: LocalServer, **form: Any) -> requests.Response:
    return session.post(server.token_url, data={**GRANT, "client_id": "me", **form})


def bearer(response: requests.Response) -> dict[str, str]:
    return {"Authorization": "Bearer " + response.json()["access_token"]}


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.002)


def connect(server: LocalServer) -> socket.socket:
    port = urlsplit(server.origin).port
    assert port is not None
    return socket.create_connection(("127.0.0.1", port), PATIENCE)


def exchange(server: LocalServer, sent: bytes) -> bytes:
    """Send bytes and return what comes back until the server closes the connection."""
    with connect(server) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def server_threads() -> set[threading.Thread]:
    return {t for t in threading.enumerate() if t.name.startswith("requests_cc.testing")}
