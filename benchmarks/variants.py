"""The variants that are compared: a static header, the least that an adapter can do, and ours."""

from __future__ import annotations

import io
import json
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from requests_cc import (
    AccessToken,
    ClientCredentials,
    ClientCredentialsAdapter,
    TokenCache,
)

TOKEN = "t" * 43  # as long as 32 random bytes in base64
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class NullAdapter(HTTPAdapter):
    """Answers without I/O."""

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        response = requests.Response()
        response.status_code = 200
        response.raw = io.BytesIO(b"{}")
        response.url = request.url or ""
        response.request = request
        return response


class HeaderAdapter(BaseAdapter):
    """The floor: sets one header on the caller's own request, and nothing else."""

    def __init__(self, transport: BaseAdapter) -> None:
        super().__init__()
        self._transport = transport

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        request.headers["Authorization"] = f"Bearer {TOKEN}"
        return self._transport.send(request, *args, **kwargs)

    def close(self) -> None:
        self._transport.close()


class Source:
    """A token source without I/O."""

    def __init__(self, cache_key: str) -> None:
        self.cache_key = cache_key

    def request_token(self) -> AccessToken:
        now = time.time()
        return AccessToken(f"{random.getrandbits(256):043x}"[:43], "Bearer", now + 3600, now)


class FakeSocket:
    """Takes what is sent, and gives the same response each time; no byte reaches the system."""

    def __init__(self) -> None:
        self._pair = socket.socketpair()  # what is asked whether it has been closed

    def makefile(self, *_: object, **__: object) -> io.BytesIO:
        return io.BytesIO(RESPONSE)

    def fileno(self) -> int:
        return self._pair[0].fileno()

    def sendall(self, data: bytes) -> None: ...

    def settimeout(self, seconds: float | None) -> None: ...

    def close(self) -> None:
        for end in self._pair:
            end.close()


class FakeConnection(HTTPConnection):
    def connect(self) -> None:
        self.sock = FakeSocket()  # type: ignore[assignment] # all of a socket that is used


class FakePool(HTTPConnectionPool):
    ConnectionCls = FakeConnection


def on_fake_sockets(adapter: HTTPAdapter) -> HTTPAdapter:
    """Have an adapter connect to nothing."""
    adapter.poolmanager.pool_classes_by_scheme = {"http": FakePool}
    return adapter


@contextmanager
def sessions(origin: str, transport: str) -> Iterator[dict[str, requests.Session]]:
    """Yield a session of each variant, warm, on one transport: null, fake socket, loopback."""
    source = client(f"{origin}/token?lifetime=3600&delay=0")
    settings: dict[str, Any] = {"origins": origin, "cache": TokenCache()}
    if transport == "null":
        plain, floor, sender = NullAdapter(), NullAdapter(), NullAdapter()
        ours = ClientCredentialsAdapter(source, transport=sender, **settings)
    else:
        plain, floor = HTTPAdapter(), HTTPAdapter()
        ours = ClientCredentialsAdapter(source, **settings)
    if transport == "fake socket":
        for adapter in (plain, floor, ours):
            on_fake_sockets(adapter)
    with ExitStack() as stack:
        variants = {
            "plain": stack.enter_context(plain_session(plain)),
            "floor": stack.enter_context(session_with(HeaderAdapter(floor))),
            "ours": stack.enter_context(session_with(ours)),
        }
        for session in variants.values():
            session.get(f"{origin}/api").raise_for_status()
        yield variants


def plain_session(transport: BaseAdapter) -> requests.Session:
    session = session_with(transport)
    session.headers["Authorization"] = f"Bearer {TOKEN}"
    return session


def our_session(
    source: ClientCredentials, cache: TokenCache, origin: str, **own: Any
) -> requests.Session:
    return session_with(ClientCredentialsAdapter(source, origins=origin, cache=cache, **own))


def session_with(adapter: BaseAdapter) -> requests.Session:
    session = requests.Session()
    session.mount("http://", adapter)
    return session


def client(token_url: str) -> ClientCredentials:
    return ClientCredentials(token_url, "benchmark", "secret")


@contextmanager
def loopback_server(module: str = "loopback_server") -> Iterator[str]:
    """A small server in a process of its own, so that it takes no turns with the callers' GIL."""
    command, folder = [sys.executable, "-m", module], Path(__file__).parent
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
