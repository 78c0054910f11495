"""The end of an interpreter, of a thread, of a greenlet: real processes, looked at from outside."""

from __future__ import annotations

import sys

import pytest

from tests.support.fresh_interpreter import PATCHED, needs_gevent, run


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


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to one's own process")
def test_ctrl_c_at_any_moment_leaves_no_lock_held_and_no_request_unended() -> None:
    program = """
    from tests.support.cut_short import interrupt_at_any_moment

    class Plain:
        cache_key = "plain"

        def request_token(self):
            return AccessToken("plain")

    plain = Plain()
    interruptions = interrupt_at_any_moment(cache, plain, after=(0.00005, 0.0003))
    cache.invalidate(plain)
    outcome = in_thread(lambda: cache.token(plain))()
    print(type(outcome).__name__, interruptions > 0)
    """
    assert run(program, measured=False) == "AccessToken True"


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


@pytest.mark.rule(11)
@needs_gevent
def test_after_a_gevent_timeout_in_the_requesting_greenlet_another_takes_over() -> None:
    program = """
    from tests.support.cut_short import give_up_in_the_first_greenlet

    tokens = give_up_in_the_first_greenlet(source, [cache] * 3, seconds=0.2)
    print(tokens, source.requests)
    """
    assert run(program, before=PATCHED) == "{'key-2'} 2"
