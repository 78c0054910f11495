"""The end of an interpreter, of a thread, of a greenlet: real processes, looked at from outside."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PREAMBLE = """
import atexit, signal, sys, threading, time
from requests_cc import AccessToken, TokenCache
from sources import ManualClock, Source, in_thread, until_waiting

clock = ManualClock()
cache, source = TokenCache(clock=clock), Source(clock)

def until(condition):
    while not condition():
        time.sleep(0.01)
"""


def run(program: str, *, before: str = "", measured: bool = True) -> str:
    """What a program prints; anything on stderr, such as a traceback, fails the test.

    :param measured: whether coverage may look on: its own lock does not bear KeyboardInterrupt.
    """
    seen = os.environ if measured else {k: v for k, v in os.environ.items() if "COVERAGE" not in k}
    path = os.pathsep.join([str(TESTS.parent), str(TESTS), os.environ.get("PYTHONPATH", "")])
    finished = subprocess.run(
        [sys.executable, "-c", before + PREAMBLE + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=50,
        env={**seen, "PYTHONPATH": path},
        check=False,
    )
    assert finished.stderr == ""
    assert finished.returncode == 0
    return finished.stdout.strip()


def test_an_interpreter_exits_at_once_while_a_renewal_hangs() -> None:
    # Were the exit to wait for the renewal, the process would hang until the test's own timeout.
    program = """
    cache.token(source)
    clock.forward(3595)
    source.reached.clear()
    source.gate = threading.Event()
    cache.token(source)
    assert source.reached.wait(30)
    print("bye")
    """
    assert run(program) == "bye"


def test_the_token_serves_on_at_exit_when_no_thread_can_be_started() -> None:
    program = """
    cache.token(source)
    clock.forward(3595)
    atexit.register(lambda: print(cache.token(source).value))
    """
    assert run(program) == "key-1"


def test_a_token_can_be_requested_at_exit() -> None:
    assert run("atexit.register(lambda: print(cache.token(source).value))") == "key-1"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to one's own process")
def test_after_ctrl_c_in_the_requesting_main_thread_another_takes_over() -> None:
    program = """
    import os
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's "&" has it ignored
    others = []

    def answer():
        source.mend()
        while True:  # not one long wait, which a signal just before it would not end
            time.sleep(0.01)

    def interrupt():
        source.reached.wait(30)
        others.extend(in_thread(lambda: cache.token(source)) for _ in range(3))
        until_waiting(3)
        os.kill(os.getpid(), signal.SIGINT)

    source.answer = answer
    threading.Thread(target=interrupt).start()
    try:
        cache.token(source)
    except KeyboardInterrupt:
        print("interrupted", {other().value for other in others}, source.requests)
    """
    assert run(program) == "interrupted {'key-2'} 2"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to one's own process")
def test_ctrl_c_at_any_moment_leaves_no_lock_held_and_no_request_unended() -> None:
    program = """
    import random

    class Plain:
        cache_key = "plain"

        def request_token(self):
            return AccessToken("plain")

    def interrupt(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, interrupt)
    sys.unraisablehook = lambda *_: None
    plain, end, interruptions = Plain(), time.monotonic() + 2, 0

    def calls():
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00005, 0.0003))
        # Not for ever: what is raised in a destructor, Python prints and passes over.
        while time.monotonic() < end:
            cache.invalidate(plain)
            cache.token(plain)
        signal.setitimer(signal.ITIMER_REAL, 0)

    while time.monotonic() < end:
        try:
            calls()
        except KeyboardInterrupt:
            interruptions += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    cache.invalidate(plain)
    outcome = in_thread(lambda: cache.token(plain))()
    print(type(outcome).__name__, interruptions > 0)
    """
    assert run(program, measured=False) == "AccessToken True"


needs_gevent = pytest.mark.skipif(
    importlib.util.find_spec("gevent") is None, reason="gevent is not installed"
)
PATCHED = "from gevent import monkey; monkey.patch_all(); import gevent\n"


@needs_gevent
def test_greenlets_share_one_request() -> None:
    program = """
    source.answer = lambda: (gevent.sleep(0.05), source.mint())[1]
    jobs = [gevent.spawn(cache.token, source) for _ in range(50)]
    gevent.joinall(jobs)
    print({job.value.value for job in jobs}, source.requests)
    """
    assert run(program, before=PATCHED) == "{'key-1'} 1"


@needs_gevent
def test_greenlets_renew_ahead_in_the_background() -> None:
    program = """
    cache.token(source)
    clock.forward(3595)
    print(cache.token(source).value)
    until(lambda: source.requests == 2)
    until(lambda: cache.stats().successes == 2)
    print(cache.token(source).value)
    """
    assert run(program, before=PATCHED).split() == ["key-1", "key-2"]


@needs_gevent
def test_after_a_gevent_timeout_in_the_requesting_greenlet_another_takes_over() -> None:
    program = """
    def answer():
        if source.requests == 1:
            gevent.sleep(60)
        return source.mint()

    source.answer = answer

    def impatient():
        with gevent.Timeout(0.2, False):
            cache.token(source)
            print("not reached")

    first = gevent.spawn(impatient)
    source.reached.wait()
    others = [gevent.spawn(cache.token, source) for _ in range(3)]
    gevent.joinall([first, *others])
    print({other.value.value for other in others}, source.requests)
    """
    assert run(program, before=PATCHED) == "{'key-2'} 2"
