"""The variants that are compared: a static header, the least that an adapter can do, and ours."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from requests_cc import (
    AccessToken,
    ClientCredentials,
    ClientCredentialsAdapter,
    TokenCache,
)

TOKEN = "t" * 43  # as long as 32 random bytes in base64


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


@contextmanager
def sessions(origin: str, transport: type[HTTPAdapter]) -> Iterator[dict[str, requests.Session]]:
    """A session of each variant, warm, on transports of one kind."""
    cache, source = TokenCache(), client(f"{origin}/token?lifetime=3600&delay=0")
    own = {"transport": NullAdapter()} if transport is NullAdapter else {}
    with ExitStack() as stack:
        variants = {
            "plain": stack.enter_context(plain_session(transport())),
            "floor": stack.enter_context(session_with(HeaderAdapter(transport()))),
            "ours": stack.enter_context(our_session(source, cache, origin, **own)),
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
def loopback_server() -> Iterator[str]:
    """A small server in a process of its own, so that it takes no turns with the callers' GIL."""
    script = Path(__file__).with_name("loopback_server.py")
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
