"""A store that fails costs little, is said once, and is used again when it works again."""

from __future__ import annotations

import contextvars
import gc
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from requests_cc import ConfigurationError, TokenStoreError
from requests_cc.cache.stores.bounded import MAX_HANGING
from requests_cc.cache.stores.guard import Breaker
from tests.support.forked_child import in_child, needs_fork
from tests.support.sources import PATIENCE, ManualClock, in_thread, outcomes

SECRET = "s3cr3t-token"


class DictStore:
    """A user's own store, whose operations can be made to do something else first."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.first: dict[str, Callable[[], object]] = {}
        self.owned = threading.RLock()  # only the thread that took it can release it

    def _ask(self, operation: str) -> None:
        self.asked.append(operation)
        self.first.get(operation, bool)()

    def get(self, key: str) -> bytes | None:
        self._ask("get")
        return self.kept.get(key)

    def set(self, key: str, value: bytes, ttl: float) -> None:
        self._ask("set")
        self.kept[key] = value

    def delete(self, key: str) -> None:
        self._ask("delete")
        self.kept.pop(key, None)

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[bool]:
        self._ask("lock")
        obtained = self.owned.acquire(timeout=timeout)
        try:
            yield obtained
        finally:
            if obtained:
                self.owned.release()
                self._ask("release")

    def fails(self, *operations: str, error: BaseException | None = None) -> None:
        def fail() -> None:
            raise error or ZeroDivisionError(SECRET)

        self.first.update(dict.fromkeys(operations, fail))

    def hangs(self, *operations: str) -> threading.Event:
        gate = threading.Event()
        self.first.update(dict.fromkeys(operations, lambda: gate.wait(PATIENCE)))
        return gate

    def works(self) -> None:
        self.first.clear()


@pytest.fixture
def store() -> DictStore:
    return DictStore()


@pytest.fixture
def breaker(store: DictStore, clock: ManualClock, caplog: pytest.LogCaptureFixture) -> Breaker:
    caplog.set_level(logging.DEBUG, "requests_cc")
    return Breaker(store, clock=clock, deadline=PATIENCE)


@pytest.fixture
def hasty(store: DictStore, clock: ManualClock, caplog: pytest.LogCaptureFixture) -> Breaker:
    """For stores that hang; one that must answer is given longer."""
    caplog.set_level(logging.DEBUG, "requests_cc")
    return Breaker(store, clock=clock, deadline=0.2)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.levelname for record in caplog.records]


def take(breaker: Breaker, timeout: float = 0.0) -> bool:
    with breaker.lock("k", timeout) as obtained:
        return obtained


def test_a_store_that_works_is_used(breaker: Breaker, store: DictStore) -> None:
    assert breaker.get("k") is None
    breaker.set("k", b"v", 60)
    assert breaker.get("k") == b"v"
    breaker.delete("k")
    assert breaker.get("k") is None
    with breaker.lock("k", 0) as obtained, breaker.lock("k", 0.1) as again:
        assert (obtained, again) == (True, False)
    assert take(breaker)
    assert breaker.available


@pytest.mark.rule(17)
def test_a_failure_is_a_miss_and_logged_once(
    breaker: Breaker, store: DictStore, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    store.fails("get", "set", "delete", "lock")
    for _ in range(3):
        assert breaker.get("k") is None
        breaker.set("k", b"v", 60)
        breaker.delete("k")
        assert not take(breaker)
        assert not breaker.available
    assert store.asked == ["get"]
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == (
        "DictStore failed (get: ZeroDivisionError): tokens are not shared for now, each process "
        "requests its own; the next try is in 5 s. Check that it is up and can be reached."
    )
    assert SECRET not in caplog.text


def test_the_pause_grows_to_a_minute(
    breaker: Breaker, store: DictStore, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    store.fails("get")
    breaker.get("k")
    for pause in (5, 10, 20, 40, 60, 60, 60, 60, 60, 60, 60):
        clock.forward(pause - 0.01)
        breaker.get("k")
        asked = len(store.asked)
        clock.forward(0.01)
        breaker.get("k")
        assert len(store.asked) == asked + 1
    assert said(caplog) == ["WARNING"]


def test_a_store_that_works_again_is_logged_once_and_starts_over(
    breaker: Breaker, store: DictStore, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        store.fails("get")
        breaker.get("k")
        clock.forward(5)
        store.works()
        breaker.get("k")
        assert breaker.available
        breaker.set("k", b"v", 60)
        assert breaker.get("k") == b"v"
    assert said(caplog) == ["WARNING", "INFO"] * 2
    assert caplog.messages[-1] == "DictStore works again: tokens are shared again"


def test_one_caller_at_a_time_tries_again(
    breaker: Breaker, store: DictStore, clock: ManualClock
) -> None:
    store.fails("get")
    breaker.get("k")
    clock.forward(5)
    gate = store.hangs("get")
    trying = in_thread(lambda: breaker.get("k"))
    while store.asked != ["get", "get"]:
        time.sleep(0.01)
    assert breaker.get("k") is None
    assert not take(breaker)
    assert store.asked == ["get", "get"]
    gate.set()
    trying()
    assert breaker.available


def test_a_full_disk_is_logged_once_and_tried_again_after_growing_pauses(
    breaker: Breaker, store: DictStore, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """That it can still be read proves nothing: the token that is set next is lost as well."""
    store.kept["k"] = b"v"
    store.fails("set")
    breaker.set("k", b"w", 60)
    for pause in (5, 10, 20, 40, 60, 60):
        clock.forward(pause - 0.01)
        assert breaker.get("k") is None
        clock.forward(0.01)
        assert breaker.get("k") == b"v"
        with breaker.lock("k", 0) as obtained:
            assert obtained
            breaker.set("k", b"w", 60)
        assert not breaker.available
    assert store.asked.count("set") == 7
    assert said(caplog) == ["WARNING"]
    clock.forward(60)
    store.works()
    breaker.set("k", b"w", 60)
    assert breaker.get("k") == b"w"
    assert said(caplog) == ["WARNING", "INFO"]


@pytest.mark.parametrize("operation", ["lock", "delete"])
def test_a_set_that_works_shows_that_the_rest_does(
    breaker: Breaker, store: DictStore, clock: ManualClock, operation: str
) -> None:
    store.fails(operation)
    assert not (take(breaker) if operation == "lock" else breaker.delete("k"))
    store.works()
    breaker.set("k", b"v", 60)
    assert store.kept == {}
    clock.forward(5)
    breaker.set("k", b"v", 60)
    assert store.kept == {"k": b"v"}
    assert breaker.available


def test_several_failures_together_are_one(
    breaker: Breaker, store: DictStore, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    together = threading.Barrier(8)

    def fail() -> None:
        together.wait(PATIENCE)
        raise ZeroDivisionError

    store.first["get"] = fail
    assert outcomes([lambda: breaker.get("k")] * 8) == [None] * 8
    assert said(caplog) == ["WARNING"]
    store.works()
    clock.forward(5)
    breaker.get("k")
    assert breaker.available


def test_a_success_that_began_before_the_failure_proves_nothing(
    breaker: Breaker, store: DictStore
) -> None:
    store.kept["k"] = b"v"
    gate = store.hangs("get")
    early = in_thread(lambda: breaker.get("k"))
    while not store.asked:
        time.sleep(0.01)
    store.fails("get")
    breaker.get("k")
    gate.set()
    assert early() == b"v"
    assert not breaker.available


@pytest.mark.parametrize(
    "ask",
    [
        lambda b: b.get("k"),
        lambda b: b.set("k", b"v", 60),
        lambda b: b.delete("k"),
        lambda b: take(b, 0.5),
    ],
    ids=["get", "set", "delete", "lock"],
)
def test_a_store_that_hangs_is_waited_for_once(
    hasty: Breaker,
    store: DictStore,
    caplog: pytest.LogCaptureFixture,
    ask: Callable[[Breaker], object],
) -> None:
    gate = store.hangs("get", "set", "delete", "lock")
    began = time.monotonic()
    assert not ask(hasty)
    assert time.monotonic() - began < 10
    for _ in range(100):
        assert hasty.get("k") is None
        hasty.set("k", b"v", 60)
        assert not take(hasty)
    assert len(store.asked) == 1
    assert said(caplog) == ["WARNING"]
    assert "no response within 0.2 s" in caplog.text
    gate.set()


def test_a_lock_that_comes_too_late_is_let_go_of(hasty: Breaker, store: DictStore) -> None:
    gate = store.hangs("lock")
    assert not take(hasty, 0.3)
    gate.set()
    released(store)
    assert store.owned.acquire(timeout=PATIENCE)


@contextmanager
def interrupted() -> Iterator[None]:
    """What somebody begins who presses Ctrl-C half a second later."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGALRM, before)


