"""The events of a :class:`~requests_cc.TokenCache`, and who receives them.

No event holds a token or a secret.
"""

from __future__ import annotations

from typing import Any, Protocol

from .value import Value


class SourceName(str):
    """The name of a source: a str, its ``label`` or else the name of its class.

    ``label`` (the same text as a plain str), ``client_id`` (str or None), ``server`` (str or None,
    the authorization server's URL without its query) and ``method`` (str, the HTTP method of a
    request of another form than RFC 6749's, or None) are its parts, for those who label metrics.
    No part holds a secret.
    """

    __slots__ = ("client_id", "method", "server")

    client_id: str | None
    server: str | None
    method: str | None

    def __new__(  # noqa: PYI034 - typing.Self is new in Python 3.11
        cls,
        label: str,
        client_id: str | None = None,
        server: str | None = None,
        method: str | None = None,
    ) -> SourceName:
        name = super().__new__(cls, label)
        name.client_id, name.server, name.method = client_id, server, method
        return name

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.label, self.client_id, self.server, self.method)

    @property
    def label(self) -> str:
        """The name as a plain str."""
        return str(self)


class Event(Value):
    """Something that happened in a :class:`~requests_cc.TokenCache`.

    :param source: a :class:`SourceName`, a str: which source.

    Frozen, and equal to an event of the same type with equal fields. Safe to share between threads.
    """

    __slots__ = ("source",)

    source: SourceName

    def __init__(self, source: str) -> None:
        self._set(source=source if isinstance(source, SourceName) else SourceName(source))

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
        super().__init__(source)
        self._set(reason=reason)


class TokenReceived(Event):
    """A token request succeeded.

    :param duration: float, seconds.
    :param expires_in: float or None, seconds from now.
    """

    __slots__ = ("duration", "expires_in")

    duration: float
    expires_in: float | None

    def __init__(self, source: str, duration: float, expires_in: float | None) -> None:
        super().__init__(source)
        self._set(duration=duration, expires_in=expires_in)


class TokenRequestFailed(Event):
    """A token request failed.

    :param duration: float, seconds.
    :param error: str, the name of the exception's type.
    :param code: str or None, the server's OAuth error code.
    :param status_code: int or None, the HTTP status of the server's response.
    :param description: str or None, the server's words, without anything that the request held.
    """

    __slots__ = ("code", "description", "duration", "error", "status_code")

    duration: float
    error: str
    code: str | None
    status_code: int | None
    description: str | None

    def __init__(
        self,
        source: str,
        duration: float,
        error: str,
        code: str | None = None,
        status_code: int | None = None,
        description: str | None = None,
    ) -> None:
        super().__init__(source)
        self._set(duration=duration, error=error)
        self._set(code=code, status_code=status_code, description=description)


class TokenShared(Event):
    """The cache took a token from the store that another process had requested.

    :param reason: str, why a token was needed, as in :class:`TokenRequested`.
    :param expires_in: float or None, seconds from now.
    """

    __slots__ = ("expires_in", "reason")

    reason: str
    expires_in: float | None

    def __init__(self, source: str, reason: str, expires_in: float | None) -> None:
        super().__init__(source)
        self._set(reason=reason, expires_in=expires_in)


class TokenRejected(Event):
    """An API rejected a token, and the cache was asked for another one."""

    __slots__ = ()


class RenewalAccepted(Event):
    """The API accepted a token that was renewed after a rejection: the resend worked."""

    __slots__ = ()


class RenewalHeld(Event):
    """Renewal after a rejection did not help: no rejection causes a renewal for a while.

    The API rejected the new token too, or the server returned the rejected token again.

    :param seconds: float, how long.
    """

    __slots__ = ("seconds",)

    seconds: float

    def __init__(self, source: str, seconds: float) -> None:
        super().__init__(source)
        self._set(seconds=seconds)


class CoolingDown(Event):
    """No token request is made for a while after a failure.

    :param seconds: float, how long.
    """

    __slots__ = ("seconds",)

    seconds: float

    def __init__(self, source: str, seconds: float) -> None:
        super().__init__(source)
        self._set(seconds=seconds)


class RenewalAheadFailed(Event):
    """Renewal before expiry failed; the current token stays in use.

    :param error: str, the name of the exception's type.
    :param expires_in: float or None, seconds until the current token expires.
    """

    __slots__ = ("error", "expires_in")

    error: str
    expires_in: float | None

    def __init__(self, source: str, error: str, expires_in: float | None) -> None:
        super().__init__(source)
        self._set(error=error, expires_in=expires_in)


class Observer(Protocol):
    """Receives every :class:`Event`. Any callable works, for example ``list.append``.

    It is called in the thread where the event happened, with no lock held. The cache logs the first
    exception that an observer raises, and ignores the others. An observer may also have a method
    ``watch(cache)``: each :class:`~requests_cc.TokenCache` that it is given to calls it once.
    """

    def __call__(self, event: Event) -> None:
        """Handle one event."""
