"""The blocks for shells in docs/: what is typed is run, and what is seen is compared.

One shell runs the ``console`` and ``sh`` blocks of a page in their order, in a new folder that has
the page's files (python blocks with a caption). ``requests-cc serve`` runs beside it, on a free
port. ``https://auth.example.com`` and ``https://api.example.com`` lead to a local server.
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pytest

from requests_cc.testing import LocalServer

from .pages import DOCUMENTS, README, Block, blocks, name_of

PORT = "8080"  # of requests-cc serve, in the pages
SECONDS = 60

#: What is not run here: it installs, or has a test of its own.
NOT_RUN = re.compile(
    r"git clone|python benchmarks|\. \.venv|python3? -m (?:venv|pip|tox|pytest|requests_cc demo)"
)

pytestmark = pytest.mark.skipif(
    shutil.which("bash") is None or not Path(sys.executable).with_name("requests-cc").exists(),
    reason="wants bash, and the installed command",
)


def steps(block: Block) -> Iterator[tuple[str, list[str]]]:
    """Return the commands of a console block, each with the lines that it prints."""
    command, seen = "", []
    for line in block.code.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, seen
            command, seen = line[2:], []
        elif command and line.strip():
            seen.append(line.rstrip())
    if command:
        yield command, seen


def shown_as(line: str) -> re.Pattern[str]:
    """Return what a line of output must match: numbers, times and tokens vary."""
    pattern = re.escape(line)
    pattern = re.sub(r"\\\.\\\.\\\.|…\w*", ".*", pattern)
    pattern = re.sub(r"\b[\w\\-]{20,}\b", r"[\\w-]+", pattern)  # identifiers
    pattern = re.sub(r"\d+", r"\\d+", pattern)
    return re.compile(pattern)


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


@contextmanager
def serving(command: str, environment: dict[str, str], seen: list[str]) -> Iterator[None]:
    """Run ``requests-cc serve``, and compare what it prints first."""
    with subprocess.Popen(
        command.split(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            printed = iter(line.rstrip("\n") for line in process.stdout)
            compare(seen, printed, command)
            yield
        finally:
            process.terminate()


def compare(seen: list[str], printed: Iterator[str], command: str) -> None:
    """Find each line of a page in what was printed, in the same order."""
    passed: list[str] = []
    for line in seen:
        pattern = shown_as(line)
        for actual in printed:
            passed.append(actual)
            if pattern.fullmatch(actual):
                break
        else:
            pytest.fail(f"$ {command}\ndid not print\n{line}\nbut\n" + "\n".join(passed))


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith(("OAUTH_", "COVERAGE"))
    }
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**kept, "PATH": path, "PYTHONWARNINGS": "error", "NO_COLOR": "1", "HOME": str(tmp_path)}


class Shell:
    """A shell, to which commands are given one after the other."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment

    def run(self, command: str) -> list[str]:
        """Return the lines that a command prints; what it exports is there for the next one."""
        kept = self.folder / ".exported"
        script = f"set -o pipefail\n{command}\nstatus=$?\nexport -p > {kept}\nexit $status"
        before = f". {kept}\n" if kept.exists() else ""
        ours, theirs = pty.openpty()  # as in a terminal: some verbs say more there
        with (
            os.fdopen(ours, "rb", 0) as output,
            subprocess.Popen(
                ["bash", "-c", before + script],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
            ) as process,
        ):
            os.close(theirs)
            printed = b"".join(_chunks(output))
            process.wait(SECONDS)
        return printed.decode("utf-8", "replace").replace("\r\n", "\n").splitlines()


def _chunks(output: BinaryIO) -> Iterator[bytes]:
    with suppress(OSError):  # how a terminal without a program ends on Linux
        while chunk := output.read(65_536):
            yield chunk


def pages() -> list[Path]:
    return [page for page in DOCUMENTS if blocks(page, "console") or blocks(page, "sh")]


@pytest.mark.parametrize("page", [p for p in pages() if p != README], ids=name_of)
def test_a_page_does_in_a_shell_what_it_shows(
    page: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    port = free_port()
    secret = tmp_path / "client_secret"
    secret.write_text("s3cret\n", encoding="utf-8")
    (tmp_path / "report.json").write_text("{}", encoding="utf-8")
    shell = Shell(tmp_path, environment)
    servers = []

    with LocalServer({"billing": "s3cret"}) as server:

        def here(text: str) -> str:
            text = text.replace("https://auth.example.com/oauth/token", server.token_url)
            text = text.replace("https://api.example.com/", server.api_url)
            return text.replace(PORT, port).replace("/run/secrets/client_secret", str(secret))

        settings = f"OAUTH_TOKEN_URL={server.token_url} OAUTH_CLIENT_ID=billing"
        shell.run(f"export {settings} OAUTH_CLIENT_SECRET_FILE={secret}")
        for block in blocks(page):
            if block.file:
                (tmp_path / block.file).write_text(here(block.code), encoding="utf-8")
        try:
            for block in sorted(
                [*blocks(page, "console"), *blocks(page, "sh")], key=lambda each: each.line
            ):
                for command, seen in steps(block) if "$ " in block.code else [(block.code, [])]:
                    if NOT_RUN.match(command):
                        continue
                    if command.startswith("requests-cc serve"):
                        servers.append(serving(here(command), environment, [here(s) for s in seen]))
                        servers[-1].__enter__()
                        shell.run("unset ${!OAUTH_*}")  # another terminal
                        continue
                    printed = shell.run(here(command))
                    assert not any("Traceback" in line for line in printed), printed
                    compare([here(line) for line in seen], iter(printed), command)
        finally:
            for running in reversed(servers):
                running.__exit__(None, None, None)


def test_the_calls_of_the_pages_succeed(environment: dict[str, str], tmp_path: Path) -> None:
    (block,) = blocks(next(p for p in DOCUMENTS if p.name == "command_line.rst"), "sh")
    (tmp_path / "report.json").write_text("{}", encoding="utf-8")
    with LocalServer() as server:
        shell = Shell(tmp_path, environment)
        shell.run(f"export OAUTH_TOKEN_URL={server.token_url} OAUTH_CLIENT_ID=billing")
        shell.run("export OAUTH_CLIENT_SECRET=s3cret")
        assert shell.run(block.code.replace("https://api.example.com/", server.api_url))
        assert [request.method for request in server.api_requests] == ["POST"]
