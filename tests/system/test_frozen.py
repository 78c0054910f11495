"""Processes that are frozen in the middle of a renewal: Lambda, Cloud Run, laptops."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from requests_cc.testing import LocalServer
from tests.support.fresh_interpreter import ROOT

LIFETIME = 2.0
PROGRAM = """
import sys, time
from requests_cc import AuthorizationServer, ClientCredentials, TokenCache

server = AuthorizationServer(sys.argv[1], timeout=1.0)
credentials, cache = ClientCredentials(server, "me", "secret"), TokenCache()
first = cache.token(credentials)
while cache.stats().requests < 2:
    time.sleep(0.02)
    cache.token(credentials)
print("renewing", flush=True)
sys.stdin.readline()
print(cache.token(credentials).value != first.value, flush=True)
"""


@pytest.mark.rule(11)
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGSTOP")
def test_a_call_after_a_thaw_does_not_share_the_failure_of_the_frozen_renewal() -> None:
    with LocalServer() as server:
        server.token_lifetime = LIFETIME
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, server.token_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            while not server.token_requests:
                time.sleep(0.01)
            server.token_delay = 60.0
            assert process.stdout.readline() == "renewing\n"
            while len(server.token_requests) < 2:  # or it is sent after the thaw, and succeeds
                time.sleep(0.01)
            process.send_signal(signal.SIGSTOP)
            server.token_delay = 0.0
            time.sleep(LIFETIME)  # the token expires, and the request's time is over
            process.stdin.write("go on\n")
            process.stdin.flush()
            process.send_signal(signal.SIGCONT)
            assert process.stdout.readline() == "True\n"
