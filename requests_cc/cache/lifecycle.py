"""The states of one key, and what moves it between them: no threads, and no clock of its own.

:data:`STEPS` is the table of what to do for a caller. The methods of :class:`Lifecycle` that are
named for an event (``requested``, ``received``, ``failed``, ``abandoned``, ``accepted``,
``rejected``, ``forgotten``) return the state after it.

Expiry runs on the wall clock, as the server's ``expires_in`` does. Cool-downs and holds end when
one of both clocks says so. Their lengths are in :mod:`requests_cc.cache.pacing`.
"""

from __future__ import annotations

import math
from typing import Any

from ..access_token import AccessToken
from ..errors import TokenRequestError, own_copy
from ..value import Value
from .pacing import (
    LEAST_PAUSE,
    Now,
    asked_pause,
    cool_down_pause,
    hold_pause,
    is_permanent,
    longest_pause_ahead,
    renewal_pause,
)


class Step:
    """The next step for a caller."""

    SERVE = "serve"
    RENEW_AHEAD = "renew ahead"  # and serve the current token
    REQUEST = "request"
    WAIT = "wait"  # for the request under way
    FAIL = "fail"  # with the last error
    DECLINE = "decline"  # the rejection goes to the caller


# What a key has for a caller:
FRESH = "fresh"  # a usable token; after a rejection, one that is not the rejected token
AGEING = "ageing"  # a usable token that is due to be renewed; after a rejection it counts as fresh
NONE = "none"  # no token, an expired one or the rejected one
HELD = "held"  # the same, and no rejection of that token may cause a renewal now

#: The step for a caller, by what the key has for it and by what the key is doing.
STEPS = {
    #        idle               requesting     cooling down
    FRESH:  (Step.SERVE,        Step.SERVE,    Step.SERVE),
    AGEING: (Step.RENEW_AHEAD,  Step.SERVE,    Step.SERVE),
    NONE:   (Step.REQUEST,      Step.WAIT,     Step.FAIL),
    HELD:   (Step.DECLINE,      Step.DECLINE,  Step.DECLINE),
}  # fmt: skip
IDLE, REQUESTING, COOLING_DOWN = range(3)


class Rejection:
    """The rejection of a token by an API, as one renewal handles it; equal only to itself.

    :param value: str, of the rejected token.
    :param issued_at: float or None, of that token, seconds since the epoch.
    """

    __slots__ = ("issued_at", "value")

    def __init__(self, value: str, issued_at: float | None) -> None:
        self.value = value
        self.issued_at = issued_at


class CoolDown:
    """A pause in the token requests of one key, after one or more failures.

    :param failures: how many of one kind there were in a row.
    :param until: no token request is made before this moment.
    :param error: the last one.
    :param failed_at: when it was raised.
    :param ahead: a usable token was there: renewal ahead failed, or a renewal after a rejection.
    :param excuses: callers who waited for that request need not share its failure.
    """

    __slots__ = ("ahead", "error", "excuses", "failed_at", "failures", "until")

    def __init__(
        self,
        failures: int,
        until: Now,
        error: Exception,
        failed_at: Now,
        ahead: bool,
        excuses: bool,
    ) -> None:
        self.failures = failures
        self.until = until
        self.error = error
        self.failed_at = failed_at
        self.ahead = ahead
        self.excuses = excuses


class Hold:
    """A pause in the renewals that rejections cause: a path that always rejects must not storm.

    A hold begins as a trial of the token that a renewal brought. Only the resend of the caller
    whose rejection caused that renewal ends the trial: another path may accept tokens that this one
    always rejects.

    :param streak: how many renewals in a row brought a token that no resend was accepted with.
    :param renewed: the value of the last such token.
    :param cause: the rejection that caused its renewal.
    :param until: before this moment a rejection of ``renewed`` causes no renewal.
    :param accepted: the resend was accepted, and the streak is over.
    :param rejected: the resend was rejected: before ``until``, no rejection causes a renewal.
    """

    __slots__ = ("accepted", "cause", "rejected", "renewed", "streak", "until")

    def __init__(
        self,
        streak: int,
        renewed: str,
        cause: Rejection,
        until: Now,
        *,
        accepted: bool = False,
        rejected: bool = False,
    ) -> None:
        self.streak = streak
        self.renewed = renewed
        self.cause = cause
        self.until = until
        self.accepted = accepted
        self.rejected = rejected

    def declines(self, now: Now, value: str) -> bool:
        """Return whether a rejection of the token with this value causes no renewal."""
        over = self.accepted or not now.until(self.until)
        return not over and (self.rejected or value == self.renewed)

    def __repr__(self) -> str:  # without the token
        return f"<Hold streak={self.streak} accepted={self.accepted} rejected={self.rejected}>"


