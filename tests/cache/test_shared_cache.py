"""Caches that share a store: one token request for all of them."""

from __future__ import annotations

import logging
import pickle
import threading

import pytest

from requests_cc import AccessToken, ConfigurationError, TokenCache, TokenEndpointUnreachable
from requests_cc.cache.stores.stored_token import name_in_store
from requests_cc.events import Event, TokenReceived, TokenRequested, TokenShared
from tests.support.plain_stores import DictStore, Patient
from tests.support.sources import PATIENCE, ManualClock, Source, in_thread, outcomes, renewals_end


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("requests_cc.cache.stores.sharing.Breaker", Patient)


@pytest.fixture
def one(store: DictStore, clock: ManualClock) -> TokenCache:
    return TokenCache(store, clock=clock)


@pytest.fixture
def two(store: DictStore, clock: ManualClock) -> TokenCache:
    return TokenCache(store, clock=clock)


def values(tokens: list[AccessToken | BaseException | None]) -> set[object]:
    return {getattr(token, "value", token) for token in tokens}


class OnlyGet:
    def get(self, key: str) -> bytes | None:
        return None


@pytest.mark.parametrize("wrong", [OnlyGet(), DictStore, "redis://localhost", 60.0])
def test_an_object_that_is_not_a_store_is_refused(wrong: object) -> None:
    name = getattr(wrong, "__qualname__", type(wrong).__qualname__)
    with pytest.raises(ConfigurationError, match=f"get, set, delete and lock, not {name}"):
        TokenCache(wrong)  # type: ignore[arg-type]


def test_a_second_cache_takes_the_token_that_the_first_requested(
    one: TokenCache, two: TokenCache, source: Source
) -> None:
    first = one.token(source)
    assert two.token(source) == first
    assert source.requests == 1
    assert (one.stats().shared, two.stats().shared) == (0, 1)
    assert (one.stats().requests, two.stats().requests) == (1, 0)


@pytest.mark.rule(10)
def test_eight_cold_caches_with_eight_threads_each_cause_one_token_request(
    store: DictStore, source: Source, clock: ManualClock
) -> None:
    caches = [TokenCache(store, clock=clock) for _ in range(8)]
    calls = [lambda cache=cache: cache.token(source) for cache in caches] * 8
    assert values(outcomes(calls)) == {"key-1"}
    assert source.requests == 1


@pytest.mark.rule(10)
def test_a_token_rejected_in_eight_caches_causes_one_token_request(
    store: DictStore, source: Source, clock: ManualClock
) -> None:
    caches = [TokenCache(store, clock=clock) for _ in range(8)]
    rejected, *_ = [cache.token(source) for cache in caches]
    clock.forward(10)
    calls = [lambda cache=cache: cache.renew(source, rejected) for cache in caches] * 8
    assert values(outcomes(calls)) == {"key-2"}
    assert source.requests == 2


def test_a_hit_does_not_use_the_store(store: DictStore, one: TokenCache, source: Source) -> None:
    one.token(source)
    store.asked.clear()
    for _ in range(100):
        one.token(source)
    assert store.asked == []


def test_whoever_gets_the_lock_looks_once_more_and_sets_before_it_is_released(
    store: DictStore, one: TokenCache, source: Source
) -> None:
    def answer() -> AccessToken:
        assert store.locked
        return source.mint()

    source.answer = answer
    one.token(source)
    assert store.asked == ["get", "lock", "get", "set"]
    assert not store.locked


def test_the_name_of_a_token_in_a_store_does_not_depend_on_the_sources_module(
    clock: ManualClock,
) -> None:
    """Or two versions of this library, one with a renamed file, would request everything twice."""
    moved = type("Source", (Source,), {"__module__": "somewhere.else"})
    assert name_in_store(moved(clock)) == name_in_store(Source(clock))
    renamed = type("Renamed", (Source,), {})
    assert name_in_store(renamed(clock)) != name_in_store(Source(clock))


