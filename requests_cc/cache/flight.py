"""One token request, and those who wait for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..access_token import AccessToken
from ..errors import ClientCredentialsError, ConfigurationError, InvalidTokenResponse, own_copy
from ..protocols import TokenSource
from ..threads import Keeper, Watched
from .lifecycle import Rejection
from .pacing import Now
from .table import Entry, Key

# The flights that the running code is part of; each one needs the next. A context variable, since
# it follows the code into threads that are started with its context.
_aboard: ContextVar[tuple[Flight, ...]] = ContextVar("requests_cc_flights_aboard", default=())


class Flight(Watched):
    """A token request under way, or about to be decided on.

    :param keeper: held by the code that makes the request.
    :param rejection: the rejection that causes it, or None.
    :param began: when the flight was created; from its request on, when that was sent.
    :param excused: its caller need not share the failure of the last renewal ahead.

    ``serves_on`` is the token that is renewed ahead, or None. ``shared`` says whether the token
    came from the store. ``changed`` says whether the source's key changed while it was under way.
    ``outcome`` is None until it lands, and if it was abandoned.
    """

    __slots__ = (
        "_claim", "began", "changed", "entry", "excused", "in_background", "outcome", "rejection",
        "serves_on", "shared", "waits_for",
    )  # fmt: skip

    def __init__(
        self, keeper: Keeper, rejection: Rejection | None, began: Now, *, excused: bool
    ) -> None:
        super().__init__(keeper)
        self.excused = excused
        self.rejection = rejection
        self.began = began
        self.entry: Entry | None = None
        self.changed = False
        self.serves_on: AccessToken | None = None
        self.shared = False
        self.in_background = False
        self.outcome: AccessToken | Exception | None = None
        self.waits_for: Flight | None = None
        self._claim = threading.Lock()

    @property
    def ahead(self) -> bool:
        """True if it renews a token that stays in use meanwhile."""
        return self.serves_on is not None

    def excuses(self, mine: Flight) -> bool:
        """Return whether a caller who waited for it need not share its failure.

        The process may have been frozen in the middle of a renewal ahead, and that may be why it
        failed: it says nothing of a request that is made now.
        """
        return self is not mine and self.ahead and not isinstance(self.outcome, AccessToken)

    @property
    def reason(self) -> str:
        """Why the request is made, in the words of the events."""
        if self.ahead:
            return "ahead"
        return "missing" if self.rejection is None else "rejected"

    @property
    def newer_than(self) -> float:
        """When the token was issued that it replaces, wall: only a later one will do."""
        forgotten = (self.entry or Entry()).state.outdated_at
        replaced = self.rejection or self.serves_on
        if replaced is None:
            return forgotten
        # Nobody knows when a token made by hand was issued: before it was rejected.
        return max(forgotten, self.began.wall if replaced.issued_at is None else replaced.issued_at)

    def has_changed(self, source: TokenSource) -> bool:
        """Return whether the source has another key by now."""
        key = None if self.entry is None else self.entry.key
        return key is not None and Key(source).value != key

    def claim(self) -> bool:
        """Return True to the first caller: of two threads, the one that must land the flight."""
        return self._claim.acquire(blocking=False)

    @contextmanager
    def aboard(self) -> Iterator[None]:
        """Mark the code within as part of this flight."""
        token = _aboard.set((*_aboard.get(), self))
        try:
            yield
        finally:
            _aboard.reset(token)

    def wait_until_done(self) -> bool:
        """Wait until the flight has landed; return False if it will not.

        :raises ConfigurationError: if it cannot land, since it needs the waiting code itself.
        """
        aboard = _aboard.get()
        if not aboard:
            return super().wait_until_done()
        # Set before the check: of two flights that come to need each other, the later one sees it.
        aboard[-1].waits_for = self
        try:
            if self._needs_any_of(aboard):
                raise ConfigurationError(
                    "a token request needs the very token that it requests: its source, and the "
                    "session that the source uses, must not be authorized with that token"
                )
            return super().wait_until_done()
        finally:
            aboard[-1].waits_for = None

    def _needs_any_of(self, aboard: tuple[Flight, ...]) -> bool:
        needed: Flight | None = self
        while needed is not None:
            if needed in aboard:
                return True
            needed = needed.waits_for
        return False


def outcome_for(mine: Flight, flight: Flight) -> AccessToken | None:
    """Return the token that a flight brought for a caller; None: the key's state decides again.

    :param mine: the caller's own flight.
    :param flight: the one that brought it; it may be the same.
    """
    if mine.ahead:
        return None  # the current token is usable, whatever the outcome
    outcome = flight.outcome
    if isinstance(outcome, ClientCredentialsError):
        raise own_copy(outcome)
    if isinstance(outcome, Exception):
        try:
            raise outcome if flight is mine else outcome.with_traceback(None)
        finally:
            del outcome  # or it would keep this frame, which would keep it
    return outcome


class KeyChanged(Exception):
    """The source's key changed during its request: the token belongs to neither key."""


def outcome_of(source: TokenSource) -> AccessToken | Exception:
    """Make a source's token request, and return the token or the exception."""
    try:
        token: object = source.request_token()
    except Exception as error:  # noqa: BLE001 - raised again in each thread that waits
        return error
    if isinstance(token, AccessToken):
        return token
    return InvalidTokenResponse(
        f"request_token() of {type(source).__qualname__} must return an AccessToken, not "
        f"{type(token).__name__}"
    )