class Lifecycle(Value):
    """The state of one key.

    :param token: the current token, if there is one.
    :param renew_at: wall; the token is handed out without a further check before then. So it is
        never later than the token's expiry, and minus infinity without a token.
    :param requesting: a token request is under way.
    :param outdated_at: wall; ``issued_at`` of the last token that was forgotten. A store that was
        down may still have that token.
    """

    # A hit reads two of its slots, which takes half the time of reading a named tuple.
    __slots__ = ("cool_down", "hold", "outdated_at", "renew_at", "requesting", "token")

    token: AccessToken | None
    renew_at: float
    requesting: bool
    cool_down: CoolDown | None
    hold: Hold | None
    outdated_at: float

    def __init__(
        self,
        token: AccessToken | None = None,
        renew_at: float = -math.inf,
        requesting: bool = False,
        cool_down: CoolDown | None = None,
        hold: Hold | None = None,
        outdated_at: float = -math.inf,
    ) -> None:
        self._set(
            token=token,
            renew_at=renew_at,
            requesting=requesting,
            cool_down=cool_down,
            hold=hold,
            outdated_at=outdated_at,
        )

    # Queries.

    def usable(self, now: Now) -> bool:
        """Return whether there is a token that has not expired."""
        token = self.token
        return token is not None and (token.expires_at is None or now.wall < token.expires_at)

    def cools_for(self, now: Now) -> float:
        """Return the seconds until a token request may be made."""
        return 0.0 if self.cool_down is None else now.until(self.cool_down.until)

    def held_for(self, now: Now) -> float:
        """Return the seconds for which no rejection causes a renewal."""
        hold = self.hold
        return now.until(hold.until) if hold and hold.rejected else 0.0

    def repeated_error(self, now: Now) -> Exception:
        """Return a copy of the last error that says how old it is."""
        assert self.cool_down is not None  # noqa: S101 - callers come here during a cool-down only
        error = own_copy(self.cool_down.error)
        if isinstance(error, TokenRequestError):
            error.age = max(0.0, now.monotonic - self.cool_down.failed_at.monotonic)
        return error

    @property
    def last_error(self) -> Exception:
        """The error that callers get during a cool-down."""
        assert self.cool_down is not None  # noqa: S101 - callers come here after a failure only
        return self.cool_down.error

    def step(self, now: Now, rejected: str | None, *, excused: bool = False) -> str:
        """Return what to do for a caller, one of :class:`Step`.

        :param rejected: the value of the token that an API rejected; None: any token will do.
        :param excused: the caller waited for a renewal ahead that began before it came and failed:
            it makes a request of its own.
        """
        doing = IDLE
        if self.requesting:
            doing = REQUESTING
        elif self.cool_down and now.until(self.cool_down.until):
            doing = IDLE if excused and self.cool_down.excuses else COOLING_DOWN
        return STEPS[self._has(now, rejected)][doing]

    def _has(self, now: Now, rejected: str | None) -> str:
        if self.usable(now) and self._value != rejected:
            return AGEING if rejected is None and now.wall >= self.renew_at else FRESH
        held = rejected is not None and self.hold and self.hold.declines(now, rejected)
        return HELD if held else NONE

    # Transitions.

    def requested(self) -> Lifecycle:
        """Begin a token request."""
        return self._with(requesting=True)

    def received(
        self, token: AccessToken, now: Now, renew_at: float, rejection: Rejection | None
    ) -> Lifecycle:
        """End a request with a token.

        :param renew_at: wall, from :func:`~requests_cc.cache.pacing.renewal_time`.
        :param rejection: the rejection that caused the request, if one did.
        """
        state = self._with(requesting=False, cool_down=None)
        if rejection is not None:
            unchanged = token.value == rejection.value
            state = state.with_hold(token.value, rejection, now, rejected=unchanged)
        if token.expires_at is not None and token.expires_at <= now.wall:
            # It serves those who waited for it. The token before it stays, unless rejected.
            if self.token is None or (rejection is not None and self._value == rejection.value):
                return state.forgotten()
            token, renew_at = self.token, -math.inf
        earliest = now.wall + renewal_pause(token, self.token, now.wall)
        return state.with_token(token, max(renew_at, earliest))

    def failed(
        self, error: Exception, now: Now, spread: float, *, ahead: bool = False
    ) -> Lifecycle:
        """End a request with an error; callers get the error until the cool-down ends.

        :param spread: from 0 to 1, drawn at random: the jitter.
        :param ahead: the request renewed a usable token, which may have expired since.
        """
        spare = ahead or self.usable(now)
        failures = self._failures(error, ahead=spare)
        asked = asked_pause(error, now.wall)
        pause = asked or cool_down_pause(error, failures, spread)
        if spare and not asked:
            left = 0.0 if self.token is None else longest_pause_ahead(self.token, now.wall)
            pause = min(pause, left)
        error = own_copy(error)  # without traceback: it would keep the frames of its callers
        if isinstance(error, TokenRequestError):
            error.retry_at = now.wall + pause
        until, excuses = now.after(pause), ahead and not asked
        cool_down = CoolDown(failures, until, error, now, ahead=spare, excuses=excuses)
        return self._with(requesting=False, cool_down=cool_down)

    def _failures(self, error: Exception, *, ahead: bool) -> int:
        before = self.cool_down
        if before is None or is_permanent(before.error) != is_permanent(error):
            return 1
        # Without a token the pauses start over: callers wait now, and the server may work again.
        return 1 if before.ahead and not ahead else 1 + before.failures

    def abandoned(self, now: Now) -> Lifecycle:
        """End a request without an outcome; renewal ahead is tried again before the token expires.

        Its thread was killed, could not be started or belongs to a parent process, or another
        process renews.
        """
        state = self._with(requesting=False)
        if self.token is None:
            return state
        left = seconds_left(self.token, now)
        pause = LEAST_PAUSE if left is None else min(LEAST_PAUSE, max(0.0, left) / 2)
        return state.with_token(self.token, max(self.renew_at, now.wall + pause))

    def rejected(self, value: str, cause: Rejection, now: Now) -> Lifecycle:
        """Begin a hold: the resend, with the token of this value, was rejected as before."""
        hold = self.hold
        if hold is None or hold.renewed != value:
            if self._value != value:
                return self  # that token has been replaced; its rejection no longer matters
            return self.with_hold(value, cause, now, rejected=True)
        if hold.rejected:
            return self  # by another caller's resend
        until = now.after(hold_pause(hold.streak))
        return self._with(hold=Hold(hold.streak, value, hold.cause, until, rejected=True))

    def accepted(self, value: str, cause: Rejection) -> Lifecycle:
        """End the streak of holds: the resend, with the token of this value, was accepted."""
        hold = self.hold
        if hold is None or hold.rejected or hold.renewed != value or hold.cause is not cause:
            return self
        return self._with(hold=Hold(hold.streak, value, cause, hold.until, accepted=True))

    def forgotten(self) -> Lifecycle:
        """Drop the current token."""
        issued_at = self.token.issued_at if self.token else None
        outdated_at = self.outdated_at if issued_at is None else issued_at
        return self._with(token=None, renew_at=-math.inf, outdated_at=outdated_at)

    # Parts of transitions.

    def _with(self, **changes: Any) -> Lifecycle:
        return type(self)(**{**self._given(), **changes})

    @property
    def _value(self) -> str | None:
        return None if self.token is None else self.token.value

    def with_token(self, token: AccessToken, renew_at: float) -> Lifecycle:
        latest = math.inf if token.expires_at is None else token.expires_at
        return self._with(token=token, renew_at=min(renew_at, latest))

    def with_hold(self, renewed: str, cause: Rejection, now: Now, *, rejected: bool) -> Lifecycle:
        before = self.hold
        streak = 1 if before is None or before.accepted else before.streak + 1
        until = now.after(hold_pause(streak))
        return self._with(hold=Hold(streak, renewed, cause, until, rejected=rejected))


def seconds_left(token: AccessToken | None, now: Now) -> float | None:
    """Return the seconds until a token expires, or None if it does not."""
    return None if token is None or token.expires_at is None else token.expires_at - now.wall
