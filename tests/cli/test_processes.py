"""What only a process of its own shows: terminals, pipes, signals, and what it costs."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys

import pytest

from requests_cc.testing import LocalServer

COMMAND = [sys.executable, "-W", "error", "-m", "requests_cc"]


@pytest.fixture
def variables(client: LocalServer) -> dict[str, str]:
    return {**os.environ, "TERM": "xterm"}


def read_all(terminal: int) -> str:
    data = b""
    while select.select([terminal], [], [], 30)[0]:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # so Linux says that the other side has gone
            break
        if not piece:
            break
        data += piece
    return data.decode()


def test_on_a_real_terminal_the_token_has_a_line_beside_it(variables):
    ours, theirs = pty.openpty()
    started = subprocess.Popen(
        [*COMMAND, "token", "--scope", "read"], stdout=theirs, stderr=subprocess.PIPE, env=variables
    )
    os.close(theirs)
    shown = read_all(ours)
    _, err = started.communicate(timeout=60)
    os.close(ours)
    assert started.returncode == 0
    assert len(shown.split()) == 1
    assert err.decode().startswith("Bearer, expires in 1h (")
    assert err.decode().endswith("), scope read\n")


def test_a_reader_that_goes_away_is_no_traceback(variables):
    started = subprocess.Popen(
        [*COMMAND, "env"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=variables
    )
    started.stdout.close()
    err = started.stderr.read()
    started.stderr.close()
    assert started.wait(60) == 141
    assert err == b""


def shell(script, variables):
    return subprocess.run(
        ["sh", "-c", script, sys.executable],
        capture_output=True,
        env=variables,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("script", "status", "out"),
    [
        ('"$0" -W error -m requests_cc env >&-', 0, b""),
        ('"$0" -W error -m requests_cc token 2>&- | wc -l', 0, b"1"),
        ('"$0" -W error -m requests_cc decode <&- 2>/dev/null', 2, b""),
        ('"$0" -W error -m requests_cc token --client-secret-file - <&- 2>/dev/null', 78, b""),
    ],
)
def test_a_stream_that_is_closed_is_no_traceback(variables, script, status, out):
    ended = shell(script, variables)
    assert (ended.returncode, ended.stdout.strip(), ended.stderr) == (status, out, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full device")
def test_a_full_disk_is_reported_in_a_line(variables):
    ended = shell('"$0" -W error -m requests_cc token >/dev/full', variables)
    assert ended.returncode == 75
    assert ended.stderr == b"requests-cc token: No space left on device\n"


def test_a_letter_that_the_terminal_cannot_show_is_spelled(variables):
    ended = subprocess.run(
        [*COMMAND, "token", "-v"],
        capture_output=True,
        env={**variables, "PYTHONIOENCODING": "ascii"},
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0
    assert b"> Authorization: Basic \\u2026" in ended.stderr


def test_the_token_can_be_piped_into_decode_and_curl_takes_the_header(variables):
    script = (
        '"$0" -m requests_cc token --header | { read -r name rest; echo "$name $rest" | wc -w; }'
    )
    ended = subprocess.run(
        ["sh", "-c", script, sys.executable],
        capture_output=True,
        env=variables,
        timeout=60,
        check=True,
    )
    assert ended.stdout.strip() == b"3"


def test_token_loads_neither_the_demo_nor_the_testing_package(variables):
    program = (
        "import sys; from requests_cc.cli.main import main; status = main(['token'])\n"
        "named = [m for m in sys.modules if m.startswith('requests_cc.')]\n"
        "bad = ('requests_cc.testing', 'requests_cc.cli.demo', 'requests_cc.cli.check',"
        " 'requests_cc.adapter', 'requests_cc.cache.stores')\n"
        "print([m for m in named if m.startswith(bad)], 'joserfc' in sys.modules, status)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, env=variables, timeout=60, check=True
    )
    assert ended.stdout.decode().splitlines()[-1] == "[] False 0"
