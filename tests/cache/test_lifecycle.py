"""The states of one key: what each does for a caller, and what moves it on."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, strategies as st

from requests_cc.access_token import AccessToken
from requests_cc.cache.lifecycle import Lifecycle, Rejection, Step, seconds_left
from requests_cc.cache.pacing import (
    Now,
    cool_down_pause,
    hold_pause,
    patience_time,
    renewal_pause,
    renewal_time,
)
from requests_cc.errors import (
    ConfigurationError,
    InvalidClient,
    TemporarilyUnavailable,
    TokenRequestError,
)

START = Now(1000.0, 50.0)
ME, OTHER = Rejection("one", None), Rejection("one", None)


def later(seconds: float, now: Now = START) -> Now:
    return Now(now.wall + seconds, now.monotonic + seconds)


def token(value: str = "one", lifetime: float | None = 100.0, now: Now = START) -> AccessToken:
    return AccessToken(value, expires_at=None if lifetime is None else now.wall + lifetime)


def fresh(value: str = "one", lifetime: float | None = 100.0, now: Now = START) -> Lifecycle:
    one = token(value, lifetime, now)
    return Lifecycle().requested().received(one, now, renewal_time(one, now.wall, 20, 0.5), None)


def after_401(state: Lifecycle, value: str, now: Now, cause: Rejection = ME) -> Lifecycle:
    """A 401 to the current token brings another."""
    assert state.token is not None
    minted = token(value, 100.0, now)
    renew_at = renewal_time(minted, now.wall, 20, 0.5)
    cause.value = state.token.value
    return state.requested().received(minted, now, renew_at, cause)


def test_a_key_without_a_token_requests_one_and_others_wait_for_it() -> None:
    assert Lifecycle().step(START, None) is Step.REQUEST
    assert Lifecycle().requested().step(START, None) is Step.WAIT


@pytest.mark.parametrize(
    ("seconds", "step"),
    [(0, Step.SERVE), (79, Step.SERVE), (80, Step.RENEW_AHEAD), (99, Step.RENEW_AHEAD)],
)
def test_a_token_is_fresh_then_ageing(seconds: float, step: Step) -> None:
    assert fresh().step(later(seconds), None) is step


@pytest.mark.rule(12)
def test_an_expired_token_is_never_served() -> None:
    assert fresh().step(later(100), None) is Step.REQUEST
    assert fresh().requested().step(later(100), None) is Step.WAIT
    failed = fresh().failed(OSError(), later(100), 0.5)
    assert failed.step(later(100), None) is Step.FAIL


@pytest.mark.rule(12)
def test_an_ageing_token_serves_on_while_requesting_and_cooling_down() -> None:
    assert fresh().requested().step(later(90), None) is Step.SERVE
    failed = fresh().requested().failed(OSError(), later(90), 0.5)
    assert failed.step(later(90.5), None) is Step.SERVE
    assert failed.step(later(91), None) is Step.RENEW_AHEAD


def test_a_token_without_expiry_serves_until_a_401() -> None:
    state = fresh(lifetime=None)
    assert state.step(later(1e9), None) is Step.SERVE
    assert state.step(later(1e9), "one") is Step.REQUEST
    assert seconds_left(state.token, START) is None
    assert seconds_left(token(), START) == 100
    assert seconds_left(None, START) is None


def test_a_late_401_for_an_older_token_is_served_the_newer_one_even_while_held() -> None:
    state = after_401(fresh(), "two", START).rejected("two", ME, START)
    assert state.step(START, "one") is Step.SERVE
    assert state.step(START, "two") is Step.DECLINE


def test_a_401_waits_for_a_request_under_way_and_fails_while_cooling_down() -> None:
    assert fresh().requested().step(START, "one") is Step.WAIT
    failed = fresh().failed(OSError(), START, 0.5)
    assert failed.step(START, "one") is Step.FAIL
    assert failed.step(later(1), "one") is Step.REQUEST


def test_a_minted_token_is_on_trial_until_its_resend_is_accepted() -> None:
    state = after_401(fresh(), "two", START)
    assert state.held_for(START) == 0
    assert state.step(START, "two") is Step.DECLINE
    assert state.accepted("two", OTHER).step(START, "two") is Step.DECLINE
    assert state.accepted("one", ME).step(START, "two") is Step.DECLINE
    assert state.accepted("two", ME).step(START, "two") is Step.REQUEST
    assert state.step(later(1), "two") is Step.REQUEST


def test_a_trial_says_nothing_of_a_token_that_comes_after() -> None:
    state = after_401(fresh(), "two", START)
    three = token("three")
    state = state.requested().received(three, START, 1080.0, None)
    assert state.step(START, "three") is Step.REQUEST


@pytest.mark.rule(8)
def test_holds_double_to_thirty_seconds_and_start_over_once_accepted() -> None:
    state, now, pauses = fresh(), START, []
    for number in range(8):
        state = after_401(state, f"minted-{number}", now)
        state = state.rejected(f"minted-{number}", ME, now)
        pauses.append(state.held_for(now))
        now = later(state.held_for(now), now)
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    state = after_401(state, "good", now).accepted("good", ME)
    state = after_401(state, "bad", now).rejected("bad", ME, now)
    assert state.held_for(now) == 1


def renewed(state: Lifecycle, now: Now) -> Lifecycle:
    """A request that no 401 caused brings another token."""
    another = token(f"renewed-{now.wall}", 100.0, now)
    return state.requested().received(another, now, renewal_time(another, now.wall, 20, 0.5), None)


@pytest.mark.rule(8)
@pytest.mark.parametrize(
    "event",
    [
        renewed,
        lambda state, now: renewed(state.forgotten(), now),
        lambda state, now: state.requested().failed(InvalidClient("no"), now, 0.5),
        lambda state, now: state.requested().abandoned(now),
        lambda state, _: state.accepted("minted-1", ME),
        lambda state, _: state.accepted("minted-0", ME),
    ],
    ids=["renewal", "forgotten", "failure", "abandoned", "accepted late", "accepted later still"],
)
def test_nothing_but_an_accepted_resend_starts_the_holds_over(event) -> None:
    state, now = fresh(), START
    for number in range(2):
        state = after_401(state, f"minted-{number}", now)
        state = state.rejected(f"minted-{number}", ME, now)
        now = later(state.held_for(now) + 3600, now)  # nor does time
    state = after_401(event(state, now), "bad", now).rejected("bad", ME, now)
    assert state.held_for(now) == 4


@pytest.mark.rule(8)
def test_a_real_hold_is_not_lifted_by_anybody_nor_lengthened_by_the_next_rejection() -> None:
    state = after_401(fresh(), "two", START).rejected("two", ME, START)
    assert state.accepted("two", ME) is state
    assert state.rejected("two", OTHER, later(0.5)) is state


@pytest.mark.rule(14)
def test_a_hold_ends_when_either_clock_says_so() -> None:
    one = AccessToken("one")  # its expiry runs on the wall clock, so it has none
    trial = Lifecycle(one).received(AccessToken("two"), START, math.inf, ME)
    held = trial.rejected("two", ME, START)
    for state in (trial, held):
        assert state.step(Now(START.wall + 1, START.monotonic), "two") is Step.REQUEST
        assert state.step(Now(START.wall, START.monotonic + 1), "two") is Step.REQUEST


@pytest.mark.rule(14)
@pytest.mark.parametrize("jump", [-7200, -1])
def test_a_hold_is_not_lengthened_by_a_wall_clock_that_is_set_back(jump: float) -> None:
    jumped = Now(START.wall + jump, START.monotonic)
    one = AccessToken("one")  # its expiry runs on the wall clock, so it has none
    trial = Lifecycle(one).received(AccessToken("two"), START, math.inf, ME)
    held = trial.rejected("two", ME, START)
    assert held.held_for(jumped) == 1
    for state in (trial, held):
        assert state.step(jumped, "two") is Step.DECLINE
        assert state.step(Now(jumped.wall, START.monotonic + 1), "two") is Step.REQUEST


def test_a_rejection_of_a_token_that_is_there_no_more_changes_nothing() -> None:
    state = fresh("two")
    assert state.rejected("one", ME, START) is state
    assert Lifecycle().accepted("one", ME) == Lifecycle()


def test_a_resend_rejected_with_a_token_that_no_401_brought_is_held_too() -> None:
    state = fresh("two").rejected("two", ME, START)
    assert state.held_for(START) == 1
    assert state.step(START, "two") is Step.DECLINE


@pytest.mark.rule(8)
def test_the_same_token_handed_back_after_a_401_is_held() -> None:
    state = after_401(fresh(), "one", START)
    assert state.held_for(START) == 1


@pytest.mark.rule(13)
def test_the_same_token_returned_is_requested_again_at_half_of_what_is_left() -> None:
    state, now, requests = fresh(lifetime=3600.0), START, 0
    one = state.token
    assert one is not None
    assert one.expires_at is not None
    for now in (later(seconds) for seconds in range(3600)):
        if state.step(now, None) is Step.RENEW_AHEAD:
            requests += 1
            renew_at = renewal_time(one, START.wall, 60, 0.5)
            state = state.requested().received(one, now, renew_at, None)
    assert 3 <= requests <= 10


def test_what_brought_nothing_new_is_requested_again_after_a_second_at_least() -> None:
    one = token(lifetime=0.5)
    assert renewal_pause(one, one, START.wall) == 1
    assert renewal_pause(token("two", lifetime=0.5), one, START.wall) == 1
    assert renewal_pause(token("two", lifetime=0.6), one, START.wall) == pytest.approx(0.3)
    assert renewal_pause(one, None, START.wall) == 0.25


def test_no_token_counts_as_fresh_beyond_its_expiry() -> None:
    one = token()
    handed_back = fresh().requested().received(one, later(99.5), math.inf, None)
    assert handed_back.renew_at == one.expires_at  # and not a second from now


def test_a_dead_token_is_not_kept_and_leaves_a_living_one_alone() -> None:
    dead = token("dead", 0.0, later(90))
    assert Lifecycle().requested().received(dead, later(90), 1090, None) == Lifecycle()
    kept = fresh().requested().received(dead, later(90), 1090, None)
    assert kept.token == token()
    assert kept.step(later(90), None) is Step.SERVE
    assert kept.step(later(95), None) is Step.RENEW_AHEAD
    replaced = fresh().requested().received(dead, later(90), 1090, ME)
    assert replaced.token is None
    assert replaced.renew_at == -math.inf


def test_an_abandoned_request_is_made_again() -> None:
    assert Lifecycle().requested().abandoned(START).step(START, None) is Step.REQUEST
    state = fresh().requested().abandoned(later(90))
    assert state.step(later(90), None) is Step.SERVE
    assert state.step(later(91), None) is Step.RENEW_AHEAD


def test_after_an_abandoned_renewal_another_is_due_before_the_token_expires() -> None:
    state = fresh(lifetime=2.0).requested().abandoned(later(1.6))
    assert state.step(later(1.79), None) is Step.SERVE
    assert state.step(later(1.81), None) is Step.RENEW_AHEAD
    assert fresh(lifetime=None).abandoned(later(9)).renew_at == math.inf


def test_of_a_token_that_was_forgotten_it_is_known_how_old_it_was() -> None:
    one = AccessToken("one", expires_at=START.wall + 100, issued_at=START.wall - 5)
    state = Lifecycle().received(one, START, 1080.0, None).forgotten()
    assert state.outdated_at == state.forgotten().outdated_at == START.wall - 5
    assert fresh().forgotten().outdated_at == -math.inf


def test_an_abandoned_request_for_a_forgotten_token_leaves_nothing_fresh() -> None:
    state = fresh().requested().forgotten().abandoned(later(90))
    assert state.renew_at == -math.inf


@pytest.mark.rule(11)
@pytest.mark.parametrize(
    ("error", "pauses"),
    [
        (OSError(), [1, 2, 4, 8, 16, 32, 60, 60]),
        (ConfigurationError("x"), [1, 2, 4, 8, 16, 32, 60, 60]),
        (TemporarilyUnavailable("x"), [1, 2, 4, 8, 16, 32, 60, 60]),
        (InvalidClient("x"), [10, 20, 40, 80, 160, 300, 300]),
    ],
)
def test_cool_downs_grow(error: Exception, pauses: list[float]) -> None:
    state = Lifecycle()
    for pause in pauses:
        state = state.requested().failed(error, START, 0.5)
        assert state.cools_for(START) == pytest.approx(pause)


@pytest.mark.rule(11)
def test_failures_of_the_other_kind_are_counted_apart() -> None:
    state = Lifecycle()
    for _ in range(5):
        state = state.failed(OSError(), START, 0.5)
    assert state.failed(InvalidClient("x"), START, 0.5).cools_for(START) == pytest.approx(10)


@pytest.mark.rule(11)
def test_a_success_ends_the_cool_down_and_its_growth() -> None:
    state = Lifecycle().failed(OSError(), START, 0.5).failed(OSError(), START, 0.5)
    state = state.received(token(), START, 1080, None)
    assert state.cools_for(START) == 0
    assert state.failed(OSError(), START, 0.5).cools_for(START) == pytest.approx(1)


@pytest.mark.rule(11)
@pytest.mark.parametrize("spread", [0.0, 0.3, 1.0])
def test_retry_after_is_honoured_to_the_second(spread: float) -> None:
    error = TemporarilyUnavailable("x", retry_after=30.0)
    state = Lifecycle().failed(error, START, spread)
    assert state.step(later(29.999), None) is Step.FAIL
    assert state.step(later(30), None) is Step.REQUEST
    told = state.last_error
    assert isinstance(told, TemporarilyUnavailable)
    assert told.retry_at == START.wall + 30
    assert error.retry_at is None


def test_a_sources_own_retry_at_is_honoured() -> None:
    state = Lifecycle().failed(TokenRequestError("x", retry_at=START.wall + 7), START, 0.0)
    assert state.cools_for(START) == 7


@pytest.mark.parametrize("asked", [0.0, -5.0, -math.inf, math.nan])
def test_a_pause_that_is_none_is_not_honoured(asked: float) -> None:
    state = Lifecycle().failed(TokenRequestError("x", retry_after=asked), START, 0.5)
    assert state.cools_for(START) == 1


@pytest.mark.rule(11)
@pytest.mark.parametrize("asked", [3601.0, START.wall + 1_800_000_000, 1e12, math.inf])
def test_a_retry_after_counts_for_an_hour_at_the_most(asked: float) -> None:
    for error in (
        TemporarilyUnavailable("x", retry_after=asked),
        TokenRequestError("x", retry_at=START.wall + asked),
    ):
        state = Lifecycle().failed(error, START, 0.5)
        assert state.step(later(3599), None) is Step.FAIL
        assert state.step(later(3600), None) is Step.REQUEST


@pytest.mark.rule(11)
@pytest.mark.parametrize("error", [OSError(), InvalidClient("x")])
def test_after_failures_ahead_there_is_a_try_shortly_before_expiry_and_one_at_expiry(
    error: Exception,
) -> None:
    one = token(lifetime=1000.0)
    state, tries = Lifecycle(one, renew_at=START.wall + 900), []
    for tenths in range(9000, 10010):
        now = later(tenths / 10)
        if state.step(now, None) in (Step.RENEW_AHEAD, Step.REQUEST):
            tries.append(tenths / 10)
            ahead = state.usable(now)
            state = state.requested().failed(error, now, 0.5, ahead=ahead)
    assert tries[0] == 900
    assert [moment for moment in tries if 990 < moment < 1000] == [995]
    assert tries[-1] == 1000
    assert len(tries) <= 10


@pytest.mark.rule(11)
def test_pauses_start_over_once_callers_have_no_token() -> None:
    state = fresh(lifetime=1000.0)
    for _ in range(7):
        state = state.requested().failed(OSError(), later(900), 0.5, ahead=True)
    state = state.requested().failed(OSError(), later(1000), 0.5)
    assert state.cools_for(later(1000)) == pytest.approx(1)


@pytest.mark.rule(11)
def test_a_renewal_ahead_that_fails_after_the_expiry_leaves_no_pause() -> None:
    state = fresh().requested().failed(OSError(), later(500), 0.5, ahead=True)
    assert state.step(later(500), None) is Step.REQUEST


@pytest.mark.rule(11)
def test_retry_after_is_honoured_beyond_the_expiry_of_the_token() -> None:
    error = TemporarilyUnavailable("x", retry_after=60.0)
    state = fresh().requested().failed(error, later(90), 0.5, ahead=True)
    assert state.step(later(149), None) is Step.FAIL
    assert state.step(later(149), None, excused=True) is Step.FAIL
    assert state.step(later(150), None) is Step.REQUEST


@pytest.mark.rule(11)
@given(st.floats(0, 1), st.integers(1, 10_000))
def test_cool_downs_are_jittered_and_bounded(spread: float, failures: int) -> None:
    pause = cool_down_pause(OSError(), failures, spread)
    assert 0.8 <= pause <= 60
    assert cool_down_pause(OSError(), 1, 0) < cool_down_pause(OSError(), 1, 1)
    assert 1 <= hold_pause(failures) <= 30


@pytest.mark.rule(13)
@given(
    lifetime=st.floats(0.001, 1e6),
    leeway=st.floats(0, 1e6),
    spread=st.floats(0, 1),
    # Of less than a thousandth half is left, or none: there the clock itself has no half.
    on_the_way=st.floats(0, 0.999) | st.just(1.0),
)
def test_a_token_is_used_for_most_of_its_life(
    lifetime: float, leeway: float, spread: float, on_the_way: float
) -> None:
    one = token(lifetime=lifetime)
    begins = renewal_time(one, START.wall, leeway, spread)
    assert one.expires_at is not None
    assert START.wall + 0.69 * lifetime <= begins + 1e-3
    assert begins <= one.expires_at
    now = later(on_the_way * lifetime)
    state = Lifecycle().requested().received(one, now, begins, None)
    assert state.renew_at <= one.expires_at
    assert state.step(now, None) in (Step.SERVE, Step.REQUEST)


@pytest.mark.rule(13)
@pytest.mark.parametrize("lifetime", [1.0, 2.0, 5.0, 15.0])
def test_a_short_lived_token_is_renewed_once_in_its_life(lifetime: float) -> None:
    one = token(lifetime=lifetime)
    share = (renewal_time(one, START.wall, 60.0, 0.5) - START.wall) / lifetime
    assert share == pytest.approx(0.75)


@pytest.mark.rule(12)
def test_renewal_ahead_is_jittered() -> None:
    begins = [renewal_time(token(), START.wall, 20, spread) for spread in (0.0, 0.5, 1.0)]
    assert begins == pytest.approx([1084, 1080, 1076])


def test_renewal_ahead_is_left_to_another_process_for_half_of_its_time() -> None:
    assert patience_time(token(), START.wall, 20, 0.5) == pytest.approx(1090)
    assert patience_time(token(lifetime=None), START.wall, 20, 0.5) == -math.inf


def test_a_token_whose_expiry_lies_before_its_issue_has_no_leeway() -> None:
    assert renewal_time(token(lifetime=-5), START.wall, 60, 0.5) == START.wall - 5
    assert renewal_pause(token(lifetime=-5), None, START.wall) == 0


def test_no_repr_shows_a_token() -> None:
    state = after_401(fresh("secret-one"), "secret-two", START)
    assert "secret" not in repr(state)
    assert "secret" not in repr(Rejection("secret", ME))
