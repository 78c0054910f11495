"""What ``requests-cc check`` says when something is wrong: real servers, and a transcript for docs.

``python -m tests.support.check_scenarios`` writes ``docs/check_transcript.txt`` anew.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, redirect_stdout
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock
from urllib.parse import urlsplit

import trustme

from requests_cc.cli.main import main
from requests_cc.testing import Client, LocalServer
from tests.support.certificates import server_context

from .scripts import answer, token
from .server import Server

TRANSCRIPT = Path(__file__).resolve().parents[2] / "docs" / "check_transcript.txt"
SECRET = "a secret with thirty-two letters"


class World:
    """The servers of one run, and the variables of its client."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.names: dict[str, str] = {}  # what the transcript shows in place of random ports
        self.authority = trustme.CA()
        self.server = self.enter(LocalServer({"billing": SECRET}), 8080)
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("OAUTH_") and not name.lower().endswith(("_proxy", "ca_bundle"))
        }
        self.variables = {
            **kept,
            "OAUTH_TOKEN_URL": self.server.token_url,
            "OAUTH_CLIENT_ID": "billing",
            "OAUTH_CLIENT_SECRET": SECRET,
        }

    def enter(self, server: Any, shown: int) -> Any:
        running = self._stack.enter_context(server)
        url = running.origin if isinstance(running, LocalServer) else running.url
        port = urlsplit(url).port
        self.names[f":{port}"] = f":{shown}"
        self.names[f"port {port}"] = f"port {shown}"
        return running

    def https(self, *scripts: Any, **certificate: Any) -> str:
        """The URL of a token endpoint behind TLS."""
        context = server_context(self.authority, **certificate)
        return str(self.enter(Server(*(scripts or (token(),)), tls=context), 8443).url)

    def ca_bundle(self) -> str:
        path = self.folder / "ca.pem"
        self.authority.cert_pem.write_to_path(path)
        self.names[str(path)] = "ca.pem"
        return str(path)


Build = Callable[[World], list[str]]


class Scenario(NamedTuple):
    """Something that is wrong, or nothing.

    :param title: str.
    :param status: int, the expected exit status.
    :param build: makes the servers, and returns the arguments behind ``check``.
    """

    title: str
    status: int
    build: Build


class Played(NamedTuple):
    """How a scenario ended."""

    command: str
    status: int
    lines: list[str]


def _fine(world: World) -> list[str]:
    return ["--url", f"{world.server.api_url}orders", "--scope", "read"]


def _wrong_host(world: World) -> list[str]:
    return ["--token-url", "https://auth.invalid/oauth/token"]


def _refused_port(world: World) -> list[str]:
    world.server.stop()
    return []


def _untrusted(world: World) -> list[str]:
    return ["--token-url", world.https()]


def _expired(world: World) -> list[str]:
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    url = world.https(not_before=yesterday - timedelta(days=9), not_after=yesterday)
    return ["--token-url", url, "--cacert", world.ca_bundle()]


def _proxy(world: World) -> list[str]:
    proxy = world.enter(Server(answer(status="403 Forbidden")), 3128)
    world.variables["HTTPS_PROXY"] = f"http://user:pass@127.0.0.1:{proxy.port}"
    return ["--token-url", "https://auth.example.com/oauth/token"]


def _wrong_path(world: World) -> list[str]:
    page = answer(b"<html>", "404 Not Found", {"Content-Type": "text/html; charset=utf-8"})
    server = world.enter(Server(page), 8080)
    return ["--token-url", f"http://127.0.0.1:{server.port}/oauth/tokens"]


def _wrong_secret(world: World) -> list[str]:
    world.variables["OAUTH_CLIENT_SECRET"] = "an old secret"
    return []


def _wrong_place(world: World) -> list[str]:
    client = Client(SECRET, auth_methods="client_secret_post")
    server = world.enter(LocalServer({"billing": client}), 8080)
    return ["--token-url", server.token_url]


def _wrong_scope(world: World) -> list[str]:
    server = world.enter(LocalServer({"billing": SECRET}, scopes="read write"), 8080)
    return ["--token-url", server.token_url, "--scope", "everything"]


def _refused_token(world: World) -> list[str]:
    other = world.enter(LocalServer(), 8081)
    return ["--url", f"{other.api_url}orders"]


SCENARIOS = [
    Scenario("Nothing is wrong", 0, _fine),
    Scenario("A wrong host", 75, _wrong_host),
    Scenario("A port that refuses", 75, _refused_port),
    Scenario("A certificate that is not trusted", 78, _untrusted),
    Scenario("A certificate that has expired", 78, _expired),
    Scenario("A proxy that refuses", 75, _proxy),
    Scenario("A wrong path", 78, _wrong_path),
    Scenario("A wrong secret", 78, _wrong_secret),
    Scenario("The secret in the wrong place", 78, _wrong_place),
    Scenario("A wrong scope", 78, _wrong_scope),
    Scenario("A token that the API refuses", 78, _refused_token),
]


def play(scenario: Scenario) -> Played:
    """Run ``check`` in this process; what differs from run to run is made equal."""
    out = io.StringIO()
    with ExitStack() as stack:
        world = World(stack)
        arguments = scenario.build(world)
        stack.enter_context(mock.patch.dict(os.environ, world.variables, clear=True))
        stack.enter_context(redirect_stdout(out))
        status = main(["check", *arguments])
    text = f"{shlex.join(['requests-cc', 'check', *arguments])}\n{out.getvalue().rstrip()}"
    for found, shown in world.names.items():
        text = text.replace(found, shown)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-11-26T14:04:18Z", text)
    text = re.sub(r"\(in [^)]*\)", "(in 30d)", text)
    text = re.sub(r"\(\d+ ms\)", "(2 ms)", text)
    text = re.sub(r"a CA in \S+", "a CA in /etc/ssl/certs/ca.pem", text)
    command, *lines = text.splitlines()
    return Played(command, status, lines)


def transcript() -> str:
    """All scenarios, as docs/command_line.rst shows them."""
    parts = []
    for scenario in SCENARIOS:
        played = play(scenario)
        text = "\n".join([f"$ {played.command}", *played.lines, f"exit status {played.status}"])
        parts.append(f"# {scenario.title}\n{text}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    TRANSCRIPT.write_text(transcript(), encoding="utf-8")
