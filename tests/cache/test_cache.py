"""When a token request is made, and what a cache forgets, counts and says."""

from __future__ import annotations

import copy
import gc
import logging
import pickle
import threading
import time

import pytest

from requests_cc import (
    AccessToken,
    ConfigurationError,
    InvalidClient,
    TemporarilyUnavailable,
    TokenCache,
    TokenEndpointUnreachable,
    default_cache,
    set_default_cache,
)
from requests_cc.cache.stats import SourceStats
from tests.support.sources import ManualClock, Source, outcomes, renewals_end


class API:
    """Calls an API as the adapter does: a 401 renews the token, and one resend follows."""

    def __init__(self, cache: TokenCache, source: Source) -> None:
        self.cache = cache
        self.source = source
        self.rejects: set[str] = set()
        self.one_at_a_time = False  # each token that is minted revokes the one before

    def call(self, *, healthy: bool = True) -> bool:
        """Whether the caller's answer is no 401."""
        token = self.cache.token(self.source)
        if self._accepts(token, healthy=healthy):
            return True
        renewal = self.cache.renewal(self.source, token)
        renewed = None if renewal is None else renewal.token()
        if renewal is None or renewed is None:
            return False
        accepted = self._accepts(renewed, healthy=healthy)
        (renewal.accepted if accepted else renewal.rejected)()
        return accepted

    def _accepts(self, token: AccessToken, *, healthy: bool) -> bool:
        latest = not self.one_at_a_time or token.value == f"key-{self.source.requests}"
        return healthy and latest and token.value not in self.rejects


