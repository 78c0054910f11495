"""Walks the life of one key through whatever may happen, in any order.

``HYPOTHESIS_PROFILE=long`` tries 10,000 walks of each machine.
"""

from __future__ import annotations

import math

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from requests_cc import (
    AccessToken,
    InvalidClient,
    TemporarilyUnavailable,
    TokenCache,
    TokenEndpointTimeout,
)
from requests_cc.cache.lifecycle import Lifecycle, Rejection, Step
from requests_cc.cache.pacing import Now, renewal_time
from tests.support.sources import ManualClock, Source, outcomes, renewals_end

NEVER = Now(-math.inf, -math.inf)
SPREADS = st.sampled_from([0.0, 0.5, 1.0])
SECONDS = st.sampled_from([0.01, 0.4, 1.0, 1.3, 5.0, 29.0, 61.0, 301.0, 3600.0])
JUMPS = st.sampled_from([-3600.0, -30.0, 30.0, 3600.0])
LIFETIMES = st.sampled_from([None, -1.0, 0.0, 1.0, 2.0, 5.0, 15.0, 3600.0])
ERRORS = st.sampled_from(
    [
        OSError("foreign"),
        TokenEndpointTimeout("x"),
        InvalidClient("x"),
        TemporarilyUnavailable("x", retry_after=30.0),
        TemporarilyUnavailable("x", retry_after=-1.0),
    ]
)


class States(RuleBasedStateMachine):
    """The states alone: requests begin and end at any time, in the middle of anything else."""

    def __init__(self) -> None:
        super().__init__()
        self.state = Lifecycle()
        self.now = Now(1e6, 50.0)
        self.flying: Rejection | str | None = None
        self.began = self.now
        self.minted = 0
        self.values = ["none-yet"]
        self.rejections = [Rejection("none-yet", None)]
        self.quiet_until = self.now

    def _begin(self, why: Rejection | str) -> None:
        assert self.flying is None, "two requests at once"
        assert not self.now.until(self.quiet_until), "a request before the cool-down ended"
        self.flying, self.began = why, self.now
        self.state = self.state.requested()

    def _serve(self) -> None:
        token = self.state.token
        assert token is not None
        assert token.expires_at is None or self.now.wall < token.expires_at

    @rule()
    def a_caller_comes(self) -> None:
        step = self.state.step(self.now, None)
        if step in (Step.SERVE, Step.RENEW_AHEAD):
            self._serve()
        if step in (Step.REQUEST, Step.RENEW_AHEAD):
            self._begin("missing")
        assert (step is Step.WAIT) <= (self.flying is not None)
        assert (step is Step.FAIL) <= (self.now.until(self.quiet_until) > 0)
        assert step is not Step.DECLINE

    @rule(data=st.data())
    def an_api_rejects(self, data: st.DataObject) -> None:
        value = data.draw(st.sampled_from(self.values))
        step = self.state.step(self.now, value)
        if step is Step.SERVE:
            self._serve()
            assert self.state.token is not None
            assert self.state.token.value != value
        if step is Step.REQUEST:
            assert self.state.held_for(self.now) == 0, "a 401 renewed while held"
            self.rejections.append(Rejection(value, None))
            self._begin(self.rejections[-1])
        assert step is not Step.RENEW_AHEAD

    @precondition(lambda self: self.flying is not None)
    @rule(lifetime=LIFETIMES, again=st.booleans(), spread=SPREADS)
    def a_token_comes(self, lifetime: float | None, again: bool, spread: float) -> None:
        self.minted += 1
        value = self.values[-1] if again else f"token-{self.minted}"
        token = AccessToken(
            value, expires_at=None if lifetime is None else self.began.wall + lifetime
        )
        self.values.append(value)
        why = self.flying if isinstance(self.flying, Rejection) else None
        renew_at = renewal_time(token, self.began.wall, 60.0, spread)
        self.state = self.state.received(token, self.now, renew_at, why)
        self.flying, self.quiet_until = None, self.now
        assert self.state.step(self.now, None) is not Step.RENEW_AHEAD, "renewed at once again"

    @precondition(lambda self: self.flying is not None)
    @rule(error=ERRORS, spread=SPREADS)
    def an_error_comes(self, error: Exception, spread: float) -> None:
        self.state = self.state.failed(error, self.now, spread)
        pause = self.state.cools_for(self.now)
        self.quiet_until = self.now.after(pause)
        assert self.state.usable(self.now) or pause >= 0.79
        assert pause <= 300
        self.flying = None

    @precondition(lambda self: self.flying is not None)
    @rule()
    def the_request_is_abandoned(self) -> None:
        self.state = self.state.abandoned(self.now)
        self.flying = None

    @rule(data=st.data())
    def a_resend_is_rejected(self, data: st.DataObject) -> None:
        value = data.draw(st.sampled_from(self.values))
        cause = data.draw(st.sampled_from(self.rejections))
        self.state = self.state.rejected(value, cause, self.now)

    @rule(data=st.data())
    def a_resend_is_accepted(self, data: st.DataObject) -> None:
        held = self.state.held_for(self.now)
        value = data.draw(st.sampled_from(self.values))
        self.state = self.state.accepted(value, data.draw(st.sampled_from(self.rejections)))
        assert self.state.held_for(self.now) == held, "a hold was lifted by somebody else"

    @rule()
    def it_is_forgotten(self) -> None:
        self.state = self.state.forgotten()

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.now = Now(self.now.wall + seconds, self.now.monotonic + seconds)

    @rule(seconds=JUMPS)
    def the_wall_clock_jumps(self, seconds: float) -> None:
        self.now = Now(self.now.wall + seconds, self.now.monotonic)

    @invariant()
    def what_is_fresh_has_not_expired(self) -> None:
        token = self.state.token
        if token is None:
            assert self.state.renew_at == -math.inf
        elif token.expires_at is not None:
            assert self.state.renew_at <= token.expires_at

    @invariant()
    def it_requests_while_a_request_flies(self) -> None:
        assert self.state.requesting == (self.flying is not None)

    @invariant()
    def holds_are_bounded(self) -> None:
        assert self.state.held_for(self.now) <= 30

    def teardown(self) -> None:
        """It recovers: the request ends, the pauses are over, and a caller has a token."""
        if self.flying is not None:
            self.the_request_is_abandoned()
        self.time_passes(301.0)
        if self.state.step(self.now, self.values[-1]) is Step.REQUEST:
            self._begin("recovery")
            token = AccessToken("recovered", expires_at=self.now.wall + 100)
            self.state = self.state.received(token, self.now, self.now.wall + 75, None)
        assert self.state.step(self.now, None) in (Step.SERVE, Step.RENEW_AHEAD)


