"""Stores that fail, hang and vanish, holders that die, clocks that differ: API calls go on."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from requests_cc import (
    AccessToken,
    ClientCredentialsError,
    InvalidClient,
    TokenCache,
    TokenEndpointTimeout,
)
from requests_cc.cache.stores.guard import Breaker
from requests_cc.cache.stores.redis import LEASE
from requests_cc.cache.stores.sharing import LOCK_WAIT
from tests.support.plain_stores import DictStore, Patient
from tests.support.sources import (
    PATIENCE,
    ManualClock,
    Source,
    in_thread,
    outcomes,
    renewals_end,
    until_waiting,
)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("requests_cc.cache.stores.sharing.Breaker", Patient)


class Faulty(DictStore):
    """One of its methods does something else while it is told to."""

    def __init__(self, clock: ManualClock, method: str, fault: Callable[[], object]) -> None:
        super().__init__(clock)
        self.method = method
        self.fault = fault
        self.works = False

    def _is_faulty(self, method: str) -> bool:
        return method == self.method and not self.works

    def get(self, key: str) -> bytes | None:
        if self._is_faulty("get"):
            return self.fault()  # type: ignore[return-value]
        return super().get(key)

    def set(self, key: str, value: bytes, ttl: float) -> None:
        if self._is_faulty("set"):
            self.fault()
        super().set(key, value, ttl)

    def delete(self, key: str) -> None:
        if self._is_faulty("delete"):
            self.fault()
        super().delete(key)

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[bool]:
        if self._is_faulty("lock"):
            self.fault()
        with super().lock(key, timeout) as obtained:
            yield obtained
        if self._is_faulty("release"):
            self.fault()


def an_error() -> None:
    raise OSError("secret words of the store")


def another_error() -> None:
    raise SystemExit


def rubbish() -> object:
    return "text, where bytes are due"


@pytest.mark.rule(17)
@pytest.mark.parametrize("fault", [an_error, another_error, rubbish])
@pytest.mark.parametrize("method", ["get", "set", "delete", "lock", "release"])
def test_a_store_that_fails_is_a_miss_logged_once_and_calls_go_on(
    clock: ManualClock,
    source: Source,
    method: str,
    fault: Callable[[], object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache = TokenCache(Faulty(clock, method, fault), clock=clock)
    with caplog.at_level(logging.WARNING, "requests_cc"):
        first = cache.token(source)
        clock.forward(1)
        second = cache.renew(source, first)
        assert second is not None
        assert second.value == "key-2"
        cache.invalidate(source)
        clock.forward(1)
        assert cache.token(source).value == "key-3"
    assert "secret words" not in caplog.text
    assert len(caplog.records) <= 1
    assert source.requests == 3


@pytest.mark.rule(17)
@pytest.mark.parametrize("method", ["get", "set", "lock", "release"])
def test_a_store_that_hangs_costs_its_deadline_once(
    clock: ManualClock,
    source: Source,
    method: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("requests_cc.cache.stores.sharing.Breaker", Breaker)
    gate = threading.Event()
    store = Faulty(clock, method, lambda: gate.wait(PATIENCE))
    cache = TokenCache(store, clock=clock)
    try:
        assert cache.token(source).value == "key-1"
        asked = len(store.asked)
        for number in range(2, 30):
            cache.clear()
            if method in ("get", "lock"):
                assert cache.token(source).value == f"key-{number}"
        assert len(store.asked) <= asked + 2
    finally:
        gate.set()
    assert len(caplog.records) == 1


def test_a_store_that_is_back_is_used_again(clock: ManualClock, source: Source) -> None:
    store = Faulty(clock, "get", an_error)
    one, two = TokenCache(store, clock=clock), TokenCache(store, clock=clock)
    assert [one.token(source).value, two.token(source).value] == ["key-1", "key-2"]
    store.works = True
    clock.forward(3595)  # each renews ahead, and finds the store
    for cache in (one, two):
        cache.token(source)
        renewals_end()
    assert one.token(source) == two.token(source)
    assert source.requests == 3


def test_without_the_store_renewal_ahead_waits_for_nobody(
    clock: ManualClock, source: Source
) -> None:
    store = Faulty(clock, "lock", an_error)
    cache = TokenCache(store, background=False, clock=clock)
    cache.token(source)
    clock.forward(3555)
    assert cache.token(source).value == "key-2"


@pytest.mark.rule(17)
def test_a_forgotten_token_does_not_come_back_from_a_store_that_failed(
    clock: ManualClock, source: Source
) -> None:
    store = Faulty(clock, "delete", an_error)
    cache = TokenCache(store, clock=clock)
    first = cache.token(source)
    clock.forward(1)
    second = cache.renew(source, first)
    cache.invalidate(source)
    assert store.token["access_token"] == getattr(second, "value", None)
    assert getattr(cache.renew(source, first), "value", None) == "key-3"


def test_a_failure_is_cooled_in_each_cache_and_tells_nothing_to_the_others(
    store: DictStore, clock: ManualClock, source: Source
) -> None:
    one, two = TokenCache(store, clock=clock), TokenCache(store, clock=clock)
    source.fail(InvalidClient("x"))
    for cache in (one, two) * 10:
        with pytest.raises(InvalidClient):
            cache.token(source)
    assert source.requests == 2
    assert not store.entries
    assert not store.locked


def test_a_failed_renewal_leaves_the_token_in_the_store(
    store: DictStore, clock: ManualClock, source: Source
) -> None:
    one, two = TokenCache(store, clock=clock), TokenCache(store, clock=clock)
    token = one.token(source)
    source.fail(TokenEndpointTimeout("x"))
    with pytest.raises(TokenEndpointTimeout):
        one.renew(source, token)
    assert two.token(source) == token


def test_a_request_that_hangs_delays_another_process_for_a_bounded_time(
    store: DictStore, clock: ManualClock, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("requests_cc.cache.stores.sharing.LOCK_WAIT", 1.0)
    caches = [TokenCache(store, clock=clock) for _ in range(3)]
    gate = source.gate = threading.Event()
    first = in_thread(lambda: caches[0].token(source))
    assert source.reached.wait(PATIENCE)
    source.gate = None
    assert caches[1].token(source).value == "key-2"
    assert caches[2].token(source).value == "key-2"
    gate.set()
    assert isinstance(first(), AccessToken)
    assert source.requests == 2


def test_who_waits_for_the_lock_sees_a_token_that_comes_meanwhile(
    store: DictStore, clock: ManualClock, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("requests_cc.cache.stores.sharing.LOCK_WAIT", 2 * PATIENCE)
    one, two = TokenCache(store, clock=clock), TokenCache(store, clock=clock)
    token = one.token(source)
    key = store.key
    entry = store.entries.pop(key)
    with store.lock(key, 0):
        asked = len(store.asked)
        outcome = in_thread(lambda: two.token(source))
        while "lock" not in store.asked[asked:]:
            assert not two.stats().shared
        store.entries[key] = entry
        assert outcome() == token
    assert source.requests == 1


def test_a_dead_holders_lease_is_waited_for_and_a_request_after_it() -> None:
    # Were it not so, each process would make a request of its own when one has died.
    assert LOCK_WAIT >= LEASE + 3


@pytest.mark.parametrize("killer", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_whatever_ends_a_request_releases_the_store(
    store: DictStore, clock: ManualClock, source: Source, killer: type[BaseException]
) -> None:
    one, two = TokenCache(store, clock=clock), TokenCache(store, clock=clock)
    source.fail(killer())
    with pytest.raises(killer):
        one.token(source)
    assert not store.locked
    source.mend()
    assert two.token(source).value == "key-2"
    assert one.token(source).value == "key-2"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_renewal_thread_that_is_killed_releases_the_store(
    store: DictStore, clock: ManualClock, source: Source
) -> None:
    cache = TokenCache(store, clock=clock)
    cache.token(source)
    clock.forward(3595)
    source.fail(SystemExit())
    cache.token(source)
    renewals_end()
    assert not store.locked
    source.mend()
    clock.forward(1)
    cache.token(source)
    renewals_end()
    assert cache.token(source).value == "key-3"


def test_waiters_of_a_killed_thread_try_again_at_the_store(
    store: DictStore, clock: ManualClock, source: Source
) -> None:
    cache = TokenCache(store, clock=clock)
    gate = source.gate = threading.Event()

    def answer() -> AccessToken:
        if source.requests == 1:
            raise KeyboardInterrupt
        return source.mint()

    source.answer = answer
    first = in_thread(lambda: cache.token(source))
    assert source.reached.wait(PATIENCE)
    others = [in_thread(lambda: cache.token(source)) for _ in range(3)]
    until_waiting(3)
    gate.set()
    assert isinstance(first(), KeyboardInterrupt)
    assert {getattr(other(), "value", None) for other in others} == {"key-2"}
    assert source.requests == 2


@pytest.mark.rule(10)
def test_no_lock_of_the_process_is_held_while_the_store_is_used(clock: ManualClock) -> None:
    caches: list[TokenCache] = []

    class Looking(DictStore):
        @property
        def asked(self) -> list[str]:  # type: ignore[override]
            assert not any(cache._flights._lock._lock._is_owned() for cache in caches)
            return []

        @asked.setter
        def asked(self, _: list[str]) -> None:
            pass

    store, source = Looking(clock), Source(clock)
    caches.append(TokenCache(store, background=False, clock=clock))
    cache = caches[0]
    first = cache.token(source)
    cache.renew(source, first)
    clock.forward(3595)
    cache.token(source)
    cache.invalidate(source)
    assert cache._flights._shared is not None
    assert cache._flights._shared._store.available  # so no assertion failed in it


class Host:
    """A cache on a machine whose clock is off, and its way of asking the same server."""

    minted = itertools.count(1)

    def __init__(self, store: DictStore, clock: ManualClock, off: float) -> None:
        self.true, self.off = clock, off
        self.cache = TokenCache(store, clock=self)
        self.source = Source(clock, answer=self._mint)

    def time(self) -> float:
        return self.true.time() + self.off

    def monotonic(self) -> float:
        return self.true.monotonic() + 1000 * self.off

    def _mint(self) -> AccessToken:
        now = self.time()
        return AccessToken(f"minted-{next(self.minted)}", expires_at=now + 3600, issued_at=now)


@pytest.mark.parametrize("clocks", list(itertools.permutations([-60.0, 0.0, 60.0])))
def test_hosts_whose_clocks_are_a_minute_apart_share_tokens_and_renewals(
    store: DictStore, clock: ManualClock, clocks: tuple[float, ...]
) -> None:
    hosts = [Host(store, clock, off) for off in clocks]

    def requests() -> int:
        return sum(host.source.requests for host in hosts)

    tokens = [host.cache.token(host.source) for host in hosts]
    assert len({token.value for token in tokens}) == 1
    assert requests() == 1
    for number in range(2, 8):  # revoked, again and again; another host is the first to see it
        clock.forward(1)
        hosts.append(hosts.pop(0))
        tokens.append(tokens.pop(0))
        pairs = zip(hosts, tokens, strict=True)
        renewals = [host.cache.renewal(host.source, token) for host, token in pairs]
        renewed = [renewal.token() for renewal in renewals if renewal is not None]
        tokens = [token for token in renewed if token is not None]
        assert len(tokens) == 3
        for renewal in renewals:
            assert renewal is not None
            renewal.accepted()
        assert len({token.value for token in tokens}) == 1
        assert requests() == number
    for _ in range(2 * 3600):  # and renewed ahead
        clock.forward(1)
        for host in hosts:
            expires_at = host.cache.token(host.source).expires_at
            assert expires_at is not None
            assert expires_at > host.time()
            renewals_end()
    assert requests() <= 7 + 3


def test_a_host_whose_clock_is_hours_off_shares_nothing_and_harms_nobody(
    store: DictStore, clock: ManualClock
) -> None:
    wrong, right = Host(store, clock, 7200.0), Host(store, clock, 0.0)
    for host in (wrong, right, wrong, right):
        token = host.cache.token(host.source)
        assert token.expires_at is not None
        assert host.time() < token.expires_at <= host.time() + 3600
    assert (wrong.source.requests, right.source.requests) == (1, 1)


def test_a_thundering_herd_on_a_store_that_just_died_is_one_request_for_each_cache(
    clock: ManualClock, source: Source
) -> None:
    store = Faulty(clock, "lock", an_error)
    caches = [TokenCache(store, clock=clock) for _ in range(4)]
    calls = [lambda cache=cache: cache.token(source) for cache in caches] * 16
    results = outcomes(calls)
    assert not [one for one in results if isinstance(one, ClientCredentialsError)]
    assert source.requests <= 4
