"""Waiting for a call, for another thread, and before another attempt."""

from __future__ import annotations

import contextvars
import signal
import sys
import threading
import time

import pytest

from requests_cc import ClientCredentialsError
from requests_cc.threads import (
    Call,
    ForkSafeLock,
    Hanging,
    Keeper,
    Landing,
    Watched,
    growing,
    jittered,
)
from tests.support.sources import PATIENCE, in_thread, outcomes


def no_thread(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_all_who_wait_for_a_landing_go_on_when_it_lands() -> None:
    landing = Landing()
    waiting = [in_thread(landing.wait) for _ in range(8)]
    assert not landing.landed
    landing.land()
    for waited in waiting:
        waited()
    assert landing.landed
    landing.wait()  # who comes later does not wait


def test_a_wait_for_a_landing_ends_when_its_time_is_up() -> None:
    landing = Landing()
    assert not landing.wait(0.01)
    landing.land()
    assert landing.wait(0)
    assert landing.wait(PATIENCE)


def test_a_call_runs_in_a_daemon_thread_of_its_own_with_the_callers_context() -> None:
    trace: contextvars.ContextVar[str] = contextvars.ContextVar("trace")
    trace.set("the caller's")
    call = Call(lambda: (trace.get(), threading.current_thread()), "name")
    assert call.start()
    assert call.ends_within(PATIENCE)
    assert call.value == ("the caller's", call.thread)
    assert call.error is None
    assert call.thread.daemon
    assert call.thread.name == "name"


def test_a_call_that_its_caller_runs_leaves_the_callers_context_as_it_was() -> None:
    trace: contextvars.ContextVar[str] = contextvars.ContextVar("trace")
    trace.set("the caller's")
    call = Call(lambda: trace.set("its own"), "name")
    call.run()
    assert trace.get() == "the caller's"


@pytest.mark.parametrize("error", [ValueError(), SystemExit(), KeyboardInterrupt()])
def test_what_a_call_raises_is_kept(error: BaseException) -> None:
    def fail() -> None:
        raise error

    call = Call(fail, "name")
    assert call.start()
    assert call.ends_within(PATIENCE)
    assert call.error is error


def test_a_call_can_be_run_by_the_caller_if_no_thread_can_be_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call = Call(threading.current_thread, "name")
    with monkeypatch.context() as limit:
        limit.setattr(threading.Thread, "start", no_thread)
        assert not call.start()
    call.run()
    assert call.ends_within(0)
    assert call.value is threading.current_thread()


def test_no_thread_is_started_while_the_interpreter_shuts_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Until Python 3.12, start() would wait for ever."""
    monkeypatch.setattr("requests_cc.threads.sys.is_finalizing", lambda: True)
    assert not Call(print, "name").start()


def test_a_call_that_hangs_costs_its_caller_the_deadline() -> None:
    gate = threading.Event()
    call = Call(gate.wait, "name")
    assert call.start()
    began = time.monotonic()
    assert not call.ends_within(0.05)
    assert 0.04 < time.monotonic() - began < PATIENCE
    gate.set()
    assert call.ends_within(PATIENCE)


def test_calls_that_hang_are_counted_at_each_place_until_they_end() -> None:
    gate = threading.Event()
    hanging = Hanging(2)
    calls = [Call(gate.wait, "name") for _ in range(2)]
    for call in calls:
        assert not hanging.is_full("here")
        assert call.start()
        hanging.add(call, "here")
    assert hanging.is_full("here")
    assert not hanging.is_full("there")
    gate.set()
    for call in calls:
        call.thread.join(PATIENCE)
    assert not hanging.is_full("here")
    assert len(hanging) == 0


def test_calls_that_hang_can_be_counted_by_many_threads() -> None:
    hanging = Hanging(100)

    def hang_and_end() -> None:
        for _ in range(50):
            call = Call(bool, "name")
            call.start()
            hanging.add(call)
            assert not hanging.is_full()
            assert call.ends_within(PATIENCE)

    assert outcomes([hang_and_end] * 8) == [None] * 8


def test_a_pause_doubles_up_to_the_longest() -> None:
    assert [growing(1.0, 30.0, count) for count in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]
    assert growing(1.0, 30.0, 10_000) == 30.0


def test_jitter_moves_a_pause_to_either_side() -> None:
    pauses = [jittered(10.0, 0.2, spread) for spread in (0.0, 0.5, 1.0)]
    assert pauses == pytest.approx([8.0, 10.0, 12.0])


def test_code_that_waits_for_the_code_that_it_interrupted_gets_an_error() -> None:
    def waits(keeper: Keeper) -> None:
        Watched(keeper).wait_until_done()

    with pytest.raises(ClientCredentialsError, match="interrupted the very code"):
        waits(Keeper())


def test_those_who_wait_do_not_look_at_the_stacks_of_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Until Python 3.12 that can stop the process: see Keeper."""

    def stops_the_process() -> None:
        raise AssertionError

    monkeypatch.setattr(sys, "_current_frames", stops_the_process)
    monkeypatch.setattr("requests_cc.threads.LOOK_EVERY", 0.01)
    keeper = Keeper()
    watched = Watched(keeper)
    wait = in_thread(watched.wait_until_done)
    del keeper
    assert wait() is False


def test_a_hanging_call_that_ended_meanwhile_is_not_forgotten_twice() -> None:
    hanging = Hanging(1, clock=lambda: 1e6)
    assert not hanging._try_again([Call(print, "a call")], "place")


def test_a_lock_whose_holder_never_runs_again_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = ForkSafeLock()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        done.wait(PATIENCE)

    holder = in_thread(lambda: lock.run(hold))
    held.wait(PATIENCE)
    with monkeypatch.context() as at_the_end:
        at_the_end.setattr("requests_cc.threads.sys.is_finalizing", lambda: True)
        assert lock.run(lambda: True)
    done.set()
    holder()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
def test_an_interrupt_while_waiting_for_a_lock_leaves_it_to_its_holder() -> None:
    lock = ForkSafeLock()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        done.wait(PATIENCE)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    holder = in_thread(lambda: lock.run(hold))
    held.wait(PATIENCE)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            lock.run(lambda: None)
    finally:
        signal.signal(signal.SIGALRM, before)
    done.set()
    assert holder() is None
    assert lock.run(lambda: True)