def test_a_source_whose_key_means_something_here_only_is_not_shared(
    store: DictStore, one: TokenCache, two: TokenCache, source: Source
) -> None:
    source.answer = lambda: AccessToken(f"minted-{source.requests}")
    source.cache_key = ("kind", "key")  # type: ignore[assignment]
    for cache in (one, two):
        cache.token(source)
        cache.invalidate(source)
    assert source.requests == 2
    assert store.asked == []


def test_sources_of_another_type_or_key_share_nothing(
    store: DictStore, one: TokenCache, two: TokenCache, clock: ManualClock
) -> None:
    class Other(Source):
        pass

    strangers = [Source(clock), Source(clock, key="other"), Other(clock)]
    for source in strangers:
        one.token(source)
        assert two.token(source).value.endswith("-1")
    assert [source.requests for source in strangers] == [1, 1, 1]
    assert len(store.entries) == 3


@pytest.mark.parametrize("background", [True, False])
def test_one_cache_renews_ahead_and_the_other_takes_its_token(
    store: DictStore, source: Source, clock: ManualClock, background: bool
) -> None:
    caches = [TokenCache(store, background=background, clock=clock) for _ in range(5)]
    for cache in caches:
        cache.token(source)
    clock.forward(3595)
    for cache in caches:
        assert cache.token(source).value in ("key-1", "key-2")
        renewals_end()
    assert values([cache.token(source) for cache in caches]) == {"key-2"}
    assert source.requests == 2


@pytest.mark.parametrize("background", [True, False])
def test_while_one_renews_ahead_the_others_go_on_and_look_again_a_little_later(
    store: DictStore, one: TokenCache, source: Source, clock: ManualClock, background: bool
) -> None:
    two = TokenCache(store, background=background, clock=clock)
    current, _ = [cache.token(source) for cache in (one, two)]
    clock.forward(3555)
    source.reached.clear()
    source.gate = threading.Event()
    one.token(source)
    assert source.reached.wait(PATIENCE)
    assert two.token(source) == current
    two_is_done(two, source)
    assert two.token(source) == current
    source.gate.set()
    renewals_end()
    assert two.token(source) == current  # a second has not passed
    clock.forward(1)
    two.token(source)
    renewals_end()
    assert two.token(source).value == "key-2"
    assert source.requests == 2


def two_is_done(cache: TokenCache, source: Source) -> None:
    """Waits for a cache's renewal; the other's hangs."""
    entry = cache._find((Source, "key"))
    assert entry is not None
    flight = entry.flight
    if flight is not None:
        flight.wait()


def test_halfway_to_expiry_another_renews_if_the_one_with_the_lock_hangs(
    store: DictStore, one: TokenCache, two: TokenCache, source: Source, clock: ManualClock
) -> None:
    for cache in (one, two):
        cache.token(source)
    clock.forward(3555)
    gate = source.gate = threading.Event()
    source.reached.clear()
    one.token(source)
    assert source.reached.wait(PATIENCE)
    source.gate = None
    looks = 0
    while two.token(source).value == "key-1":
        two_is_done(two, source)
        clock.forward(0.5)
        looks += 1
    # The leeway of 60 seconds, halved, and jittered by a fifth: from 36 to 24 before expiry.
    assert 18 <= looks <= 46
    assert source.requests == 3
    gate.set()
    renewals_end()


def test_a_token_of_two_seconds_is_renewed_by_one_and_seen_by_the_others_in_time(
    store: DictStore, one: TokenCache, two: TokenCache, source: Source, clock: ManualClock
) -> None:
    source.lifetime = 2.0
    for cache in (one, two):
        cache.token(source)
    clock.forward(1.65)
    source.reached.clear()
    source.gate = threading.Event()
    one.token(source)
    assert source.reached.wait(PATIENCE)
    two.token(source)
    two_is_done(two, source)
    source.gate.set()
    renewals_end()
    clock.forward(0.2)
    two.token(source)
    renewals_end()
    assert two.token(source).value == "key-2"
    assert source.requests == 2


