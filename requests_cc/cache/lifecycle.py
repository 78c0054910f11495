"""The states of one key, and what moves it between them: no threads, and no clock of its own.

.. code-block:: text

    what is there             a caller wants the token          an API rejected the token
    ────────────────────────  ────────────────────────────────  ─────────────────────────────────
    another, usable token     -                                 serve that one
    fresh token               serve                             declined while held, else request
    ageing token              serve, and renew ahead            declined while held, else request
    either, cooling down      serve                             declined while held, else fail
    missing or expired        request                           declined while held, else request
    ... while requesting      wait for that request             ... else wait for that request
    ... while cooling down    fail with the last error          ... else fail with the last error

A request ends as `received` (fresh again; cool-down over), as `failed` (cooling down, longer each
time) or as `abandoned` (as if it had not begun). Expiry runs on the wall clock, since the server's
``expires_in`` does; cool-downs and holds on the monotonic clock, which nobody sets back. How long
each of them lasts stands in :mod:`requests_cc.pacing`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import NamedTuple

from ..access_token import AccessToken
from ..errors import TokenRequestError, own_copy
from .pacing import LEAST_PAUSE, Now, cool_down_pause, hold_pause, is_permanent, renewal_pause


class Rejection(NamedTuple):
    """A 401: the token that it answered, by its value and when it was issued, and who got it."""

    value: str
    caller: int
    issued_at: float | None = None

    def __repr__(self) -> str:
        return f"Rejection(caller={self.caller})"  # the value is a token


class Step(Enum):
    """What is to be done for a caller."""

    SERVE = auto()
    RENEW_AHEAD = auto()  # and serve meanwhile
    REQUEST = auto()
    WAIT = auto()
    FAIL = auto()
    DECLINE = auto()


@dataclass(frozen=True, slots=True)
class CoolDown:
    """No token request is made ``until`` then (monotonic), after so many failures of one kind."""

    failures: int
    until: float
    error: Exception


@dataclass(frozen=True, slots=True)
class Hold:
    """Paces the renewals that a 401 causes, so that a path that always answers 401 cannot storm.

    It begins on trial, with the token that a 401 brought; the resend of the caller whose 401 that
    was decides. Others do not: a path that rejects every token would mint on as long as one beside
    it accepts them.

    :param streak: how many 401s in a row have minted a token that no resend was accepted with.
    :param minted: that of the last, and whose 401 it was.
    :param until: monotonic; before then ``minted`` is not renewed because of a 401.
    :param accepted: the resend was accepted: the streak is over.
    :param rejected: a resend with ``minted`` was rejected: before ``until``, no 401 renews at all.
    """

    streak: int
    minted: Rejection
    until: float
    accepted: bool = False
    rejected: bool = False

    def declines(self, now: Now, value: str) -> bool:
        """Whether a 401 to the token with this value renews nothing."""
        over = self.accepted or now.monotonic >= self.until
        return not over and (self.rejected or value == self.minted.value)


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The state of one key; each transition returns the next state.

    :param token: the current token, if there is one.
    :param renew_at: wall; the token is fresh before then, and handed out without another look: so
        never later than its expiry, and never at all without a token.
    :param requesting: a token request is under way.
    :param outdated_at: wall; when the last token that was forgotten had been issued. A store that
        could not be told of it may still have that one.
    """

    token: AccessToken | None = None
    renew_at: float = -math.inf
    requesting: bool = False
    cool_down: CoolDown | None = None
    hold: Hold | None = None
    outdated_at: float = -math.inf

    # What is so.

    def usable(self, now: Now) -> bool:
        """Whether there is a token that has not expired."""
        token = self.token
        return token is not None and (token.expires_at is None or now.wall < token.expires_at)

    def cools_for(self, now: Now) -> float:
        """The seconds until a token request may be made."""
        return 0.0 if self.cool_down is None else max(0.0, self.cool_down.until - now.monotonic)

    def held_for(self, now: Now) -> float:
        """The seconds for which no 401 renews."""
        hold = self.hold
        return max(0.0, hold.until - now.monotonic) if hold and hold.rejected else 0.0

    @property
    def last_error(self) -> Exception:
        """What callers are given while it cools down."""
        assert self.cool_down is not None  # noqa: S101 - asked for after a failure only
        return self.cool_down.error

    # What is to be done.

    def step(self, now: Now, rejected: str | None) -> Step:
        """What is to be done for a caller.

        :param rejected: the value of the token that an API rejected; None: any token will do.
        """
        cooling = self.cools_for(now) > 0
        if self.usable(now) and self._value != rejected:
            ahead = rejected is None and now.wall >= self.renew_at
            return Step.RENEW_AHEAD if ahead and not (self.requesting or cooling) else Step.SERVE
        if rejected is not None and self.hold and self.hold.declines(now, rejected):
            return Step.DECLINE
        if self.requesting:
            return Step.WAIT
        return Step.FAIL if cooling else Step.REQUEST

    # What happens.

    def requested(self) -> Lifecycle:
        """A token request begins."""
        return replace(self, requesting=True)

    def received(
        self, token: AccessToken, now: Now, renew_at: float, rejection: Rejection | None
    ) -> Lifecycle:
        """A request brought a token.

        :param renew_at: wall, as :func:`~requests_cc.pacing.renewal_time` gives it.
        :param rejection: the 401 that caused the request, if one did.
        """
        state = replace(self, requesting=False, cool_down=None)
        if rejection is not None:
            minted = Rejection(token.value, rejection.caller)
            state = state.with_hold(minted, now, rejected=token.value == rejection.value)
        if token.expires_at is not None and token.expires_at <= now.wall:
            # It serves those who waited for it; what was there before stays, unless rejected.
            if self.token is None or (rejection is not None and self._value == rejection.value):
                return state.forgotten()
            token, renew_at = self.token, -math.inf
        earliest = now.wall + renewal_pause(token, self.token, now.wall)
        return state.with_token(token, max(renew_at, earliest))

    def failed(self, error: Exception, now: Now, spread: float) -> Lifecycle:
        """A request brought an error, which every caller is given until the cool-down ends.

        :param spread: from 0 to 1, drawn at random: the jitter.
        """
        before = self.cool_down
        again = before is not None and is_permanent(before.error) == is_permanent(error)
        failures = 1 + before.failures if before is not None and again else 1
        pause = cool_down_pause(error, failures, now.wall, spread)
        if isinstance(error, TokenRequestError):
            error = own_copy(error)
            error.retry_at = now.wall + pause
        cool_down = CoolDown(failures, now.monotonic + pause, error)
        return replace(self, requesting=False, cool_down=cool_down)

    def abandoned(self, now: Now) -> Lifecycle:
        """The request ended without an outcome: its thread was killed, or could not be started, or
        lives in a parent process, or another process renews. Renewal ahead is tried again a little
        later, and before the token expires."""
        state = replace(self, requesting=False)
        if self.token is None:
            return state
        left = seconds_left(self.token, now)
        pause = LEAST_PAUSE if left is None else min(LEAST_PAUSE, max(0.0, left) / 2)
        return state.with_token(self.token, max(self.renew_at, now.wall + pause))

    def rejected(self, again: Rejection, now: Now) -> Lifecycle:
        """A resend was rejected as well: a 401 renews nothing for a while."""
        hold = self.hold
        if hold is None or hold.minted.value != again.value:
            # Of a token that is there no more nothing need be known.
            return self.with_hold(again, now, rejected=True) if self._value == again.value else self
        if hold.rejected:
            return self  # by another caller's resend already
        until = now.monotonic + hold_pause(hold.streak)
        return replace(self, hold=replace(hold, until=until, rejected=True, accepted=False))

    def accepted(self, value: str, caller: int) -> Lifecycle:
        """A caller's resend with the token of this value was accepted."""
        hold = self.hold
        if hold is None or hold.rejected or hold.minted != Rejection(value, caller):
            return self
        return replace(self, hold=replace(hold, accepted=True))

    def forgotten(self) -> Lifecycle:
        """The current token is used no more."""
        issued_at = self.token.issued_at if self.token else None
        outdated_at = self.outdated_at if issued_at is None else issued_at
        return replace(self, token=None, renew_at=-math.inf, outdated_at=outdated_at)

    @property
    def _value(self) -> str | None:
        return None if self.token is None else self.token.value

    def with_token(self, token: AccessToken, renew_at: float) -> Lifecycle:
        latest = math.inf if token.expires_at is None else token.expires_at
        return replace(self, token=token, renew_at=min(renew_at, latest))

    def with_hold(self, minted: Rejection, now: Now, *, rejected: bool) -> Lifecycle:
        before = self.hold
        streak = 1 if before is None or before.accepted else before.streak + 1
        until = now.monotonic + hold_pause(streak)
        return replace(self, hold=Hold(streak, minted, until, rejected=rejected))


def seconds_left(token: AccessToken | None, now: Now) -> float | None:
    """The seconds until a token expires; None where it does not."""
    return None if token is None or token.expires_at is None else token.expires_at - now.wall