needs_timer = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer here")


@needs_timer
def test_a_lock_that_an_interrupted_caller_waited_for_is_let_go_of(
    breaker: Breaker, store: DictStore
) -> None:
    gate = store.hangs("lock")
    with interrupted():
        take(breaker, PATIENCE)
    gate.set()
    released(store)


def released(store: DictStore) -> None:
    stop = time.monotonic() + PATIENCE
    while "release" not in store.asked and time.monotonic() < stop:
        time.sleep(0.01)
    assert "release" in store.asked


def test_a_long_wait_for_a_lock_is_not_a_hang(hasty: Breaker, store: DictStore) -> None:
    hasty._bounded.deadline = 1.0
    enough = threading.Event()

    def hold() -> None:
        with store.owned:
            held.set()
            enough.wait(PATIENCE)

    held = threading.Event()
    holder = in_thread(hold)
    assert held.wait(PATIENCE)
    threading.Timer(2.5, enough.set).start()
    assert take(hasty, PATIENCE)
    assert hasty.available
    holder()


def test_a_wait_for_a_lock_ends_when_its_time_is_up(breaker: Breaker, store: DictStore) -> None:
    with breaker.lock("k", 0) as first:
        assert first
        began = time.monotonic()
        assert not take(breaker, 0.7)
        assert 0.6 < time.monotonic() - began < 30
    assert breaker.available