def test_the_same_token_issued_again_is_requested_by_one_cache(
    one: TokenCache, two: TokenCache, source: Source, clock: ManualClock
) -> None:
    same = one.token(source)
    source.answer = lambda: same
    two.token(source)
    clock.forward(3595)
    source.answer = lambda: AccessToken(same.value, expires_at=same.expires_at)
    for cache in (one, two):
        assert cache.token(source).value == "key-1"
        renewals_end()
    assert source.requests == 2
    assert two.stats().shared == 2


def test_the_rejected_token_issued_again_to_another_cache_is_not_used_after_a_401(
    one: TokenCache, two: TokenCache, source: Source, clock: ManualClock
) -> None:
    same = one.token(source)
    rejected = two.token(source)
    source.answer = lambda: AccessToken(same.value, expires_at=same.expires_at)
    clock.forward(3595)
    one.token(source)  # renews ahead, and stores it with a later date
    renewals_end()
    source.mend()
    assert values([two.renew(source, rejected)]) == {"key-3"}


@pytest.mark.rule(17)
def test_after_a_401_a_newer_token_in_the_store_is_used(
    one: TokenCache, two: TokenCache, source: Source, clock: ManualClock
) -> None:
    first = one.token(source)
    assert two.token(source) == first
    clock.forward(1)
    second = one.renew(source, first)
    assert second is not None
    assert two.renew(source, first) == second
    assert source.requests == 2


@pytest.mark.rule(17)
def test_after_a_401_an_older_token_in_the_store_is_not_used(
    store: DictStore, one: TokenCache, two: TokenCache, source: Source, clock: ManualClock
) -> None:
    one.token(source)
    older = store.entries[store.key]
    clock.forward(1)
    two.invalidate(source)
    second = two.token(source)
    store.entries[store.key] = older
    assert values([two.renew(source, second)]) == {"key-3"}


@pytest.mark.rule(12)
@pytest.mark.parametrize("jump", [-7200.0, -250.0])
def test_after_a_clock_was_set_back_the_next_token_is_renewed_ahead(
    store: DictStore, source: Source, clock: ManualClock, jump: float
) -> None:
    source.lifetime = 200.0
    cache = TokenCache(store, background=False, clock=clock)
    token = cache.token(source)
    clock.jump(jump)
    assert getattr(cache.renew(source, token), "value", None) == "key-2"
    clock.forward(199)
    assert cache.token(source).value == "key-3"  # before key-2 has expired


def test_of_a_token_made_by_hand_nothing_in_the_store_is_known_to_be_newer(
    one: TokenCache, source: Source, clock: ManualClock
) -> None:
    one.token(source)
    one.clear()
    assert values([one.renew(source, AccessToken("by-hand"))]) == {"key-2"}


def test_a_token_from_the_store_that_is_rejected_as_well_starts_a_hold(
    one: TokenCache, two: TokenCache, source: Source, clock: ManualClock
) -> None:
    first = one.token(source)
    two.token(source)
    clock.forward(1)
    second = one.renew(source, first)
    renewal = two.renewal(source, first)
    assert renewal is not None
    taken = renewal.token()
    assert taken is not None
    assert taken == second
    assert two.renewal(source, taken) is None  # on trial
    renewal.rejected()
    assert two.stats().held == 1
    assert two.renew(source, taken) is None
    assert source.requests == 2


def test_a_token_from_the_store_that_is_accepted_ends_its_trial(
    one: TokenCache, two: TokenCache, source: Source, clock: ManualClock
) -> None:
    first = one.token(source)
    two.token(source)
    clock.forward(1)
    one.renew(source, first)
    renewal = two.renewal(source, first)
    assert renewal is not None
    taken = renewal.token()
    assert taken is not None
    renewal.accepted()
    assert values([two.renew(source, taken)]) == {"key-3"}


