"""Events, log lines and counts, for those who operate a program."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..access_token import AccessToken
from ..errors import ClientCredentialsError, OAuthError, TokenRequestError, TokenStoreError
from ..events import (
    CoolingDown,
    Event,
    Observer,
    RenewalAccepted,
    RenewalAheadFailed,
    RenewalHeld,
    SourceName,
    TokenReceived,
    TokenRejected,
    TokenRequested,
    TokenRequestFailed,
    TokenShared,
)
from ..protocols import TokenSource, printable
from ..threads import ForkSafeLock, exclusive
from .flight import Flight
from .lifecycle import Lifecycle, seconds_left
from .pacing import Now
from .table import NOTHING_YET, Entry

if TYPE_CHECKING:
    from .stats import CacheStats

MOST_SAID = 1024  # what was logged once, before it may be logged again

logger = logging.getLogger("requests_cc")


# The place of each kind of event in an entry's tally.
_TALLIED = (
    TokenRequested,
    TokenReceived,
    TokenRequestFailed,
    TokenShared,
    TokenRejected,
    RenewalHeld,
)
# What most keys have: one tuple for all of them, since each would take a tenth of a key's memory.
_COMMON: dict[tuple[int, ...], tuple[int, ...]] = {
    tally: tally for tally in (NOTHING_YET, (1, 0, 0, 0, 0, 0), (1, 1, 0, 0, 0, 0))
}


class Journal:
    """The record of each event: for the observers, the log and the counts.

    :param observers: called with each event.

    Safe to share between threads.
    """

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = [(observer, Counter()) for observer in observers]
        self._evictions = Counter()
        self._unusable = Counter()
        self._said: dict[tuple[str, str], object] = {}
        self._counts = {kind: Counter() for kind in _LOG_LINES}
        self._lock = ForkSafeLock()  # guards the tallies of all entries, and the reading of counts
        self.hits = Counter()
        self.last_latency: float | None = None

    def record(self, event: Event, entry: Entry | None) -> None:
        """Record one event; with no lock held, for the observers are somebody else's code.

        :param entry: that of the source, if the cache has one.
        """
        self._counts[type(event)].increment()
        if entry is not None and type(event) in _TALLIED:
            self._tally(_TALLIED.index(type(event)), entry)
        if isinstance(event, (TokenReceived, TokenRequestFailed)):
            self.last_latency = event.duration
        level, line = _LOG_LINES[type(event)]
        if logger.isEnabledFor(level):
            logger.log(level, line, _in_words(event))
        for observer, failures in self._observers:
            _notify(observer, event, failures)

    @exclusive
    def _tally(self, place: int, entry: Entry) -> None:
        tally = list(entry.tally)
        tally[place] += 1
        entry.tally = _COMMON.get(tuple(tally), tuple(tally))

    def report_eviction(self, maxsize: int) -> None:
        """Log, once, that the cache evicts usable tokens."""
        if self._evictions.increment() == 0:
            logger.warning(
                "the token cache is full and evicts usable tokens: raise TokenCache(maxsize=%d)",
                maxsize,
            )

    def report_outage(self, name: SourceName, outcome: object, failed_before: bool) -> None:
        """Log the first failure of an outage, with the server's words, and its end.

        :param outcome: of a token request.
        :param failed_before: whether the one before failed.
        """
        if isinstance(outcome, Exception) and not failed_before:
            if not logger.hasHandlers():
                return  # without any logging a program sees the exception, and cron mails no line
            # Only messages of our own are known to hold no secret.
            words = f": {outcome}" if isinstance(outcome, ClientCredentialsError) else ""
            logger.warning(
                "%s: token requests fail: %s%s", name, type(outcome).__name__, printable(words)
            )
        elif isinstance(outcome, AccessToken) and failed_before:
            logger.info("%s: token requests work again", name)

    def report_oddities(
        self, name: SourceName, token: AccessToken, source: TokenSource, now: Now
    ) -> None:
        """Log, once for each source, a token with less scope than requested, or with no time."""
        left = seconds_left(token, now)
        if left is not None and left <= 0 and self._first_time("expired", name):
            logger.warning(
                "%s: the token has expired on arrival: each call makes a token request. Compare "
                "the clocks, and look at the lifetime that the server is set to",
                name,
            )
        scope = getattr(source, "scope", None)
        missing = set(scope.split() if isinstance(scope, str) else ()) - set(
            (token.scope or "").split()
        )
        said = not logger.hasHandlers()
        if token.scope is not None and missing and not said and self._first_time("scope", name):
            logger.warning(
                "%s: the server granted less scope than requested; missing: %s",
                name,
                printable(" ".join(sorted(missing))),
            )

    def _first_time(self, what: str, name: SourceName) -> bool:
        if len(self._said) >= MOST_SAID:
            self._said.clear()
        return self._said.setdefault((what, str(name)), token := object()) is token

    def report_unusable(self, error: TokenStoreError) -> None:
        """Log, once, that an entry of the store cannot be used."""
        if self._unusable.increment() == 0:
            logger.warning("ignoring an unusable entry in the token store: %s", error)

    def stats(self, *, tokens: int, cooling_down: int, held: int) -> CacheStats:
        """Return the counts, together with those given."""
        from .stats import CacheStats  # noqa: PLC0415 - few programs ask for it

        count, hits = self._read_counts()
        return CacheStats(
            tokens=tokens,
            cooling_down=cooling_down,
            held=held,
            hits=hits,
            requests=count[TokenRequested],
            successes=count[TokenReceived],
            failures=count[TokenRequestFailed],
            shared=count[TokenShared],
            rejections=count[TokenRejected],
            holds=count[RenewalHeld],
            last_latency=self.last_latency,
        )

    @exclusive
    def _read_counts(self) -> tuple[dict[type[Event], int], int]:
        return {kind: counter.value() for kind, counter in self._counts.items()}, self.hits.value()


def landing(name: SourceName, flight: Flight, state: Lifecycle, now: Now) -> Iterator[Event]:
    """Return the events at the end of a flight.

    :param state: of the key, after the flight.
    """
    outcome = flight.outcome
    if outcome is None:
        return
    if isinstance(outcome, AccessToken) and flight.shared:
        yield TokenShared(name, flight.reason, seconds_left(outcome, now))
        return
    duration = now.monotonic - flight.began.monotonic
    if isinstance(outcome, AccessToken):
        yield TokenReceived(name, duration, seconds_left(outcome, now))
        if flight.rejection is not None and flight.rejection.value == outcome.value:
            yield RenewalHeld(name, state.held_for(now))
        return
    kind = type(outcome).__name__
    # Of a user's own exceptions nobody knows what such attributes hold.
    ours = outcome if isinstance(outcome, OAuthError) else OAuthError()
    yield TokenRequestFailed(
        name,
        duration,
        kind,
        code=ours.error or None,
        status_code=outcome.status_code if isinstance(outcome, TokenRequestError) else None,
        description=ours.error_description,
    )
    yield CoolingDown(name, state.cools_for(now))
    if flight.ahead and state.usable(now):
        yield RenewalAheadFailed(name, kind, seconds_left(state.token, now))


def _notify(observer: Observer, event: Event, failures: Counter) -> None:
    try:
        observer(event)
    except Exception as error:  # noqa: BLE001 - no call of an API may fail because of it
        if failures.increment() == 0:
            logger.warning(
                "an observer raised %s; its further exceptions are not logged",
                type(error).__name__,
            )


def _in_words(event: Event) -> dict[str, object]:
    words = {name: getattr(event, name) for name in event.__setting_names__()}
    if "expires_in" in words:
        seconds = words["expires_in"]
        words["expires_in"] = "at an unknown time" if seconds is None else f"in {seconds:.1f} s"
    return words


class Counter:
    """A count that threads share without a lock."""

    __slots__ = ("_reads", "increment")

    def __init__(self) -> None:
        steps = itertools.count()
        # Returns the count before. One call into C, which no other thread interrupts.
        self.increment = steps.__next__
        self._reads = itertools.count()

    def value(self) -> int:
        """Return the count; for one thread at a time."""
        # Reading takes a step as well: the steps taken by reading are subtracted.
        return self.increment() - next(self._reads)


_LOG_LINES: dict[type[Event], tuple[int, str]] = {
    TokenRequested: (logging.DEBUG, "%(source)s: token request begins (%(reason)s)"),
    TokenReceived: (
        logging.INFO,
        "%(source)s: token received in %(duration).3f s, expires %(expires_in)s",
    ),
    TokenRequestFailed: (
        logging.INFO,
        "%(source)s: token request failed after %(duration).3f s: %(error)s",
    ),
    TokenShared: (
        logging.INFO,
        "%(source)s: token of another process taken from the store (%(reason)s), expires "
        "%(expires_in)s",
    ),
    TokenRejected: (logging.INFO, "%(source)s: the API rejected the token"),
    RenewalAccepted: (logging.DEBUG, "%(source)s: the API accepted the renewed token"),
    RenewalHeld: (
        logging.WARNING,
        "%(source)s: renewal did not help (the API rejected the new token too, or the server "
        "returned the rejected token again): no renewal after a rejection for %(seconds).0f s",
    ),
    CoolingDown: (logging.INFO, "%(source)s: no token request for %(seconds).1f s"),
    RenewalAheadFailed: (
        logging.INFO,
        "%(source)s: renewal failed (%(error)s): the current token stays in use, expires "
        "%(expires_in)s",
    ),
}
