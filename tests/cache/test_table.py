"""Which keys leave a full cache, and what finding them costs."""

from __future__ import annotations

from contextlib import suppress

import pytest

from requests_cc import AccessToken, InvalidClient, TokenCache
from requests_cc.cache.flight import Flight
from requests_cc.cache.lifecycle import Lifecycle
from requests_cc.cache.pacing import Now
from requests_cc.cache.table import SEVERAL, Entry, Queue
from requests_cc.threads import Keeper
from tests.support.sources import NOON, ManualClock, Source


def sources(clock: ManualClock, count: int) -> list[Source]:
    return [Source(clock, key=f"k{number}") for number in range(count)]


def keys_of(cache: TokenCache) -> list[Entry]:
    return cache._flights._table.entries()


@pytest.mark.rule(16)
def test_maxsize_bounds_keys_that_cool_down_as_well(clock: ManualClock) -> None:
    cache = TokenCache(maxsize=10, clock=clock)
    for source in sources(clock, 400):
        source.fail(InvalidClient("x"))
        with pytest.raises(InvalidClient):
            cache.token(source)
        clock.forward(0.001)
    assert len(keys_of(cache)) <= SEVERAL * 10
    healthy = Source(clock, key="healthy")
    cache.token(healthy)
    cache.token(healthy)
    assert healthy.requests == 1


@pytest.mark.rule(16)
def test_a_table_that_pauses_made_large_shrinks_when_they_are_over(clock: ManualClock) -> None:
    cache, failing = TokenCache(maxsize=10, clock=clock), sources(clock, 40)
    for source in failing:
        source.fail(InvalidClient("x"))
        with pytest.raises(InvalidClient):
            cache.token(source)
    clock.forward(20)
    for number in range(20):
        cache.token(Source(clock, key=f"new-{number}"))
    assert len(keys_of(cache)) <= 10


@pytest.mark.rule(16)
def test_the_key_whose_pause_ends_first_leaves_a_table_of_pauses(clock: ManualClock) -> None:
    cache, failing = TokenCache(maxsize=1, clock=clock), sources(clock, SEVERAL + 1)
    for number, source in enumerate(failing):
        source.fail(InvalidClient("x", retry_after=100.0 - number))
        with pytest.raises(InvalidClient):
            cache.token(source)
    for source in failing:
        source.mend()
    with pytest.raises(InvalidClient):
        cache.token(failing[0])
    assert cache.token(failing[SEVERAL - 1])


@pytest.mark.rule(16)
def test_the_least_recently_used_of_many_keys_leaves(clock: ManualClock) -> None:
    cache, many = TokenCache(maxsize=100, clock=clock), sources(clock, 100)
    for source in many:
        cache.token(source)
    clock.forward(1)
    for number, source in enumerate(many):
        if number not in (50, 70):
            cache.token(source)
    for number in range(2):
        cache.token(Source(clock, key=f"new-{number}"))
    assert [source.cache_key for source in many if cache.peek(source) is None] == ["k50", "k70"]


@pytest.mark.rule(16)
@pytest.mark.parametrize("end", ["expiry", "invalidated", "cleared"])
def test_a_key_without_a_token_leaves_before_any_token(clock: ManualClock, end: str) -> None:
    cache, many = TokenCache(maxsize=50, clock=clock), sources(clock, 50)
    many[30].lifetime = 100.0
    for source in many:
        cache.token(source)
    clock.forward(1)
    cache.token(many[30])
    cache.token(Source(clock, key="first"))  # a full table: the order of its keys is known
    left = [source for source in many if cache.peek(source) is not None]
    clock.forward(49)
    if end == "invalidated":
        cache.invalidate(many[30])
    elif end == "cleared":
        cache.clear(many[30])
    else:
        clock.forward(51)
    cache.token(Source(clock, key="second"))
    assert [source.cache_key for source in left if cache.peek(source) is None] == ["k30"]


@pytest.mark.rule(16)
def test_a_renewed_token_does_not_leave_when_the_one_before_it_would_have_expired(
    clock: ManualClock,
) -> None:
    cache, (one, two, three, four) = TokenCache(maxsize=2, clock=clock), sources(clock, 4)
    for source in (one, two, three):  # "one" leaves
        cache.token(source)
    clock.forward(3000)
    cache.renew(two, cache.token(two))
    clock.forward(601)
    assert cache.peek(three) is None
    cache.token(four)
    assert cache.peek(two) is not None


