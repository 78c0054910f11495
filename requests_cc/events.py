"""The events of a :class:`~requests_cc.TokenCache`, and who receives them.

No event holds a token or a secret.
"""

from __future__ import annotations

from typing import Protocol

from .value import Value


class Event(Value):
    """Something that happened in a :class:`~requests_cc.TokenCache`.

    :param source: str, which source: its ``label``, or the name of its type.

    Frozen, and equal to an event of the same type with equal fields. Safe to share between threads.
    """

    __slots__ = ("source",)

    source: str

    def __init__(self, source: str) -> None:
        self._set(source=source)

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self._given().items())
        return f"{type(self).__name__}({fields})"


class TokenRequested(Event):
    """A token request begins.

    :param reason: str: ``missing`` (there was no token, or it had expired), ``ahead`` (renewal
        before expiry) or ``rejected`` (an API rejected the token).
    """

    __slots__ = ("reason",)

    reason: str

    def __init__(self, source: str, reason: str) -> None:
        self._set(source=source, reason=reason)


class TokenReceived(Event):
    """A token request succeeded.

    :param duration: float, seconds.
    :param expires_in: float or None, seconds from now.
    """

    __slots__ = ("duration", "expires_in")

    duration: float
    expires_in: float | None

    def __init__(self, source: str, duration: float, expires_in: float | None) -> None:
        self._set(source=source, duration=duration, expires_in=expires_in)


class TokenRequestFailed(Event):
    """A token request failed.

    :param duration: float, seconds.
    :param error: str, the name of the exception's type.
    """

    __slots__ = ("duration", "error")

    duration: float
    error: str

    def __init__(self, source: str, duration: float, error: str) -> None:
        self._set(source=source, duration=duration, error=error)


class TokenShared(Event):
    """The cache took a token from the store that another process had requested.

    :param reason: str, why a token was needed, as in :class:`TokenRequested`.
    :param expires_in: float or None, seconds from now.
    """

    __slots__ = ("expires_in", "reason")

    reason: str
    expires_in: float | None

    def __init__(self, source: str, reason: str, expires_in: float | None) -> None:
        self._set(source=source, reason=reason, expires_in=expires_in)


class TokenRejected(Event):
    """An API rejected a token, and the cache was asked for another one."""

    __slots__ = ()


class RenewalHeld(Event):
    """Renewal after a rejection did not help: no rejection causes a renewal for a while.

    The API rejected the new token too, or the server returned the rejected token again.

    :param seconds: float, how long.
    """

    __slots__ = ("seconds",)

    seconds: float

    def __init__(self, source: str, seconds: float) -> None:
        self._set(source=source, seconds=seconds)


class CoolingDown(Event):
    """No token request is made for a while after a failure.

    :param seconds: float, how long.
    """

    __slots__ = ("seconds",)

    seconds: float

    def __init__(self, source: str, seconds: float) -> None:
        self._set(source=source, seconds=seconds)


class RenewalAheadFailed(Event):
    """Renewal before expiry failed; the current token stays in use.

    :param error: str, the name of the exception's type.
    :param expires_in: float or None, seconds until the current token expires.
    """

    __slots__ = ("error", "expires_in")

    error: str
    expires_in: float | None

    def __init__(self, source: str, error: str, expires_in: float | None) -> None:
        self._set(source=source, error=error, expires_in=expires_in)


class Observer(Protocol):
    """Receives every :class:`Event`. Any callable works, for example ``list.append``.

    It is called in the thread where the event happened, with no lock held. The cache logs the first
    exception that an observer raises, and ignores the others.
    """

    def __call__(self, event: Event) -> None:
        """Handle one event."""