@pytest.mark.rule(8)
def test_paths_that_reject_every_token_in_a_fleet_do_not_storm(
    store: DictStore, source: Source, clock: ManualClock
) -> None:
    caches = [TokenCache(store, clock=clock) for _ in range(4)]
    for _ in range(600):
        for cache in caches:
            renewal = cache.renewal(source, cache.token(source))
            if renewal is not None:
                renewal.token()
                renewal.rejected()
        clock.forward(1)
    assert source.requests <= 4 * (600 / 30 + 6)


def test_an_expired_token_in_the_store_is_a_miss_whatever_the_store_says(
    store: DictStore, one: TokenCache, two: TokenCache, source: Source, clock: ManualClock
) -> None:
    one.token(source)
    value, _ = store.entries[store.key]
    clock.forward(3600)
    store.entries[store.key] = (value, clock.time() + 10)
    assert two.token(source).value == "key-2"


def test_a_token_is_kept_for_as_long_as_it_lives_and_one_without_expiry_for_an_hour(
    store: DictStore, one: TokenCache, two: TokenCache, source: Source
) -> None:
    source.lifetime = 100.0
    one.token(source)
    assert store.ttl == 100
    one.invalidate(source)
    source.lifetime = None
    token = one.token(source)
    assert store.ttl == 3600
    assert two.token(source) == token
    assert token.expires_at is None


def test_a_token_of_no_lifetime_is_not_stored_and_takes_a_rejected_one_away(
    store: DictStore, one: TokenCache, source: Source
) -> None:
    first = one.token(source)
    source.lifetime = 0.0
    assert values([one.renew(source, first)]) == {"key-2"}
    assert not store.entries
    assert one.token(source).value == "key-3"
    assert not store.entries


def test_a_token_of_no_lifetime_that_renewal_ahead_brings_leaves_the_stored_one_to_others(
    store: DictStore, one: TokenCache, two: TokenCache, source: Source, clock: ManualClock
) -> None:
    one.token(source)
    clock.forward(3595)
    source.lifetime = 0.0
    one.token(source)
    renewals_end()
    assert source.requests == 2
    assert two.token(source).value == "key-1"


def test_extra_stays_with_the_process_that_asked(
    store: DictStore, one: TokenCache, two: TokenCache, source: Source, clock: ManualClock
) -> None:
    source.answer = lambda: AccessToken(
        "a", expires_at=clock.time() + 10, scope="read", extra={"refresh_token": "precious"}
    )
    assert one.token(source).extra == {"refresh_token": "precious"}
    assert two.token(source).extra == {}
    assert two.token(source).scope == "read"
    assert b"precious" not in store.entries[store.key][0]


def test_invalidate_forgets_the_token_in_the_store_too(
    store: DictStore, one: TokenCache, two: TokenCache, source: Source
) -> None:
    one.token(source)
    one.invalidate(source)
    assert not store.entries
    assert two.token(source).value == "key-2"


def test_clear_forgets_what_is_in_memory_only(
    store: DictStore, one: TokenCache, source: Source
) -> None:
    token = one.token(source)
    one.clear()
    assert one.peek(source) is None  # the store is not read
    assert one.token(source) == token
    one.clear(source)
    assert one.token(source) == token
    assert source.requests == 1
    assert repr(one).endswith(" store=DictStore>")


class Revocable(Source):
    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.revoked: list[AccessToken] = []
        self.refuses = False

    def revoke(self, token: AccessToken) -> None:
        self.revoked.append(token)
        if self.refuses:
            raise TokenEndpointUnreachable("down")


def test_revoke_forgets_the_token_here_and_in_the_store_and_tells_the_server(
    store: DictStore, one: TokenCache, clock: ManualClock
) -> None:
    source = Revocable(clock)
    token = one.token(source)
    one.revoke(source)
    one.revoke(source)  # there is none any more
    assert source.revoked == [token]
    assert not store.entries
    assert one.token(source).value == "key-2"