@pytest.mark.parametrize(
    "wrong",
    [
        {"leeway": -1.0},
        {"leeway": True},
        {"leeway": float("inf")},
        {"leeway": float("nan")},
        {"maxsize": 0},
        {"maxsize": True},
        {"maxsize": 2.5},
        {"observers": "print"},
        {"observers": print},
        {"observers": [print, "print"]},
        {"background": "no"},
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        TokenCache(**wrong)  # type: ignore[arg-type]


def test_the_same_token_is_handed_out_while_it_is_fresh(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    token = cache.token(source)
    clock.forward(3500)
    assert cache.token(source) is token
    assert source.requests == 1


def test_sources_of_another_type_share_no_token(cache: TokenCache, clock: ManualClock) -> None:
    class Other(Source):
        pass

    assert cache.token(Source(clock)) == cache.token(Source(clock))
    other = Other(clock)
    cache.token(other)
    assert other.requests == 1


def test_the_endpoint_may_be_down_for_as_long_as_the_token_lives(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    token = cache.token(source)
    source.fail(TokenEndpointUnreachable("down"))
    for _ in range(3599):
        clock.forward(1)
        assert cache.token(source) is token
        renewals_end()
    assert 3 <= source.requests <= 10
    clock.forward(1)
    for _ in range(100):
        with pytest.raises(TokenEndpointUnreachable, match="no token request before") as raised:
            cache.token(source)
    assert source.requests <= 11
    source.mend()
    assert raised.value.retry_at is not None
    clock.forward(raised.value.retry_at - clock.time() + 0.001)
    assert cache.token(source).value.startswith("key-")


@pytest.mark.rule(11)
def test_retry_after_means_no_request_from_any_thread_until_then(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    source.fail(TemporarilyUnavailable("busy", retry_after=30.0))
    for _ in range(3):
        for error in outcomes([lambda: cache.token(source)] * 8):
            assert isinstance(error, TemporarilyUnavailable)
            assert error.retry_at == clock.time() + 30 or error.retry_at is not None
        clock.forward(9.99)
    assert source.requests == 1
    source.mend()
    clock.forward(0.04)
    assert cache.token(source).value == "key-2"


@pytest.mark.rule(14)
def test_a_cool_down_is_not_lengthened_by_a_wall_clock_that_is_set_back(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    source.fail(InvalidClient("x"))
    with pytest.raises(InvalidClient):
        cache.token(source)
    clock.jump(-7200)
    with pytest.raises(InvalidClient):
        cache.token(source)
    assert source.requests == 1
    assert cache.stats().cooling_down == 1
    source.mend()
    clock.forward(12.1)
    assert cache.token(source)


@pytest.mark.rule(14)
def test_a_cool_down_ends_while_the_machine_sleeps(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    source.fail(InvalidClient("x"))
    with pytest.raises(InvalidClient):
        cache.token(source)
    source.mend()
    clock.jump(3600)  # the monotonic clock stands still meanwhile
    assert cache.token(source).value == "key-2"


def test_no_two_keys_cool_down_or_renew_in_step(clock: ManualClock) -> None:
    cache = TokenCache(clock=clock, background=False)
    sources = [Source(clock, key=f"key-{number}") for number in range(50)]
    for source in sources:
        source.fail(TokenEndpointUnreachable("down"))
    errors = outcomes([lambda one=one: cache.token(one) for one in sources])  # type: ignore[misc]
    assert len({getattr(error, "retry_at", None) for error in errors}) > 1
    clock.forward(60)
    for source in sources:
        source.mend()
        cache.token(source)
    clock.forward(3600 - 60)  # when renewal begins, were it not for the jitter
    for source in sources:
        cache.token(source)
    assert {source.requests for source in sources} == {2, 3}


@pytest.mark.rule(5)
def test_a_failed_renewal_after_a_401_leaves_the_token_to_others(
    cache: TokenCache, source: Source
) -> None:
    token = cache.token(source)
    source.fail(TokenEndpointUnreachable("down"))
    with pytest.raises(TokenEndpointUnreachable):
        cache.renew(source, token)
    with pytest.raises(TokenEndpointUnreachable):
        cache.renew(source, token)
    assert cache.token(source) is token
    assert source.requests == 2


@pytest.mark.rule(13)
@pytest.mark.parametrize("lifetime", [1.0, 2.0, 5.0, 15.0])
def test_a_short_lived_token_is_not_requested_for_each_call(
    cache: TokenCache, source: Source, clock: ManualClock, lifetime: float
) -> None:
    source.lifetime = lifetime
    for _ in range(1000):
        token = cache.token(source)
        assert token.expires_at is not None
        assert clock.time() < token.expires_at
        renewals_end()
        clock.forward(lifetime / 100)
    assert 10 <= source.requests <= 16


@pytest.mark.rule(14)
@pytest.mark.parametrize("lifetime", [0.0, -10.0])
def test_a_token_of_no_lifetime_serves_the_calls_that_waited_and_is_not_kept(
    cache: TokenCache, source: Source, lifetime: float
) -> None:
    source.lifetime = lifetime
    assert [cache.token(source).value for _ in range(3)] == ["key-1", "key-2", "key-3"]
    assert cache.stats().tokens == 0


@pytest.mark.rule(14)
def test_a_token_without_expiry_serves_until_a_401(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    source.lifetime = None
    token = cache.token(source)
    clock.forward(1e8)
    assert cache.token(source) is token
    assert getattr(cache.renew(source, token), "value", None) == "key-2"


@pytest.mark.rule(14)
@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_a_wall_clock_that_jumps_costs_a_handful_of_requests(
    cache: TokenCache, source: Source, clock: ManualClock, seconds: float
) -> None:
    cache.token(source)
    clock.jump(seconds)
    for _ in range(7200):
        token = cache.token(source)
        assert token.expires_at is not None
        assert clock.time() < token.expires_at
        renewals_end()
        clock.forward(1)
    assert source.requests <= 4


@pytest.mark.rule(14)
def test_after_a_laptop_slept_the_token_is_renewed_once(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    cache.token(source)
    clock.jump(8 * 3600)
    assert {getattr(t, "value", t) for t in outcomes([lambda: cache.token(source)] * 8)} == {
        "key-2"
    }


@pytest.mark.rule(8)
def test_an_api_that_rejects_every_token_causes_few_requests(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    api = API(cache, source)
    assert not any(api.call(healthy=False) for _ in range(200))
    assert source.requests == 2
    for _ in range(2 * 3600):
        clock.forward(1)
        assert not api.call(healthy=False)
    assert source.requests <= 2 + 5 + 7200 / 30 + 2
    clock.forward(30)
    assert api.call(healthy=True)


@pytest.mark.rule(8)
@pytest.mark.parametrize("one_at_a_time", [False, True])
def test_a_path_that_rejects_beside_healthy_ones_does_not_storm(
    cache: TokenCache, source: Source, clock: ManualClock, one_at_a_time: bool
) -> None:
    api = API(cache, source)
    api.one_at_a_time = one_at_a_time
    for _ in range(3600):
        assert api.call(healthy=True)
        assert not api.call(healthy=False)
        assert api.call(healthy=True)
        renewals_end()
        clock.forward(1)
    assert source.requests <= 3600 / 30 + 10


@pytest.mark.rule(8)
def test_a_healthy_path_that_accepts_first_does_not_lift_a_rejecting_paths_hold(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    first = cache.token(source)
    for _ in range(50):  # the rejecting path mints; before its resend is answered, others accept
        current = cache.token(source)
        rejecting = cache.renewal(source, current)
        minted = None if rejecting is None else rejecting.token()
        if rejecting is not None and minted is not None:
            healthy = [cache.renewal(source, first) for _ in range(2)]
            for renewal in healthy:
                assert renewal is not None
                assert renewal.token() == minted
                renewal.accepted()
            assert cache.renew(source, minted) is None
            rejecting.rejected()
    assert source.requests == 2


def test_a_late_401_uses_the_newer_token_while_a_hold_lasts(
    cache: TokenCache, source: Source
) -> None:
    first = cache.token(source)
    renewal = cache.renewal(source, first)
    assert renewal is not None
    second = renewal.token()
    assert second is not None
    renewal.rejected()
    assert cache.renewal(source, second) is None
    assert cache.renew(source, first) is second
    assert cache.stats().held == 1


def test_tokens_revoked_one_after_another_are_each_renewed(
    cache: TokenCache, source: Source
) -> None:
    api = API(cache, source)
    for number in range(1, 21):
        assert api.call()
        api.rejects.add(f"key-{number}")
    assert source.requests == 20


def test_the_same_token_handed_back_goes_to_the_caller_as_a_401(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    token = cache.token(source)
    source.answer = lambda: token
    for _ in range(100):
        assert cache.renew(source, token) is None
    assert source.requests == 2
    assert cache.stats().holds == 1
    source.mend()
    clock.forward(1)
    assert getattr(cache.renew(source, token), "value", None) == "key-3"


@pytest.mark.rule(8)
def test_renewals_that_began_before_a_hold_are_declined_by_it(
    cache: TokenCache, source: Source
) -> None:
    token = cache.token(source)
    source.answer = lambda: token
    early = [cache.renewal(source, token) for _ in range(3)]
    for renewal in early:
        assert renewal is not None
        assert renewal.token() is None
    assert source.requests == 2


@pytest.mark.rule(13)
def test_a_server_that_hands_the_same_token_back_until_it_expires_causes_no_storm(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    token = cache.token(source)
    source.answer = lambda: token
    for _ in range(36000):
        clock.forward(0.0999)
        assert cache.token(source) is token
        renewals_end()
    assert source.requests <= 10


def test_what_nothing_is_known_of_can_be_rejected_accepted_and_forgotten(
    cache: TokenCache, source: Source
) -> None:
    renewal = cache.renewal(source, AccessToken("unknown"))
    assert renewal is not None
    renewal.accepted()  # before there is a token: of nothing
    renewal.rejected()
    cache.invalidate(source)
    assert getattr(renewal.token(), "value", None) == "key-1"
    cache.clear(source)
    renewal.rejected()
    renewal.accepted()
    assert cache.stats().holds == cache.stats().tokens == 0


def test_invalidate_forgets_the_token_and_keeps_the_cool_down(
    cache: TokenCache, source: Source
) -> None:
    cache.token(source)
    cache.invalidate(source)
    assert cache.token(source).value == "key-2"
    source.fail(InvalidClient("x"))
    with pytest.raises(InvalidClient):
        cache.renew(source, cache.token(source))
    cache.invalidate(source)
    with pytest.raises(InvalidClient):
        cache.token(source)
    assert source.requests == 3


def test_clear_forgets_everything_but_requests_under_way(
    cache: TokenCache, clock: ManualClock
) -> None:
    failing, slow = Source(clock, key="failing"), Source(clock, key="slow")
    failing.fail(InvalidClient("x"))
    with pytest.raises(InvalidClient):
        cache.token(failing)
    cache.token(slow)
    clock.forward(3595)
    slow.gate = threading.Event()
    cache.token(slow)
    cache.clear()
    failing.mend()
    assert cache.token(failing).value == "failing-2"
    slow.gate.set()
    renewals_end()
    assert cache.token(slow).value == "slow-2"
    assert slow.requests == 2


def test_clear_of_one_source_lets_it_request_at_once_and_leaves_the_others(
    cache: TokenCache, clock: ManualClock
) -> None:
    failing, held, other = (Source(clock, key=key) for key in ("failing", "held", "other"))
    failing.fail(InvalidClient("x"))
    with pytest.raises(InvalidClient):
        cache.token(failing)
    renewal = cache.renewal(held, cache.token(held))
    assert renewal is not None
    minted = renewal.token()
    renewal.rejected()
    cache.token(other)
    failing.mend()
    for source in (failing, held):
        cache.clear(source)
        cache.clear(source)  # nothing is left
    assert cache.token(failing).value == "failing-2"
    assert cache.token(held).value == "held-3"
    assert minted is not None
    assert getattr(cache.renew(held, minted), "value", None) == "held-3"
    assert cache.token(other).value == "other-1"


def test_peek_gives_the_current_token_and_never_requests_one(
    cache: TokenCache, source: Source, clock: ManualClock
) -> None:
    assert cache.peek(source) is None
    token = cache.token(source)
    clock.forward(3599)  # renewal is due
    assert cache.peek(source) is token
    clock.forward(1)
    assert cache.peek(source) is None
    assert source.requests == 1
    assert cache.stats().hits == 0


def test_the_repr_of_a_cache_shows_its_counts_and_no_token(
    cache: TokenCache, clock: ManualClock
) -> None:
    source = Source(clock, key="precious")
    cache.token(source)
    cache.token(source)
    shown = "<TokenCache tokens=1 cooling_down=0 held=0 hits=1 requests=1 failures=0>"
    assert repr(cache) == shown


@pytest.mark.rule(8)
def test_only_the_renewal_that_made_the_request_ends_the_trial(
    cache: TokenCache, source: Source
) -> None:
    """Even in one thread: what it says of a token counts only if it brought that token."""
    first = cache.token(source)
    requester, other = cache.renewal(source, first), cache.renewal(source, first)
    assert requester is not None
    assert other is not None
    minted = requester.token()
    assert minted is not None
    assert other.token() is minted
    other.accepted()
    assert cache.renewal(source, minted) is None
    requester.accepted()
    assert cache.renewal(source, minted) is not None


def sources(clock: ManualClock, count: int) -> list[Source]:
    return [Source(clock, key=f"k{number}") for number in range(count)]


@pytest.mark.rule(16)
def test_the_least_recently_used_token_leaves_a_full_cache(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    cache, (one, two, three, four) = TokenCache(maxsize=2, clock=clock), sources(clock, 4)
    with caplog.at_level(logging.WARNING):
        for source in (one, two, one, three, one, four):
            clock.forward(1)
            cache.token(source)
    assert [source.requests for source in (one, two, three, four)] == [1, 1, 1, 1]
    assert cache.stats().tokens == 2
    assert [record.getMessage() for record in caplog.records] == [
        "the token cache is full and evicts usable tokens: raise TokenCache(maxsize=2)"
    ]
    cache.token(one)
    assert one.requests == 1
    cache.token(two)
    assert two.requests == 2


@pytest.mark.rule(16)
def test_what_has_expired_leaves_a_full_cache_first(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    cache, (old, brief, new) = TokenCache(maxsize=2, clock=clock), sources(clock, 3)
    brief.lifetime = 10.0
    cache.token(old)
    cache.token(brief)
    clock.forward(20)
    with caplog.at_level(logging.WARNING):
        cache.token(new)
        cache.token(old)
    assert old.requests == 1
    assert not caplog.records


@pytest.mark.rule(16)
def test_what_requests_or_cools_down_is_never_evicted(clock: ManualClock) -> None:
    cache, (failing, slow, *others) = TokenCache(maxsize=2, clock=clock), sources(clock, 8)
    failing.fail(InvalidClient("x"))
    with pytest.raises(InvalidClient):
        cache.token(failing)
    cache.token(slow)
    clock.forward(3595)
    with pytest.raises(InvalidClient):
        cache.token(failing)
    slow.gate = threading.Event()
    cache.token(slow)
    for source in others:
        clock.forward(0.1)
        cache.token(source)
    with pytest.raises(InvalidClient):
        cache.token(failing)
    assert failing.requests == 2
    slow.gate.set()
    renewals_end()
    assert cache.token(slow).value == "k1-2"


@pytest.mark.rule(16)
def test_a_hold_is_not_lost_by_an_eviction(clock: ManualClock) -> None:
    """Or an API that always answers 401 mints a token at each turn of a full cache."""
    cache, (held, *others) = TokenCache(maxsize=1, clock=clock), sources(clock, 4)
    renewal = cache.renewal(held, cache.token(held))
    assert renewal is not None
    renewal.token()
    renewal.rejected()
    for source in others:
        cache.token(source)
    assert cache.renew(held, cache.token(held)) is None
    assert held.requests == 2


def test_a_log_handler_that_uses_the_cache_does_not_hang_an_eviction(clock: ManualClock) -> None:
    cache, (one, two, three) = TokenCache(maxsize=1, clock=clock), sources(clock, 3)
    seen: list[str] = []

    class Shipping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(cache.token(three).value)

    handler = Shipping(logging.WARNING)
    logging.getLogger("requests_cc").addHandler(handler)
    try:
        cache.token(one)
        cache.token(two)
    finally:
        logging.getLogger("requests_cc").removeHandler(handler)
    assert seen == ["k2-1"]


def test_counts_are_exact_under_threads(cache: TokenCache, source: Source) -> None:
    def work() -> None:
        for _ in range(500):
            cache.token(source)
            cache.stats()

    outcomes([work] * 8)
    stats = cache.stats()
    assert stats.requests == stats.successes == 1
    # Some of the first eight waited for the request; all the others found its token.
    assert 8 * 500 - 8 <= stats.hits <= 8 * 500 - 1
    before = stats.hits
    outcomes([work] * 8)
    assert cache.stats().hits == before + 8 * 500


def test_a_default_cache_is_replaced_and_given_back(cache: TokenCache) -> None:
    before = set_default_cache(cache)
    try:
        assert default_cache() is cache
    finally:
        assert set_default_cache(before) is cache
    with pytest.raises(ConfigurationError, match="takes a TokenCache"):
        set_default_cache("cache")  # type: ignore[arg-type]


class Recorder:
    def __call__(self, event: object) -> None:
        pass


@pytest.mark.rule(15)
def test_a_pickle_carries_the_settings_and_no_token(clock: ManualClock) -> None:
    source = Source(clock, key="precious")
    cache = TokenCache(leeway=5, background=False, maxsize=7, observers=[Recorder()], clock=clock)
    cache.token(source)
    pickled = pickle.dumps(cache)
    assert b"precious" not in pickled
    restored = pickle.loads(pickled)
    assert restored._settings["leeway"] == 5
    assert restored._settings["maxsize"] == 7
    assert not restored._settings["background"]
    [observer] = restored._settings["observers"]
    assert isinstance(observer, Recorder)
    assert isinstance(restored._settings["clock"], ManualClock)
    assert restored.stats().tokens == 0
    assert copy.deepcopy(TokenCache()).stats().tokens == 0


def test_a_cache_that_is_used_no_more_is_collected(clock: ManualClock) -> None:
    import weakref  # noqa: PLC0415

    cache = TokenCache(clock=clock)
    cache.token(Source(clock))
    gone = weakref.ref(cache)
    del cache
    gc.collect()
    assert gone() is None


def test_a_clock_that_is_frozen_later_counts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As freezegun and its like do it in users' tests: the default cache is there before."""
    cache, source = TokenCache(), Source(time)
    assert repr(cache._settings["clock"]) == "SystemClock()"
    now = time.time()
    assert cache.token(source) == cache.token(source)
    monkeypatch.setattr(time, "time", lambda: now + 4000)
    cache.token(source)
    assert source.requests == 2
    source.fail(InvalidClient("x"))
    up = time.monotonic()
    cache.invalidate(source)
    with pytest.raises(InvalidClient):
        cache.token(source)
    assert cache.stats().cooling_down == 1
    monkeypatch.setattr(time, "monotonic", lambda: up + 600)
    assert cache.stats().cooling_down == 0


def test_a_cache_with_the_default_clock_is_pickled() -> None:
    assert pickle.loads(pickle.dumps(TokenCache(leeway=5)))._settings["leeway"] == 5


def test_a_clock_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"clock must have time\(\) and monotonic\(\)"):
        TokenCache(clock="now")  # type: ignore[arg-type]


def test_the_stats_of_one_source_are_its_own(clock: ManualClock) -> None:
    cache, (one, two) = TokenCache(clock=clock), sources(clock, 2)
    assert cache.stats(one) == SourceStats(0, 0, 0, 0, 0, 0, 0, 0, 0)
    token = cache.token(one)
    two.fail(InvalidClient("x"))
    with pytest.raises(InvalidClient):
        cache.token(two)
    assert cache.stats(one) == SourceStats(1, 0, 0, 1, 1, 0, 0, 0, 0)
    assert cache.stats(two) == SourceStats(0, 1, 0, 1, 0, 1, 0, 0, 0)
    renewal = cache.renewal(one, token)
    assert renewal is not None
    renewal.token()
    renewal.rejected()
    assert cache.stats(one) == SourceStats(1, 0, 1, 2, 2, 0, 0, 1, 1)
    cache.clear(one)
    assert cache.stats(one).requests == 0
    assert cache.stats().requests == 3


def test_a_token_that_came_while_another_was_revoked_stays(
    cache: TokenCache, source: Source
) -> None:
    def revoke(token: AccessToken) -> None:
        cache.invalidate(source)
        cache.token(source)

    cache.token(source)
    source.revoke = revoke  # type: ignore[attr-defined]
    cache.revoke(source)
    kept = cache.peek(source)
    assert kept is not None
    assert kept.value == "key-2"
