"""How long to wait before the next token request: every figure, and nothing that remembers."""

from __future__ import annotations

import math
from typing import NamedTuple

from ..access_token import AccessToken
from ..errors import TokenRequestError
from ..protocols import Clock

LARGEST_LEEWAY = 0.25  # of a token's lifetime: a short-lived token is used for most of it
JITTER = 0.2  # of the leeway, and of a cool-down, to either side
LEAST_PAUSE = 1.0  # seconds between renewals ahead that bring nothing new
TRANSIENT_PAUSES = (1.0, 60.0)  # seconds: the first cool-down, the longest
PERMANENT_PAUSES = (10.0, 300.0)  # seconds: invalid_client and its like, which people mend
HOLD_PAUSES = (1.0, 30.0)  # seconds


def renewal_time(token: AccessToken, requested_at: float, leeway: float, spread: float) -> float:
    """When renewal ahead begins.

    :param requested_at: wall, when the token was requested.
    :param leeway: seconds before expiry, clamped to a quarter of the lifetime.
    :param spread: from 0 to 1, drawn at random, so that a fleet does not renew in one second.
    :returns: wall; infinity for a token without an expiry.
    """
    if token.expires_at is None:
        return math.inf
    lifetime = max(0.0, token.expires_at - requested_at)
    clamped = min(leeway, LARGEST_LEEWAY * lifetime)
    return token.expires_at - clamped * _jittered(spread)


def renewal_pause(token: AccessToken, before: AccessToken | None, wall: float) -> float:
    """The seconds that a token serves before it is renewed ahead, however close its expiry.

    Half of what is left: a token that arrives with little left, or again and again, is not
    requested for each call. What brought nothing new waits a second at least.

    :param before: the token that it takes the place of, or is.
    """
    if token.expires_at is None:
        return 0.0
    half = max(0.0, token.expires_at - wall) / 2
    return half if _lasts_longer(token, before) else max(half, LEAST_PAUSE)


def is_permanent(error: Exception) -> bool:
    """Whether asking again cannot help until somebody mends a setting."""
    return isinstance(error, TokenRequestError) and error.permanent


def cool_down_pause(error: Exception, failures: int, wall: float, spread: float) -> float:
    """The seconds without a token request after a failure: what was asked for, or else our own.

    :param failures: how many of this kind there were in a row, this one included.
    :param spread: from 0 to 1, drawn at random: the jitter.
    """
    asked = _asked_pause(error, wall)
    if 0 < asked < math.inf:
        return asked  # exactly: the server knows best
    first, longest = PERMANENT_PAUSES if is_permanent(error) else TRANSIENT_PAUSES
    return min(longest, _growing(first, longest, failures) * _jittered(spread))


def hold_pause(streak: int) -> float:
    """The seconds for which a 401 renews nothing, after so many renewals that did not help."""
    return _growing(*HOLD_PAUSES, streak)


def _asked_pause(error: Exception, wall: float) -> float:
    """The seconds that the server, or a user's own source, asked to be left alone."""
    if not isinstance(error, TokenRequestError):
        return 0.0
    if error.retry_after is not None:
        return error.retry_after
    return 0.0 if error.retry_at is None else error.retry_at - wall


def _lasts_longer(token: AccessToken, before: AccessToken | None) -> bool:
    if before is None or before.expires_at is None or token.expires_at is None:
        return True
    # By its value too: an expiry counted from whole seconds wanders, for one and the same token.
    return token.value != before.value and token.expires_at > before.expires_at


def _growing(first: float, longest: float, count: int) -> float:
    return float(min(longest, first * 2.0 ** min(count - 1, 32)))


def _jittered(spread: float) -> float:
    return 1.0 - JITTER + 2 * JITTER * spread


class Now(NamedTuple):
    """One moment on two clocks, seconds: since the epoch, and monotonic."""

    wall: float
    monotonic: float

    @classmethod
    def read(cls, clock: Clock) -> Now:
        """This moment."""
        return cls(clock.time(), clock.monotonic())
