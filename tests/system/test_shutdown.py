"""The end of an interpreter, of a thread, of a greenlet: real processes, looked at from outside."""

from __future__ import annotations

import sys

import pytest

from requests_cc.testing import LocalServer
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


@pytest.mark.rule(12)
def test_a_finalizer_at_the_end_of_the_interpreter_does_not_hang() -> None:
    # Until Python 3.12, Thread.start() waits for ever there.
    program = """
    import sys

    class Closing:
        def __init__(self):
            self.needs = cache, source, clock, print, sys

        def __del__(self):
            cache, source, clock, print, sys = self.needs
            print(sys.is_finalizing(), cache.token(source).value)
            clock.forward(10)
            print(cache.token(source).value)

    cache.token(source)
    clock.forward(3595)
    closing = sys.modules["closing"] = Closing()
    del closing
    import builtins
    builtins.closing = sys.modules.pop("closing")
    """
    assert run(program, measured=False).split() == ["True", "key-1", "key-2"]


@pytest.mark.rule(11)
def test_a_finalizer_does_not_wait_for_a_thread_that_the_end_has_stopped() -> None:
    program = """
    import builtins, sys

    class Closing:
        def __init__(self):
            self.needs = cache, source, print

        def __del__(self):
            cache, source, print = self.needs
            source.gate = None
            print(cache.token(source).value)

    source.gate = threading.Event()
    threading.Thread(target=cache.token, args=(source,), daemon=True).start()
    assert source.reached.wait(30)
    builtins.closing = Closing()
    """
    assert run(program, measured=False) == "key-2"


@pytest.mark.rule(10)
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGUSR1")
def test_a_signal_handler_that_interrupts_the_cache_fails_or_ends_and_does_not_hang() -> None:
    program = """
    import os
    import requests
    from requests_cc.cache.table import TokenTable

    seen = []

    def handler(number, frame):
        try:
            seen.append(cache.token(source).value)
        except requests.RequestException as error:
            seen.append("interrupted" in str(error))

    signal.signal(signal.SIGUSR1, handler)
    entry = TokenTable.entry

    def interrupted_entry(*args):
        os.kill(os.getpid(), signal.SIGUSR1)
        return entry(*args)

    TokenTable.entry = interrupted_entry  # with the cache's lock held
    cache.token(source)
    TokenTable.entry = entry
    cache.clear()

    def answer():
        os.kill(os.getpid(), signal.SIGUSR1)
        return source.mint()

    source.answer = answer  # in the middle of the request
    cache.token(source)
    print(seen[0], len(seen))
    """
    assert run(program).startswith("True ")


@pytest.mark.rule(10)
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGUSR1")
def test_a_signal_handler_does_not_wait_for_the_request_that_it_interrupts() -> None:
    program = """
    import os
    import requests

    seen, armed = [], [True]

    class Labelled(Source):
        @property
        def label(self):
            if armed:  # the request is this thread's, and has not been sent
                armed.clear()
                os.kill(os.getpid(), signal.SIGUSR1)
            return "labelled"

        @label.setter
        def label(self, value):
            pass

    labelled = Labelled(clock)

    def handler(number, frame):
        try:
            seen.append(cache.token(labelled).value)
        except requests.RequestException as error:
            seen.append("interrupted" in str(error))

    signal.signal(signal.SIGUSR1, handler)
    print(cache.token(labelled).value, seen)
    """
    assert run(program) == "key-1 [True]"


@needs_gevent
@pytest.mark.rule(10)
@pytest.mark.parametrize("patch", ["patch_all()", "patch_all(thread=False)"])
@pytest.mark.parametrize("when", ["before our import", "after our import"])
def test_greenlets_share_one_real_token_request(patch: str, when: str) -> None:
    patching = f"from gevent import monkey; monkey.{patch}; import gevent\n"
    first = "" if when == "before our import" else "import requests_cc\n"
    with LocalServer() as server:
        server.token_delay = 0.2
        program = f"""
        from requests_cc import ClientCredentials

        credentials, shared = ClientCredentials("{server.token_url}", "me", "secret"), TokenCache()
        jobs = [gevent.spawn(shared.token, credentials) for _ in range(20)]
        gevent.joinall(jobs, raise_error=True)
        print(len({{job.value.value for job in jobs}}))
        """
        assert run(program, before=first + patching) == "1"
        assert len(server.token_requests) == 1