class Cache(RuleBasedStateMachine):
    """A real cache, with threads, and a source that fails when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.source = Source(self.clock)
        self.quiet_until = NEVER
        self.held_until = NEVER
        self.served: list[AccessToken] = [AccessToken("none-yet")]

    @initialize(background=st.booleans(), leeway=st.sampled_from([0.0, 5.0, 60.0]))
    def a_cache(self, background: bool, leeway: float) -> None:
        self.cache = TokenCache(leeway=leeway, background=background, clock=self.clock)
        self.source.answer = self._answer
        self.error: Exception | None = None
        self.same = False

    def _now(self) -> Now:
        return Now.read(self.clock)

    def _answer(self) -> AccessToken:
        assert not self._now().until(self.quiet_until), "a request before the cool-down ended"
        if self.error is not None:
            raise self.error
        return self.served[-1] if self.same else self.source.mint()

    def _one_by_one(self, before: int, most: int) -> None:
        renewals_end()
        stats = self.cache.stats()
        assert self.source.most_at_once <= 1, "two requests at once"
        assert self.source.requests - before <= most
        assert stats.requests == self.source.requests == stats.successes + stats.failures
        entry = self.cache._find((Source, "key"))
        cool_down = None if entry is None else entry.state.cool_down
        self.quiet_until = NEVER if cool_down is None else cool_down.until

    def _check(self, outcome: object, *, kept: bool) -> None:
        if isinstance(outcome, AccessToken):
            expired = outcome.expires_at is not None and outcome.expires_at <= self.clock.time()
            assert not (kept and expired), "an expired token was handed out"
            self.served.append(outcome)
        else:
            assert isinstance(outcome, (OSError, TokenEndpointTimeout))

    @rule()
    def a_call(self) -> None:
        before = self.source.requests
        (outcome,) = self._outcomes([None])
        # A token of no lifetime serves the call that waited for it.
        self._check(outcome, kept=self.source.requests == before)
        self._one_by_one(before, 1 if not self._dead_on_arrival() else 2)

    @rule(count=st.integers(2, 4))
    def many_calls_at_once(self, count: int) -> None:
        before = self.source.requests
        for outcome in outcomes([lambda: self.cache.token(self.source)] * count):
            self._check(outcome, kept=self.source.requests == before)
        self._one_by_one(before, 1 if not self._dead_on_arrival() else 2 * count)

    @rule(accepts=st.booleans())
    def an_api_rejects_the_current_token(self, accepts: bool) -> None:
        rejected, before = self.served[-1], self.source.requests
        renewal = self.cache.renewal(self.source, rejected)
        held = self._now().until(self.held_until) > 0
        try:
            renewed = None if renewal is None else renewal.token()
        except OSError:
            renewed = None
        assert not (held and self.source.requests > before), "a 401 renewed while held"
        if renewal is not None and renewed is not None:
            assert renewed.value != rejected.value
            self._check(renewed, kept=self.source.requests == before)
            (renewal.accepted if accepts else renewal.rejected)()
        entry = self.cache._find((Source, "key"))
        assert entry is not None
        self.held_until = self._now().after(entry.state.held_for(self._now()))
        self._one_by_one(before, 1)

    @rule(error=st.none() | ERRORS, lifetime=LIFETIMES, same=st.booleans())
    def the_server_changes(
        self, error: Exception | None, lifetime: float | None, same: bool
    ) -> None:
        self.error, self.source.lifetime, self.same = error, lifetime, same

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.clock.forward(seconds)

    @rule(seconds=JUMPS)
    def the_wall_clock_jumps(self, seconds: float) -> None:
        self.clock.jump(seconds)

    @rule()
    def it_is_invalidated(self) -> None:
        self.cache.invalidate(self.source)

    @rule()
    def everything_is_forgotten(self) -> None:
        self.cache.clear()
        self.quiet_until = self.held_until = NEVER

    def _outcomes(self, calls: list[None]) -> list[object]:
        try:
            return [self.cache.token(self.source) for _ in calls]
        except OSError as error:
            return [error]

    def _dead_on_arrival(self) -> bool:
        lifetime = self.source.lifetime
        return self.same or (lifetime is not None and lifetime <= 0)

    def teardown(self) -> None:
        """It recovers without a restart: the pauses end, and one call has a token."""
        if not hasattr(self, "cache"):
            return
        self.error, self.source.lifetime, self.same = None, 3600.0, False
        self.clock.forward(301.0)
        assert self.cache.renewal(self.source, self.served[-1]) is not None
        assert self.cache.token(self.source)
        renewals_end()


TestStates = States.TestCase
TestCache = Cache.TestCase
