"""The command line, run in this process, with an environment of its own."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import trustme

from requests_cc.cli.main import main
from requests_cc.testing import LocalServer
from tests.support.certificates import server_context
from tests.support.scripts import Script, token
from tests.support.server import Server

SECRET = "s3cret/of the demo client+1"  # with what form-encoding changes


class Ended(NamedTuple):
    """How a run ended."""

    status: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in list(os.environ):
        if name.startswith("OAUTH_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer({"demo": SECRET}) as running:
        yield running


@pytest.fixture
def client(environment: pytest.MonkeyPatch, server: LocalServer) -> LocalServer:
    """A server, and the variables of its client."""
    environment.setenv("OAUTH_TOKEN_URL", server.token_url)
    environment.setenv("OAUTH_CLIENT_ID", "demo")
    environment.setenv("OAUTH_CLIENT_SECRET", SECRET)
    return server


@pytest.fixture
def cli(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    def run(*arguments: str, stdin: str | None = "") -> Ended:
        typed = io.TextIOWrapper(io.BytesIO((stdin or "").encode()))
        if stdin is None:  # somebody sits at a terminal
            monkeypatch.setattr(typed, "isatty", lambda: True)
        monkeypatch.setattr(sys, "stdin", typed)
        try:
            status = main(arguments)
        except SystemExit as ending:
            status = int(ending.code or 0)
        return Ended(status, *capsys.readouterr())

    return run


@pytest.fixture
def https_server(authority: trustme.CA) -> Callable[..., Server]:
    """A token endpoint, or an API, behind TLS; keywords are trustme's ``issue_cert``'s."""

    def make(*scripts: Script, name: str = "127.0.0.1", **options: Any) -> Server:
        return Server(*(scripts or (token(),)), tls=server_context(authority, name, **options))

    return make
