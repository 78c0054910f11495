"""One token request at a time for one key, and one outcome for all who wait."""

from __future__ import annotations

import contextvars
import gc
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from unittest import mock

import pytest

from requests_cc import (
    AccessToken,
    ConfigurationError,
    InvalidTokenResponse,
    TemporarilyUnavailable,
    TokenCache,
    TokenEndpointTimeout,
)
from requests_cc.cache.single_flight import MAX_RENEWING, SingleFlight
from requests_cc.events import Event, TokenRequested
from tests.support.sources import (
    PATIENCE,
    ManualClock,
    Source,
    in_thread,
    outcomes,
    renewals_end,
    until_waiting,
)


def failing(clock: ManualClock, failures: int, error: BaseException) -> Source:
    """A source that fails so many times, and then mints."""
    source = Source(clock)

    def answer() -> AccessToken:
        if source.requests <= failures:
            raise error
        return source.mint()

    source.answer = answer
    return source


@pytest.mark.rule(10)
def test_256_threads_on_a_cold_cache_cause_one_token_request(
    cache: TokenCache, source: Source
) -> None:
    tokens = outcomes([lambda: cache.token(source)] * 256)
    assert source.requests == 1
    assert {token.value for token in tokens if isinstance(token, AccessToken)} == {"key-1"}
    assert len(tokens) == 256


@pytest.mark.rule(7)
def test_a_hundred_threads_renew_one_rejected_token_with_one_request(
    cache: TokenCache, source: Source
) -> None:
    rejected = cache.token(source)
    tokens = outcomes([lambda: cache.renew(source, rejected)] * 100)
    assert source.requests == 2
    assert [getattr(token, "value", token) for token in tokens] == ["key-2"] * 100


@pytest.mark.rule(7)
def test_a_late_401_for_an_older_token_uses_the_newer_one(
    cache: TokenCache, source: Source
) -> None:
    first = cache.token(source)
    second = cache.renew(source, first)
    assert cache.renew(source, first) == second
    assert source.requests == 2


@pytest.mark.rule(10)
def test_different_keys_never_wait_for_each_other(cache: TokenCache, clock: ManualClock) -> None:
    slow, quick = Source(clock, key="slow"), Source(clock, key="quick")
    slow.gate = threading.Event()
    outcome = in_thread(lambda: cache.token(slow))
    assert slow.reached.wait(PATIENCE)
    assert cache.token(quick).value == "quick-1"
    slow.gate.set()
    assert isinstance(outcome(), AccessToken)


@pytest.mark.rule(10)
def test_a_hit_takes_no_lock(cache: TokenCache, source: Source) -> None:
    token = cache.token(source)
    with cache._flights._lock._lock:
        assert in_thread(lambda: cache.token(source))() is token


@pytest.mark.rule(10)
def test_no_lock_is_held_while_a_source_or_its_key_runs(
    cache: TokenCache, clock: ManualClock
) -> None:
    class Asking(Source):
        @property
        def cache_key(self) -> str:  # type: ignore[override]
            assert not cache._flights._lock._lock._is_owned()
            return "key"

        @cache_key.setter
        def cache_key(self, _: str) -> None:
            pass

    def answer() -> AccessToken:
        assert not cache._flights._lock._lock._is_owned()
        return source.mint()

    source = Asking(clock, answer=answer)
    renewal = cache.renewal(source, cache.token(source))
    assert renewal is not None
    renewal.token()
    renewal.accepted()
    renewal.rejected()
    cache.peek(source)
    cache.invalidate(source)
    cache.clear(source)


@pytest.mark.rule(11)
def test_waiters_share_the_exception_and_each_has_its_own_copy(
    cache: TokenCache, source: Source
) -> None:
    source.fail(TokenEndpointTimeout("no answer"))
    source.gate = threading.Event()
    calls = [in_thread(lambda: cache.token(source)) for _ in range(8)]
    assert source.reached.wait(PATIENCE)
    until_waiting(7)
    source.gate.set()
    errors = [call() for call in calls]
    assert source.requests == 1
    assert all(isinstance(error, TokenEndpointTimeout) for error in errors)
    assert len({id(error) for error in errors}) == 8
    assert len({error.retry_at for error in errors}) == 1  # type: ignore[union-attr]
    assert errors[0].retry_at is not None  # type: ignore[union-attr]


