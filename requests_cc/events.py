"""The events of a :class:`~requests_cc.TokenCache`, and who receives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a :class:`~requests_cc.TokenCache`.

    :param source: str, which source: its ``label``, or the name of its type.
    """

    source: str


@dataclass(frozen=True, slots=True)
class TokenRequested(Event):
    """A token request begins.

    :param reason: str: ``missing`` (none was there, or it had expired), ``ahead`` (renewal before
        expiry) or ``rejected`` (an API answered 401).
    """

    reason: str


@dataclass(frozen=True, slots=True)
class TokenReceived(Event):
    """A token request brought a token.

    :param duration: float, seconds.
    :param expires_in: float or None, seconds from now.
    """

    duration: float
    expires_in: float | None


@dataclass(frozen=True, slots=True)
class TokenRequestFailed(Event):
    """A token request failed.

    :param duration: float, seconds.
    :param error: str, the name of the exception's type.
    """

    duration: float
    error: str


@dataclass(frozen=True, slots=True)
class TokenShared(Event):
    """A token that another process requested was taken from the store.

    :param reason: str, why a token was wanted, as in :class:`TokenRequested`.
    :param expires_in: float or None, seconds from now.
    """

    reason: str
    expires_in: float | None


@dataclass(frozen=True, slots=True)
class TokenRejected(Event):
    """An API answered 401 to the current token."""


@dataclass(frozen=True, slots=True)
class RenewalHeld(Event):
    """A renewal after a 401 did not help: a 401 renews nothing for a while.

    The new token was rejected as well, or the server handed out the rejected one again.

    :param seconds: float, how long.
    """

    seconds: float


@dataclass(frozen=True, slots=True)
class CoolingDown(Event):
    """After a failure no token request is made for a while.

    :param seconds: float, how long.
    """

    seconds: float


@dataclass(frozen=True, slots=True)
class RenewalAheadFailed(Event):
    """Renewal before expiry failed; the current token serves on.

    :param error: str, the name of the exception's type.
    :param expires_in: float or None, seconds that the current token has left.
    """

    error: str
    expires_in: float | None


class Observer(Protocol):
    """Is told of each :class:`Event`: any callable, such as a list's ``append``.

    Called from the thread in which it happened, with no lock held. What it raises is logged once
    and goes no further.
    """

    def __call__(self, event: Event) -> None:
        """Takes one event."""
