"""A source whose key changes during its token request: a session whose headers somebody changes."""

from __future__ import annotations

import itertools

import pytest

from requests_cc import AccessToken, ConfigurationError, TokenCache
from requests_cc.cache.flight import Flight
from requests_cc.threads import Keeper
from tests.support.sources import ManualClock, renewals_end


class Tenant:
    """Its tokens are of the tenant that is set, as those of a session are of its headers."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.cache_key = "A"
        self.during = lambda: None

    def request_token(self) -> AccessToken:
        self.during()
        numbers = f"{self.clock.time():.0f}"
        return AccessToken(f"of-{self.cache_key}-{numbers}", expires_at=self.clock.time() + 3600)

    def become(self, tenant: str) -> None:
        self.cache_key = tenant


@pytest.mark.rule(10)
def test_a_token_that_came_for_another_key_is_not_kept_for_the_old_one() -> None:
    clock = ManualClock()
    cache, source = TokenCache(clock=clock), Tenant(clock)
    source.during = lambda: source.become("B")
    assert cache.token(source).value.startswith("of-B")
    source.during = lambda: None
    source.become("A")
    assert cache.peek(source) is None
    assert cache.token(source).value.startswith("of-A")


def test_a_renewal_ahead_that_comes_too_late_requests_nothing() -> None:
    clock = ManualClock()
    cache, source = TokenCache(clock=clock), Tenant(clock)
    first = cache.token(source)
    clock.forward(3590)
    source.during = lambda: source.become("B")
    cache.token(source)
    renewals_end()
    source.during = lambda: None
    source.become("A")
    assert cache.peek(source) == first
    assert cache.stats().failures == 0


def test_a_key_that_changes_all_the_time_is_an_error_that_names_the_source() -> None:
    clock = ManualClock()
    numbers = itertools.count()
    cache, source = TokenCache(clock=clock), Tenant(clock)
    source.during = lambda: source.become(f"key {next(numbers)}")
    with pytest.raises(ConfigurationError, match="cache_key of Tenant changes"):
        cache.token(source)
    assert next(numbers) == 4


def test_a_key_that_changes_before_the_request_causes_no_request_for_the_old_one() -> None:
    class Flicker(Tenant):
        keys = iter(["A", "A", "B"])

        @property
        def cache_key(self) -> str:
            return next(self.keys, "B")

        @cache_key.setter
        def cache_key(self, _: str) -> None: ...

    clock = ManualClock()
    cache = TokenCache(clock=clock)
    assert cache.token(Flicker(clock)).value.startswith("of-B")
    assert cache.stats().requests == 1


def test_a_flight_that_was_given_up_may_still_end_without_an_outcome() -> None:
    flights = TokenCache()._flights
    flight = Flight(Keeper(), None, flights.now(), excused=False)
    flight.land()
    flights._land(flight, None)
    assert flight.outcome is None
