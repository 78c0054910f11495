"""The dialogue with the cache about a rejected token, step by step."""

from __future__ import annotations

from ..access_token import AccessToken
from ..events import Event, RenewalAccepted, RenewalHeld, TokenRejected
from ..protocols import TokenSource, name_of
from .journal import Journal
from .lifecycle import Rejection
from .single_flight import SingleFlight


class Renewal:
    """The renewal of a token that an API rejected; :meth:`TokenCache.renewal` makes one.

    .. code-block:: python

        renewal = cache.renewal(source, rejected)
        renewed = None if renewal is None else renewal.token()
        if renewed is not None:
            if send(renewed).status_code == 401:
                renewal.rejected()
            else:
                renewal.accepted()

    The cache paces renewals by what :meth:`accepted` and :meth:`rejected` report. It believes a
    report of acceptance only from the renewal that made the token request: another path of the API
    may accept tokens that this one always rejects.

    For one thread, and one request of an API.
    """

    __slots__ = ("_flights", "_journal", "_rejection", "_renewed", "_source")

    def __init__(
        self, source: TokenSource, rejected: AccessToken, flights: SingleFlight, journal: Journal
    ) -> None:
        self._source = source
        self._rejection = Rejection(rejected.value, rejected.issued_at)
        self._flights = flights
        self._journal = journal
        self._renewed: AccessToken | None = None

    def token(self) -> AccessToken | None:
        """Return another token than the rejected one; at most one request, whoever asks.

        :returns: an :class:`AccessToken`, newly requested or already cached; None if renewing is
            pointless now: the last renewed token was rejected too, or the server returned the
            rejected token.
        :raises TokenRequestError: if the request failed. The rejected token stays in use for other
            callers until it expires. Whatever a user's own source raises is passed on.
        """
        self._record(TokenRejected(name_of(self._source)))
        token = self._flights.obtain(self._source, self._rejection)
        self._renewed = None if token is None or token.value == self._rejection.value else token
        return self._renewed

    def accepted(self) -> None:
        """Report that the API accepted the renewed token: the next hold starts at one second."""
        renewed, cause = self._renewed, self._rejection
        if renewed is not None:
            self._flights.move(self._source, lambda state: state.accepted(renewed.value, cause))
            self._record(RenewalAccepted(name_of(self._source)))

    def rejected(self) -> None:
        """Report that the API rejected the renewed token too.

        Further rejections cause no renewal for one second, doubling to thirty.
        """
        renewed, cause = self._renewed, self._rejection
        if renewed is None:
            return
        now = self._flights.now()
        before, after = self._flights.move(
            self._source, lambda state: state.rejected(renewed.value, cause, now)
        )
        if after is not before:
            self._record(RenewalHeld(name_of(self._source), after.held_for(now)))

    def _record(self, event: Event) -> None:
        self._journal.record(event, self._flights.entry(self._source))
