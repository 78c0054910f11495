"""The pauses between token requests: every figure, and no state."""

from __future__ import annotations

import math

from ..access_token import AccessToken
from ..errors import TokenRequestError
from ..protocols import Clock
from ..threads import growing, jittered
from ..value import Value

LARGEST_LEEWAY = 0.25  # of a token's lifetime: a short-lived token is used for most of it
JITTER = 0.2  # of the leeway, and of a cool-down, to either side
LEAST_PAUSE = 1.0  # seconds between renewals ahead that bring nothing new
LAST_TRY = 5.0  # seconds before expiry, of the last renewal ahead after others failed
LONGEST_ASKED = 3600.0  # seconds that a server's Retry-After, or a source's retry_at, counts for
TRANSIENT_PAUSES = (1.0, 60.0)  # seconds: the first cool-down, the longest
PERMANENT_PAUSES = (10.0, 300.0)  # seconds, for invalid_client and other errors that people correct
HOLD_PAUSES = (1.0, 30.0)  # seconds


class Now(Value):
    """One moment on two clocks, in seconds: since the epoch, and monotonic."""

    __slots__ = ("monotonic", "wall")
    wall: float
    monotonic: float

    def __init__(self, wall: float, monotonic: float) -> None:
        self._set(wall=wall, monotonic=monotonic)

    @classmethod
    def read(cls, clock: Clock) -> Now:
        """Return this moment."""
        return cls(clock.time(), clock.monotonic())

    def after(self, seconds: float) -> Now:
        """Return the moment that comes so many seconds later."""
        return Now(self.wall + seconds, self.monotonic + seconds)

    def until(self, moment: Now) -> float:
        """Return the seconds until a moment, by the clock that says less; 0 if it has passed.

        While a machine sleeps or a process is frozen, the monotonic clock may stand still; and the
        wall clock may be set back.
        """
        return max(0.0, min(moment.wall - self.wall, moment.monotonic - self.monotonic))


def renewal_time(token: AccessToken, requested_at: float, leeway: float, spread: float) -> float:
    """Return when renewal ahead begins.

    :param requested_at: wall, when the token was requested.
    :param leeway: seconds before expiry, clamped to a quarter of the lifetime.
    :param spread: from 0 to 1, drawn at random, so that a fleet does not renew in one second.
    :returns: wall; infinity for a token without an expiry.
    """
    if token.expires_at is None:
        return math.inf
    lifetime = max(0.0, token.expires_at - requested_at)
    clamped = min(leeway, LARGEST_LEEWAY * lifetime)
    return token.expires_at - jittered(clamped, JITTER, spread)


def patience_time(token: AccessToken, requested_at: float, leeway: float, spread: float) -> float:
    """Return until when renewal ahead may be left to another process.

    Halfway from the beginning of renewal to the expiry, each process renews for itself: no caller
    has to wait because the process that holds the lock hangs.

    :param requested_at: wall, and the others, as in :func:`renewal_time`.
    :returns: wall; minus infinity for a token without an expiry.
    """
    if token.expires_at is None:
        return -math.inf
    return (renewal_time(token, requested_at, leeway, spread) + token.expires_at) / 2


def renewal_pause(token: AccessToken, before: AccessToken | None, wall: float) -> float:
    """Return the seconds for which a token is not renewed ahead, however close its expiry.

    Half of the time that the token has left: a token that arrives with little left, or again and
    again, is not requested for each call. At least a second if the request brought nothing new.

    :param before: the token that it replaces; it may be the same one.
    """
    if token.expires_at is None:
        return 0.0
    half = max(0.0, token.expires_at - wall) / 2
    return half if _lasts_longer(token, before) else max(half, LEAST_PAUSE)


def is_permanent(error: Exception) -> bool:
    """Return whether another request cannot help until somebody corrects a setting."""
    return isinstance(error, TokenRequestError) and error.permanent


def asked_pause(error: Exception, wall: float) -> float:
    """Return the seconds for which the server, or a user's own source, wants no request.

    :returns: 0 if it does not say; an hour at the most: an epoch that was sent for a number of
        seconds must not lock the client out.
    """
    if not isinstance(error, TokenRequestError):
        return 0.0
    asked = error.retry_after
    if asked is None:
        asked = 0.0 if error.retry_at is None else error.retry_at - wall
    return min(asked, LONGEST_ASKED) if asked > 0 else 0.0  # NaN is not above anything


def cool_down_pause(error: Exception, failures: int, spread: float) -> float:
    """Return the seconds without a token request after a failure, if the server names none.

    :param failures: how many failures of this kind there were in a row, this one included.
    :param spread: from 0 to 1, drawn at random: the jitter.
    """
    first, longest = PERMANENT_PAUSES if is_permanent(error) else TRANSIENT_PAUSES
    return min(longest, jittered(growing(first, longest, failures), JITTER, spread))


def longest_pause_ahead(token: AccessToken, wall: float) -> float:
    """Return the seconds after which renewal ahead is tried again, however often it failed.

    One try comes shortly before the expiry and one at the expiry, so that no pause goes on without
    a token when the server works again.
    """
    if token.expires_at is None:
        return math.inf
    left = max(0.0, token.expires_at - wall)
    return left - LAST_TRY if left >= LAST_TRY + LEAST_PAUSE else left


def hold_pause(streak: int) -> float:
    """Return the seconds of a hold, after so many renewals in a row that did not help."""
    return growing(*HOLD_PAUSES, streak)


def _lasts_longer(token: AccessToken, before: AccessToken | None) -> bool:
    if before is None or before.expires_at is None or token.expires_at is None:
        return True
    # By its value too: the expiry of one and the same token varies, if the server counts in whole
    # seconds.
    return token.value != before.value and token.expires_at > before.expires_at
