"""Processes that need a token: half of them at once, the others when those have theirs."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from peers.libraries import peer_named
from peers.libraries.program import Situation
from peers.setting import Effort, Server, outcome, program, server

TOKEN_DELAY = 0.3  # seconds that a token request takes
Worker = subprocess.Popen[str]


def fleet(peer: str, effort: Effort) -> dict[str, Any]:
    """Count the token requests of processes on one machine."""
    with server() as at, tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        at.change(delay=TOKEN_DELAY)
        token = None
        before = at.change()
        if peer == "control":
            token = program(peer, at).request_token()  # what one process of an ideal fleet does
        workers = [
            stack.enter_context(worker(peer, at, folder, token)) for _ in range(effort.processes)
        ]
        for one in workers:
            read(one)
        half = effort.processes // 2
        statuses = let_call(workers[:half])
        at_once = at.since(before)["token_requests"]
        statuses += let_call(workers[half:])
        in_all = at.since(before)["token_requests"]
    return {
        "at_once": at_once,
        "later": in_all - at_once,
        "failed": sum(status != "200" for status in statuses),
    }


def worker(peer: str, at: Server, folder: str, token: str | None) -> Worker:
    """Start a process that says when it is ready, and waits for a line before its call."""
    settings = {"peer": peer, "origin": at.origin, "folder": folder, "token": token}
    return subprocess.Popen(
        [sys.executable, "-m", "peers.fleets", json.dumps(settings)],
        cwd=Path(__file__).resolve().parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def read(one: Worker) -> str:
    """Return a worker's next line."""
    assert one.stdout is not None
    return one.stdout.readline().strip()


def let_call(workers: Sequence[Worker]) -> list[str]:
    """Let all of them make their first call at once; return the outcomes."""
    for one in workers:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    return [read(one) for one in workers]


def work(settings: dict[str, Any]) -> None:
    """Be one of the processes."""
    measured = peer_named(settings["peer"])(
        Situation(settings["origin"], folder=settings["folder"])
    )
    if settings["token"] is not None:
        measured.token = settings["token"]  # type: ignore[attr-defined] # the control has it
    print("ready", flush=True)
    sys.stdin.readline()
    print(outcome(lambda: measured.session().get(f"{settings['origin']}/api")), flush=True)


if __name__ == "__main__":
    work(json.loads(sys.argv[1]))