def test_a_lock_that_another_process_holds_is_not_a_failure(
    breaker: Breaker, store: DictStore, caplog: pytest.LogCaptureFixture
) -> None:
    with breaker.lock("k", 0):
        assert not take(breaker)
    assert breaker.available
    assert not caplog.records


def test_what_the_body_raises_reaches_the_caller_and_releases(
    breaker: Breaker, store: DictStore
) -> None:
    for error in (ZeroDivisionError, KeyboardInterrupt):
        with pytest.raises(error), breaker.lock("k", 0):
            raise error
    assert breaker.available
    assert take(breaker)


def test_the_lock_is_released_before_the_caller_goes_on(breaker: Breaker, store: DictStore) -> None:
    with breaker.lock("k", 0):
        pass
    assert store.asked == ["lock", "release"]


def test_a_release_that_fails_or_hangs_raises_nothing(
    hasty: Breaker, store: DictStore, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    hasty._bounded.deadline = 1.0
    store.fails("release")
    assert take(hasty)
    assert said(caplog) == ["WARNING"]
    clock.forward(5)
    gate = store.hangs("release")
    assert take(hasty)
    assert not hasty.available
    gate.set()


def test_a_store_that_failed_meanwhile_is_not_waited_for_at_the_release(
    hasty: Breaker, store: DictStore
) -> None:
    hasty._bounded.deadline = 1.0
    gate = store.hangs("set", "release")
    began = time.monotonic()
    with hasty.lock("k", 0) as obtained:
        assert obtained
        hasty.set("k", b"v", 60)
        began = time.monotonic()
    assert time.monotonic() - began < 0.9
    gate.set()
    released(store)


def test_threads_that_hang_are_bounded(
    hasty: Breaker, store: DictStore, clock: ManualClock
) -> None:
    gate = store.hangs("get")
    for _ in range(MAX_HANGING + 4):
        hasty.get("k")
        clock.forward(60)
    assert len(store.asked) == MAX_HANGING
    gate.set()
    store.works()
    for call in list(hasty._bounded.hanging._counted):
        call.thread.join(PATIENCE)
    hasty._bounded.deadline = PATIENCE
    hasty.get("k")
    assert len(store.asked) == MAX_HANGING + 1
    assert hasty.available


def test_if_no_thread_can_be_started_it_is_a_miss_and_not_a_failure(
    breaker: Breaker,
    store: DictStore,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    store.kept["k"] = b"v"
    with monkeypatch.context() as limit:
        limit.setattr(threading.Thread, "start", refuse)
        assert breaker.get("k") is None
        assert not take(breaker)
    assert breaker.get("k") == b"v"
    assert not caplog.records


@pytest.mark.parametrize("value", ["text", bytearray(b"bytes"), 7])
def test_a_value_that_is_not_bytes_is_a_miss(
    breaker: Breaker, store: DictStore, caplog: pytest.LogCaptureFixture, value: Any
) -> None:
    store.kept["k"] = value
    assert breaker.get("k") is None
    assert f"its get() returned {type(value).__name__}, not bytes or None" in caplog.text


@pytest.mark.parametrize("error", [SystemExit(SECRET), KeyboardInterrupt(SECRET), GeneratorExit()])
def test_whatever_a_store_raises_goes_no_further(
    breaker: Breaker, store: DictStore, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    store.fails("get", error=error)
    assert breaker.get("k") is None
    assert type(error).__name__ in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("kind", [TokenStoreError, ConfigurationError])
def test_our_own_words_are_in_the_log(
    breaker: Breaker, store: DictStore, caplog: pytest.LogCaptureFixture, kind: type[Exception]
) -> None:
    store.fails("set", error=kind("the disk is full"))
    breaker.set("k", b"v", 60)
    assert f"set: {kind.__name__}: the disk is full" in caplog.text


def test_a_store_says_what_to_check(
    breaker: Breaker, store: DictStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.advice = "Ask Alice."  # type: ignore[attr-defined]
    store.fails("get")
    breaker.get("k")
    assert caplog.messages[0].endswith("in 5 s. Ask Alice.")


def test_a_store_prepares_in_the_callers_thread_before_its_deadline_begins(
    hasty: Breaker, store: DictStore, caplog: pytest.LogCaptureFixture
) -> None:
    prepared: list[object] = []

    def prepare(key: str) -> None:
        time.sleep(1.2)  # longer than the deadline
        prepared.append((key, threading.current_thread()))

    hasty._bounded.deadline = 1.0
    store.prepare = prepare  # type: ignore[attr-defined]
    hasty.set("k", b"v", 60)
    assert prepared == [("k", threading.current_thread())]
    assert store.kept == {"k": b"v"}
    assert not caplog.records


def test_a_preparation_that_fails_is_a_failure_of_the_store(
    breaker: Breaker, store: DictStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.prepare = store.kept.__getitem__  # type: ignore[attr-defined]
    assert breaker.get("k") is None
    assert "get: KeyError" in caplog.text
    assert store.asked == []


def test_the_store_is_used_in_the_callers_context(breaker: Breaker, store: DictStore) -> None:
    trace: contextvars.ContextVar[str] = contextvars.ContextVar("trace")
    trace.set("the caller's")
    seen: list[str] = []
    store.first["get"] = lambda: seen.append(trace.get())
    breaker.get("k")
    assert seen == ["the caller's"]


@needs_fork
def test_a_child_has_a_store_of_its_own(hasty: Breaker, store: DictStore) -> None:
    gate = store.hangs("get")
    hasty.get("k")
    hasty._bounded.hanging.limit = 1
    assert hasty._bounded.hanging.is_full()

    def child() -> tuple[bool, bool]:
        return take(hasty), hasty._bounded.hanging.is_full()

    assert in_child(child) == "(False, False)"  # left alone there as well
    gate.set()


@needs_fork
def test_a_child_that_leaves_its_parents_lock_neither_waits_nor_releases(
    breaker: Breaker, store: DictStore
) -> None:
    lock: AbstractContextManager[bool] = breaker.lock("k", 0)
    assert lock.__enter__()

    def child() -> list[str]:
        lock.__exit__(None, None, None)
        return store.asked

    assert in_child(child) == "['lock']"
    lock.__exit__(None, None, None)
    assert store.asked == ["lock", "release"]


def test_a_lock_that_nobody_ends_is_released_when_it_is_forgotten(
    breaker: Breaker, store: DictStore
) -> None:
    lock: Any = breaker.lock("k", 0)
    assert lock.__enter__()
    del lock
    gc.collect()
    released(store)


def test_a_lock_that_gives_none_is_a_failure_and_logged(
    store: DictStore, caplog: pytest.LogCaptureFixture
) -> None:
    @contextmanager
    def lock(key: str, timeout: float) -> Iterator[None]:
        yield

    store.lock = lock  # type: ignore[method-assign, assignment]
    with Breaker(store).lock("k", PATIENCE) as obtained:
        assert not obtained
    assert "its lock() gave None" in caplog.text


def test_a_lock_that_fails_without_waiting_is_tried_at_intervals(store: DictStore) -> None:
    asked: list[float] = []

    @contextmanager
    def lock(key: str, timeout: float) -> Iterator[bool]:
        asked.append(timeout)
        yield False

    store.lock = lock  # type: ignore[method-assign]
    with Breaker(store).lock("k", 1.2) as obtained:
        assert not obtained
    assert asked == [1.2]


@pytest.mark.rule(14)
def test_a_pause_ends_with_the_sleep_of_the_machine(
    breaker: Breaker, store: DictStore, clock: ManualClock
) -> None:
    store.fails("get")
    breaker.get("k")
    assert store.asked == ["get"]
    clock.jump(60)  # the monotonic clock stood still meanwhile
    breaker.get("k")
    assert store.asked == ["get", "get"]