@pytest.mark.rule(16)
def test_keys_that_come_and_go_leave_nothing_behind(clock: ManualClock) -> None:
    cache = TokenCache(maxsize=8, clock=clock)
    for source in sources(clock, 2000):
        cache.token(source)
        cache.renew(source, cache.token(source))
        cache.clear(source) if source.cache_key.endswith("7") else None
        clock.forward(1)
    queue = cache._flights._table._queue
    assert queue is not None
    assert len(queue._by_use) + len(queue._by_due) <= 4 * 8 + 16
    cache.clear()
    assert cache._flights._table._queue is None


@pytest.mark.rule(16)
def test_keys_that_cool_down_take_no_place_of_the_others(clock: ManualClock) -> None:
    cache = TokenCache(maxsize=10, clock=clock)
    *failing, one, two = sources(clock, 102)
    for source in failing:
        source.fail(InvalidClient("x"))
        with pytest.raises(InvalidClient):
            cache.token(source)
    for _ in range(5):
        cache.token(one)
        cache.token(two)
    assert (one.requests, two.requests) == (1, 1)
    assert cache.stats().cooling_down <= SEVERAL * 10


@pytest.mark.rule(16)
@pytest.mark.parametrize("fails", [False, True])
def test_finding_the_key_that_leaves_costs_no_scan(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    cache, (*first, newest) = TokenCache(maxsize=500, clock=clock), sources(clock, 2501)

    def come(source: Source) -> None:
        if fails:
            source.fail(InvalidClient("x", retry_after=3000.0))
        with suppress(InvalidClient):
            cache.token(source)

    for source in first:
        come(source)
    looked_at = []
    pause = Entry.pause
    monkeypatch.setattr(Entry, "pause", lambda *args: looked_at.append(args) or pause(*args))
    come(newest)
    assert cache.stats().tokens + cache.stats().cooling_down in (500, SEVERAL * 500)
    assert len(looked_at) <= 20


NOW = Now(NOON, 1000.0)


def paused(key: str, error: Exception) -> Entry:
    entry = Entry(key)
    entry.state = Lifecycle().failed(error, NOW, 0.5)
    return entry


def aged(key: str) -> Entry:
    entry = Entry(key)
    token = AccessToken("token", expires_at=NOON + 1)
    entry.state = Lifecycle().received(token, NOW, NOON, None)
    return entry


def later(seconds: float) -> Now:
    return Now(NOON + seconds, 1000.0 + seconds)


def queue_of(*entries: Entry) -> Queue:
    return Queue({entry.key: entry for entry in entries}, NOW)


def test_of_paused_keys_those_that_left_or_pause_longer_are_passed_over() -> None:
    left, longer, last = (paused(key, InvalidClient("x")) for key in ("one", "two", "three"))
    queue = queue_of(left, longer, last)
    queue.removed(left)
    longer.state = Lifecycle().failed(InvalidClient("x", retry_after=900.0), NOW, 0.5)
    assert queue.first_paused(NOW) is last
    assert queue.first_paused(NOW) is longer
    assert queue.first_paused(NOW) is None


def test_of_worthless_keys_those_that_left_or_are_requesting_are_passed_over() -> None:
    left, requesting = aged("left"), aged("requesting")
    queue = queue_of(left, requesting)
    left.key = None
    requesting.flight = Flight(Keeper(), None, NOW, excused=False)
    assert queue.worthless(later(10)) is None


def test_the_least_used_key_does_not_pause_and_is_looked_for_among_so_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert queue_of(paused("paused", InvalidClient("x"))).least_used(NOW) is None
    requesting = aged("requesting")
    requesting.flight = Flight(Keeper(), None, NOW, excused=False)
    monkeypatch.setattr("requests_cc.cache.table.LOOKED_AT", 1)
    assert queue_of(requesting).least_used(NOW) is None


def test_a_key_that_was_renewed_is_not_worthless() -> None:
    renewed = aged("renewed")
    queue = queue_of(renewed)
    token = AccessToken("token", expires_at=NOON + 3600)
    renewed.state = Lifecycle().received(token, NOW, NOON, None)
    assert queue.worthless(later(10)) is None
    assert queue.worthless(later(3600)) is renewed