def test_revoke_takes_the_token_from_the_store_if_memory_has_none(
    store: DictStore, one: TokenCache, two: TokenCache, clock: ManualClock
) -> None:
    source = Revocable(clock)
    token = one.token(source)
    two.revoke(source)
    assert source.revoked == [token]
    assert not store.entries


def test_revoke_without_a_store_and_of_an_expired_token(clock: ManualClock) -> None:
    cache, source = TokenCache(clock=clock), Revocable(clock)
    cache.revoke(source)
    token = cache.token(source)
    cache.revoke(source)
    cache.token(source)
    clock.forward(3600)
    cache.revoke(source)
    assert source.revoked == [token]


def test_a_token_is_kept_if_the_server_does_not_revoke_it(
    one: TokenCache, clock: ManualClock
) -> None:
    source = Revocable(clock)
    one.token(source)
    source.refuses = True
    with pytest.raises(TokenEndpointUnreachable):
        one.revoke(source)
    assert one.token(source).value == "key-1"


def test_a_source_that_cannot_revoke_is_named_and_its_token_stays(
    one: TokenCache, source: Source
) -> None:
    token = one.token(source)
    with pytest.raises(ConfigurationError, match=r"Source has no method revoke.*invalidate"):
        one.revoke(source)
    assert one.token(source) == token


def test_a_pickle_carries_the_store_and_no_token(clock: ManualClock) -> None:
    cache = TokenCache(Pickled(), clock=clock)
    cache.token(Source(clock, key="precious"))
    pickled = pickle.dumps(cache)
    assert b"precious" not in pickled
    assert isinstance(pickle.loads(pickled)._settings["store"], Pickled)


class Pickled(DictStore):
    def __init__(self) -> None:
        super().__init__(ManualClock())

    def __reduce__(self) -> tuple[object, ...]:
        return Pickled, ()


def test_an_observer_and_the_log_receive_a_token_that_is_taken(
    store: DictStore,
    one: TokenCache,
    source: Source,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    events: list[Event] = []
    two = TokenCache(store, observers=[events.append], clock=clock)
    one.token(source)
    clock.forward(100)
    with caplog.at_level(logging.INFO, "requests_cc"):
        two.token(source)
    assert events == [TokenShared("source of key", "missing", 3500.0)]
    assert [record.getMessage() for record in caplog.records] == [
        "source of key: token of another process taken from the store (missing), "
        "expires in 3500.0 s"
    ]


def test_a_requests_duration_does_not_count_the_time_at_the_store(
    store: DictStore, source: Source, clock: ManualClock
) -> None:
    class Slow(DictStore):
        def get(self, key: str) -> bytes | None:
            clock.forward(5)
            return super().get(key)

    events: list[Event] = []
    TokenCache(Slow(clock), observers=[events.append], clock=clock).token(source)
    assert events == [
        TokenRequested("source of key", "missing"),
        TokenReceived("source of key", 0.0, 3600.0),
    ]


def test_a_source_may_use_another_sources_token_of_the_same_store(
    one: TokenCache, two: TokenCache, clock: ManualClock
) -> None:
    inner = Source(clock, key="inner")
    outer = Source(clock, key="outer", answer=lambda: one.token(inner))
    assert one.token(outer).value == "inner-1"
    assert two.token(inner).value == "inner-1"
    assert inner.requests == 1


def test_a_source_that_needs_its_own_token_is_refused_though_it_is_shared(
    one: TokenCache, clock: ManualClock
) -> None:
    source = Source(clock, answer=lambda: one.token(source))
    with pytest.raises(ConfigurationError, match="needs the very token that it requests"):
        one.token(source)


def test_a_waiter_in_one_cache_has_the_token_that_another_requested(
    one: TokenCache, two: TokenCache, source: Source
) -> None:
    source.gate = threading.Event()
    first = in_thread(lambda: one.token(source))
    assert source.reached.wait(PATIENCE)
    others = [in_thread(lambda: two.token(source)) for _ in range(4)]
    source.gate.set()
    assert values([first(), *(other() for other in others)]) == {"key-1"}
    assert source.requests == 1