def test_a_foreign_exception_is_raised_as_it_is_and_cooled(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    boom = ValueError("the source's own")
    source.fail(boom)
    for number in range(3):
        with pytest.raises(ValueError, match="own") as raised:
            cache.token(source)
        assert (raised.value is boom) is (number == 0)  # then it is a copy without the first frames
    assert source.requests == 1
    source.mend()
    clock.forward(1.3)
    assert cache.token(source).value == "key-2"


def test_a_foreign_exception_of_a_request_reaches_those_who_wait(
    cache: TokenCache, source: Source
) -> None:
    source.fail(ValueError("the source's own"))
    source.gate = threading.Event()
    calls = [in_thread(lambda: cache.token(source)) for _ in range(4)]
    until_waiting(3)
    source.gate.set()
    assert len({id(call()) for call in calls}) == 1


@pytest.mark.rule(14)
@pytest.mark.parametrize("lifetime", [0.0, -10.0])
def test_a_token_of_no_lifetime_is_shared_by_those_who_waited(
    cache: TokenCache, source: Source, lifetime: float
) -> None:
    source.lifetime = lifetime
    source.gate = threading.Event()
    calls = [in_thread(lambda: cache.token(source)) for _ in range(8)]
    until_waiting(7)
    source.gate.set()
    assert {getattr(call(), "value", None) for call in calls} == {"key-1"}
    assert source.requests == 1
    assert cache.token(source).value == "key-2"


@pytest.mark.rule(11)
@pytest.mark.parametrize("killer", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_when_the_requesting_thread_is_killed_another_takes_over(
    cache: TokenCache, clock: ManualClock, killer: type[BaseException]
) -> None:
    source = failing(clock, 1, killer())
    source.gate = threading.Event()
    first = in_thread(lambda: cache.token(source))
    assert source.reached.wait(PATIENCE)
    others = [in_thread(lambda: cache.token(source)) for _ in range(4)]
    until_waiting(4)
    source.gate.set()
    assert isinstance(first(), killer)
    assert [getattr(other(), "value", None) for other in others] == ["key-2"] * 4
    assert source.requests == 2
    assert source.most_at_once == 1


def test_a_waiter_that_is_killed_leaves_the_request_alone(
    cache: TokenCache, source: Source
) -> None:
    source.gate = threading.Event()
    first = in_thread(lambda: cache.token(source))
    assert source.reached.wait(PATIENCE)
    with (
        mock.patch("requests_cc.cache.flight.Flight.wait", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        cache.token(source)
    source.gate.set()
    assert getattr(first(), "value", None) == "key-1"
    assert source.requests == 1


@pytest.mark.rule(11)
def test_a_source_that_needs_its_own_token_is_refused(
    cache: TokenCache, clock: ManualClock
) -> None:
    source = Source(clock, answer=lambda: cache.token(source))
    with pytest.raises(ConfigurationError, match="needs the very token that it requests"):
        cache.token(source)


@pytest.mark.rule(11)
def test_a_source_that_needs_its_own_token_through_a_thread_is_refused(
    cache: TokenCache, clock: ManualClock
) -> None:
    def answer() -> AccessToken:
        context = contextvars.copy_context()
        outcome = in_thread(lambda: context.run(cache.token, source))()
        assert isinstance(outcome, ConfigurationError)
        raise outcome

    source = Source(clock, answer=answer)
    with pytest.raises(ConfigurationError):
        cache.token(source)


@pytest.mark.rule(11)
def test_two_sources_that_need_each_other_at_the_same_time_are_refused(
    cache: TokenCache, clock: ManualClock
) -> None:
    other_cache = TokenCache(clock=clock)
    meeting = threading.Barrier(2)

    def answer_one() -> AccessToken:
        meeting.wait(PATIENCE)
        return other_cache.token(two)

    def answer_two() -> AccessToken:
        meeting.wait(PATIENCE)
        return cache.token(one)

    one = Source(clock, key="one", answer=answer_one)
    two = Source(clock, key="two", answer=answer_two)
    errors = outcomes([lambda: cache.token(one), lambda: other_cache.token(two)])
    assert [type(error) for error in errors] == [ConfigurationError] * 2


@pytest.mark.rule(11)
def test_a_source_that_needs_its_own_token_by_way_of_another_is_refused(
    cache: TokenCache, clock: ManualClock
) -> None:
    one = Source(clock, key="one", answer=lambda: cache.token(two))
    two = Source(clock, key="two", answer=lambda: cache.token(one))
    error = in_thread(lambda: cache.token(one))()
    assert isinstance(error, ConfigurationError)
    assert (one.requests, two.requests) == (1, 1)


def test_a_source_may_use_another_sources_token(cache: TokenCache, clock: ManualClock) -> None:
    inner = Source(clock, key="inner")
    inner.gate = threading.Event()
    outer = Source(clock, key="outer", answer=lambda: cache.token(inner))
    first = in_thread(lambda: cache.token(inner))
    assert inner.reached.wait(PATIENCE)
    second = in_thread(lambda: cache.token(outer))
    until_waiting(1)
    inner.gate.set()
    assert first() == second()


def test_an_observer_that_needs_the_token_that_is_requested_does_not_hang(
    clock: ManualClock,
) -> None:
    refused: list[BaseException] = []

    def observer(event: Event) -> None:
        if isinstance(event, TokenRequested):
            try:
                cache.token(source)
            except ConfigurationError as error:
                refused.append(error)

    cache = TokenCache(clock=clock, observers=[observer])
    source = Source(clock)
    assert getattr(in_thread(lambda: cache.token(source))(), "value", None) == "key-1"
    assert len(refused) == 1


def test_an_observer_may_use_the_cache_at_every_event(clock: ManualClock) -> None:
    seen: set[str] = set()

    def observer(event: Event) -> None:
        cache.stats()  # takes each of the cache's locks
        seen.add(type(event).__name__)

    cache = TokenCache(clock=clock, background=False, observers=[observer])
    source = Source(clock)

    def every_kind() -> None:
        renewal = cache.renewal(source, cache.token(source))
        assert renewal is not None
        renewal.token()
        renewal.rejected()
        source.fail(TokenEndpointTimeout("slow"))
        clock.forward(3595)
        cache.token(source)

    assert in_thread(every_kind)() is None
    assert seen == {
        "TokenRequested", "TokenReceived", "TokenRejected", "RenewalHeld", "TokenRequestFailed",
        "CoolingDown", "RenewalAheadFailed",
    }  # fmt: skip


def test_a_result_that_is_not_an_access_token_is_an_error_that_names_the_source(
    cache: TokenCache, clock: ManualClock
) -> None:
    source = Source(clock, answer=lambda: "secret-token")  # type: ignore[arg-type,return-value]
    with pytest.raises(InvalidTokenResponse, match="Source must return an AccessToken, not str"):
        cache.token(source)


@pytest.mark.rule(12)
def test_renewal_ahead_runs_once_in_the_background_and_callers_go_on(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    token = cache.token(source)
    clock.forward(3595)
    source.reached.clear()
    source.gate = threading.Event()
    assert outcomes([lambda: cache.token(source)] * 16) == [token] * 16
    assert source.reached.wait(PATIENCE)
    assert cache.token(source) is token
    source.gate.set()
    renewals_end()
    assert cache.token(source).value == "key-2"
    assert source.requests == 2


def test_a_401_waits_for_the_renewal_in_the_background(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    token = cache.token(source)
    clock.forward(3595)
    source.gate = threading.Event()
    cache.token(source)
    renewed = in_thread(lambda: cache.renew(source, token))
    until_waiting(1)
    source.gate.set()
    assert getattr(renewed(), "value", None) == "key-2"
    assert source.requests == 2


def test_without_a_background_one_caller_renews_and_the_others_go_on(clock: ManualClock) -> None:
    cache, source = TokenCache(background=False, clock=clock), Source(clock)
    token = cache.token(source)
    clock.forward(3595)
    source.reached.clear()
    source.gate = threading.Event()
    renewing = in_thread(lambda: cache.token(source))
    assert source.reached.wait(PATIENCE)
    assert cache.token(source) is token
    source.gate.set()
    assert getattr(renewing(), "value", None) == "key-2"


def test_without_a_background_a_failed_renewal_serves_the_current_token(
    clock: ManualClock,
) -> None:
    cache, source = TokenCache(background=False, clock=clock), Source(clock)
    token = cache.token(source)
    clock.forward(3595)
    source.fail(TemporarilyUnavailable("x", retry_after=30.0))
    assert cache.token(source) is token
    clock.forward(6)
    with pytest.raises(TemporarilyUnavailable):
        cache.token(source)
    assert source.requests == 2


def test_a_server_slower_than_its_tokens_live_keeps_no_caller_renewing_for_ever(
    clock: ManualClock,
) -> None:
    cache, source = TokenCache(background=False, clock=clock), Source(clock, lifetime=1.0)

    def slow() -> AccessToken:
        token = source.mint()
        clock.forward(0.9)
        return token

    source.answer = slow
    cache.token(source)
    clock.forward(0.06)
    assert cache.token(source).value == "key-2"
    assert source.requests == 2


@pytest.mark.rule(12)
def test_the_threads_that_renew_are_capped_and_others_renew_later(
    cache: TokenCache, clock: ManualClock
) -> None:
    gate = threading.Event()
    sources = [Source(clock, key=f"key{number}") for number in range(MAX_RENEWING + 4)]
    for source in sources:
        source.label = "one server"
        cache.token(source)
        source.gate = gate
    clock.forward(3595)
    for source in sources:
        assert cache.token(source).value.endswith("-1")
    threads = [t for t in threading.enumerate() if t.name == "requests-cc renewal"]
    assert len(threads) == MAX_RENEWING
    gate.set()
    renewals_end()
    clock.forward(1.1)
    for source in sources:
        cache.token(source)
    renewals_end()
    assert [source.requests for source in sources] == [2] * len(sources)


def cannot_start(error: BaseException) -> Callable[[threading.Thread], None]:
    def start(self: threading.Thread) -> None:
        raise error

    return start


@pytest.mark.rule(12)
@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError()])
def test_a_thread_that_cannot_be_started_is_not_a_failure(
    cache: TokenCache, source: Source, clock: ManualClock, error: Exception
) -> None:
    token = cache.token(source)
    clock.forward(3590)
    with mock.patch.object(threading.Thread, "start", cannot_start(error)):
        for _ in range(100):  # more than the cap: none of them counts as renewing
            assert cache.token(source) is token
            clock.forward(0.05)
    assert source.requests == 1
    clock.forward(1)
    cache.token(source)
    renewals_end()
    assert cache.token(source).value == "key-2"


def test_a_token_forgotten_while_no_thread_can_be_started_is_requested_again(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    token = cache.token(source)
    clock.forward(3590)

    def start(self: threading.Thread) -> None:
        cache.invalidate(source)
        raise RuntimeError

    with mock.patch.object(threading.Thread, "start", start):
        assert cache.token(source) is token
    assert cache.token(source).value == "key-2"


def test_a_caller_killed_before_its_renewal_thread_runs_leaves_no_ghost(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    token = cache.token(source)
    clock.forward(3590)
    threads: list[threading.Thread] = []

    def start(self: threading.Thread) -> None:
        threads.append(self)
        raise KeyboardInterrupt

    with (
        mock.patch.object(threading.Thread, "start", start),
        pytest.raises(KeyboardInterrupt),
    ):
        cache.token(source)
    threads[0].run()  # it comes too late: the renewal was given up
    assert source.requests == 1
    assert cache.token(source) is token
    clock.forward(1.1)
    cache.token(source)
    renewals_end()
    assert source.requests == 2


def test_a_caller_killed_while_its_renewal_thread_runs_leaves_the_renewal_to_it(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    cache.token(source)
    clock.forward(3590)
    source.gate = threading.Event()
    source.reached.clear()
    start = threading.Thread.start

    def interrupted(self: threading.Thread) -> None:
        start(self)
        assert source.reached.wait(PATIENCE)
        raise KeyboardInterrupt

    with (
        mock.patch.object(threading.Thread, "start", interrupted),
        pytest.raises(KeyboardInterrupt),
    ):
        cache.token(source)
    clock.forward(1.1)
    cache.token(source)
    source.gate.set()
    renewals_end()
    assert cache.token(source).value == "key-2"
    assert source.requests == 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_renewal_thread_that_is_killed_lets_another_renew(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    cache.token(source)
    clock.forward(3590)
    source.fail(SystemExit())
    cache.token(source)
    renewals_end()
    source.mend()
    clock.forward(10)
    assert cache.token(source).value == "key-3"


@pytest.mark.rule(11)
def test_callers_without_a_token_do_not_share_the_failure_of_a_renewal_that_began_before(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    cache.token(source)
    clock.forward(3595)
    source.gate = threading.Event()
    source.fail(TokenEndpointTimeout("the process was frozen"))
    assert cache.token(source).value == "key-1"
    assert source.reached.wait(PATIENCE)
    clock.jump(3600)
    calls = [in_thread(lambda: cache.token(source)) for _ in range(8)]
    until_waiting(8)

    def answer() -> AccessToken:
        if source.requests == 2:
            raise TokenEndpointTimeout("the process was frozen")
        return source.mint()

    source.answer = answer
    source.gate.set()
    assert {getattr(call(), "value", None) for call in calls} == {"key-3"}
    assert source.requests == 3


@pytest.mark.rule(11)
def test_a_rejected_caller_does_not_share_the_failure_of_a_renewal_that_began_before(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    token = cache.token(source)
    clock.forward(3595)
    source.gate = threading.Event()

    def answer() -> AccessToken:
        if source.requests == 2:
            raise TokenEndpointTimeout("too late")
        return source.mint()

    source.answer = answer
    cache.token(source)
    assert source.reached.wait(PATIENCE)
    renewed = in_thread(lambda: cache.renew(source, token))
    until_waiting(1)
    source.gate.set()
    assert getattr(renewed(), "value", None) == "key-3"


@pytest.mark.rule(12)
def test_a_hanging_server_does_not_use_up_the_renewals_of_another(
    cache: TokenCache, clock: ManualClock
) -> None:
    gate = threading.Event()
    hanging = [Source(clock, key=f"hanging{number}") for number in range(3 * MAX_RENEWING)]
    healthy = Source(clock, key="healthy")
    for source in hanging:
        source.label = "a server that hangs"
    for source in [*hanging, healthy]:
        cache.token(source)
    clock.forward(3595)
    for source in hanging:
        source.gate = gate
        cache.token(source)
    cache.token(healthy)
    for thread in threading.enumerate():
        if thread.name == "requests-cc renewal":
            thread.join(0.2)
    assert healthy.requests == 2
    gate.set()
    renewals_end()


@pytest.mark.rule(11)
def test_a_source_that_hangs_does_not_hold_the_others_for_ever(
    cache: TokenCache, source: Source, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("requests_cc.threads.LONGEST_WAIT", 0.1)
    monkeypatch.setattr("requests_cc.threads.LOOK_EVERY", 0.05)
    source.gate = gate = threading.Event()
    first = in_thread(lambda: cache.token(source))
    assert source.reached.wait(PATIENCE)
    others = outcomes([lambda: cache.token(source)] * 4)
    assert {type(error) for error in others} == {TokenEndpointTimeout}
    assert "callable secret or a source that hangs" in str(others[0])
    source.gate = None
    clock.forward(1.3)
    assert cache.token(source).value == "key-2"  # a try now and then
    gate.set()
    assert isinstance(first(), AccessToken)
    assert cache.token(source).value == "key-2"


@pytest.mark.rule(11)
def test_a_flight_that_nobody_will_land_is_taken_over(
    cache: TokenCache, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second KeyboardInterrupt ended the clean-up after the first one."""
    monkeypatch.setattr("requests_cc.threads.LOOK_EVERY", 0.05)
    source.gate = threading.Event()

    def interrupted() -> AccessToken:
        source.mend()
        raise KeyboardInterrupt

    source.answer = interrupted
    with mock.patch.object(SingleFlight, "_abandon", side_effect=KeyboardInterrupt):
        first = in_thread(lambda: cache.token(source))
        assert source.reached.wait(PATIENCE)
        second = in_thread(lambda: cache.token(source))
        until_waiting(1)
        source.gate.set()
        assert isinstance(first(), KeyboardInterrupt)  # its traceback keeps the frame
    assert getattr(second(), "value", None) == "key-2"


@pytest.mark.rule(11)
def test_a_kept_exception_keeps_no_frame_of_its_callers(cache: TokenCache, source: Source) -> None:
    class Large:
        pass

    def answer() -> AccessToken:
        raise ValueError("the source's own")

    source.answer = answer
    kept: list[weakref.ref[Large]] = []

    def call() -> None:
        large = Large()
        kept.append(weakref.ref(large))
        with suppress(ValueError):
            cache.token(source)

    for _ in range(3):
        call()
    gc.collect()
    assert [one() for one in kept] == [None] * 3


def test_no_frame_shows_the_cache_key(cache: TokenCache, source: Source) -> None:
    source.cache_key = "the-digest-of-a-secret"
    source.fail(ValueError("the source's own"))
    for _ in range(2):
        with pytest.raises(ValueError, match="own") as raised:
            cache.token(source)
        frames = [entry.frame for entry in raised.traceback[1:]]
        ours = [frame for frame in frames if "requests_cc" in str(frame.code.path)]
        assert len(ours) > 1
        assert not [frame for frame in ours if "the-digest" in repr(frame.f_locals)]
