"""Walks a few caches and their store through whatever may happen, in any order.

``HYPOTHESIS_PROFILE=long`` tries 10,000 walks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from requests_cc import AccessToken, InvalidClient, TemporarilyUnavailable, TokenCache
from requests_cc.cache.pacing import Now
from tests.support.plain_stores import DictStore, Patient
from tests.support.sources import ManualClock, Source, renewals_end

NEVER = Now(-math.inf, -math.inf)
NUMBERS = st.integers(0, 2)
SECONDS = st.sampled_from([0.01, 0.4, 1.0, 1.3, 5.0, 29.0, 61.0, 301.0, 3600.0])
LIFETIMES = st.sampled_from([None, 0.0, 1.0, 2.0, 15.0, 3600.0])
ERRORS = st.sampled_from(
    [OSError("foreign"), InvalidClient("x"), TemporarilyUnavailable("x", retry_after=30.0)]
)
FAULTS = st.sampled_from([None, "get", "set", "delete", "lock", "rubbish"])


class Fickle(DictStore):
    """Fails in one of its methods, or holds rubbish."""

    fault: str | None = None

    def _fail(self, method: str) -> None:
        if self.fault == method:
            raise OSError("the store is down")

    def get(self, key: str) -> bytes | None:
        self._fail("get")
        value = super().get(key)
        return b"rubbish" if value is not None and self.fault == "rubbish" else value

    def set(self, key: str, value: bytes, ttl: float) -> None:
        self._fail("set")
        super().set(key, value, ttl)

    def delete(self, key: str) -> None:
        self._fail("delete")
        super().delete(key)

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[bool]:
        self._fail("lock")
        with super().lock(key, timeout) as obtained:
            yield obtained


class Fleet(RuleBasedStateMachine):
    """Three caches, one store, one server; what each rule does, one of the caches does."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.source = Source(self.clock, answer=self._answer)
        self.store = Fickle(self.clock)
        self.error: Exception | None = None
        self.requester = 0
        self.quiet_until = [NEVER] * 3
        self.served = [AccessToken("none-yet")] * 3

    @initialize(background=st.booleans(), leeway=st.sampled_from([0.0, 5.0, 60.0]))
    def caches(self, background: bool, leeway: float) -> None:
        with mock.patch("requests_cc.cache.stores.sharing.Breaker", Patient):
            self.fleet = [
                TokenCache(self.store, leeway=leeway, background=background, clock=self.clock)
                for _ in range(3)
            ]

    def _answer(self) -> AccessToken:
        quiet_until = self.quiet_until[self.requester]
        assert not Now.read(self.clock).until(quiet_until), "a request before the cool-down ended"
        assert self.store.fault or self._all_work() <= self.store.locked, "without the lock"
        if self.error is not None:
            raise self.error
        return self.source.mint()

    def _all_work(self) -> bool:
        shared = [cache._flights._shared for cache in self.fleet]
        return all(one is not None and one._store.available for one in shared)

    def _ended(self, number: int, before: int) -> None:
        renewals_end()
        assert self.source.most_at_once <= 1
        assert not self.store.locked, "the store's lock was not released"
        assert self.source.requests - before <= 2
        cache = self.fleet[number]
        stats = cache.stats()
        assert stats.requests == stats.successes + stats.failures
        entry = cache._find((Source, "key"))
        cool_down = None if entry is None else entry.state.cool_down
        self.quiet_until[number] = NEVER if cool_down is None else cool_down.until

    def _serve(self, number: int, token: AccessToken, *, kept: bool) -> None:
        expired = token.expires_at is not None and token.expires_at <= self.clock.time()
        assert not (kept and expired), "an expired token was handed out"
        self.served[number] = token

    @rule(number=NUMBERS)
    def a_call(self, number: int) -> None:
        self.requester, before = number, self.source.requests
        try:
            token = self.fleet[number].token(self.source)
        except OSError:
            assert self.error is not None or self.quiet_until[number] != NEVER
        else:
            self._serve(number, token, kept=self.source.requests == before)
        self._ended(number, before)

    @rule(number=NUMBERS, accepts=st.booleans())
    def an_api_rejects(self, number: int, accepts: bool) -> None:
        self.requester, before = number, self.source.requests
        cache, rejected = self.fleet[number], self.served[number]
        renewal = cache.renewal(self.source, rejected)
        try:
            renewed = None if renewal is None else renewal.token()
        except OSError:
            renewed = None
        if renewal is not None and renewed is not None:
            assert renewed.value != rejected.value
            self._serve(number, renewed, kept=self.source.requests == before)
            (renewal.accepted if accepts else renewal.rejected)()
        self._ended(number, before)

    @rule(error=st.none() | ERRORS, lifetime=LIFETIMES)
    def the_server_changes(self, error: Exception | None, lifetime: float | None) -> None:
        self.error, self.source.lifetime = error, lifetime

    @rule(fault=FAULTS)
    def the_store_changes(self, fault: str | None) -> None:
        self.store.fault = fault

    @rule()
    def the_store_loses_everything(self) -> None:
        self.store.entries.clear()

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.clock.forward(seconds)

    @rule(number=NUMBERS)
    def it_is_invalidated(self, number: int) -> None:
        self.fleet[number].invalidate(self.source)

    @rule(number=NUMBERS)
    def memory_is_cleared(self, number: int) -> None:
        self.fleet[number].clear()
        self.quiet_until[number] = NEVER

    @invariant()
    def nothing_is_stored_that_has_expired(self) -> None:
        for value, until in self.store.entries.values():
            assert until <= self.clock.time() + 3600
            assert b'"extra"' not in value

    def teardown(self) -> None:
        """All recovers without a restart, and one request is enough for all of them."""
        if not hasattr(self, "fleet"):
            return
        self.error, self.source.lifetime, self.store.fault = None, 3600.0, None
        for number, cache in enumerate(self.fleet):  # each finds out that the store is back
            self.clock.forward(3700.0)
            self.requester = number
            cache.token(self.source)
            renewals_end()
        self.clock.forward(3700.0)
        before = self.source.requests
        for number, cache in enumerate(self.fleet):
            self.requester = number
            cache.clear()
            self.quiet_until[number] = NEVER
        tokens = {cache.token(self.source).value for cache in self.fleet}
        assert len(tokens) == 1
        assert self.source.requests == before + 1


TestFleet = Fleet.TestCase
