"""What happened, for those who operate it: events, log lines, counts."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from dataclasses import dataclass, fields

from ..access_token import AccessToken
from ..errors import TokenStoreError
from ..events import (
    CoolingDown,
    Event,
    Observer,
    RenewalAheadFailed,
    RenewalHeld,
    TokenReceived,
    TokenRejected,
    TokenRequested,
    TokenRequestFailed,
    TokenShared,
)
from ..protocols import TokenSource
from .flight import Flight
from .lifecycle import Lifecycle, seconds_left
from .pacing import Now

logger = logging.getLogger("requests_cc")


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What a :class:`~requests_cc.TokenCache` holds now, and has done since it was made.

    :param tokens: int, usable tokens in memory.
    :param cooling_down: int, keys that make no token request for now.
    :param held: int, keys that a 401 does not renew for now.
    :param hits: int, tokens handed out without waiting.
    :param requests: int, token requests begun.
    :param successes: int, of these, those that brought a token.
    :param failures: int, of these, those that brought none.
    :param shared: int, tokens taken from the store, which another process requested.
    :param rejections: int, 401s that were reported.
    :param holds: int, how often a renewal after a 401 did not help.
    :param last_latency: float or None, seconds that the last token request took.
    """

    tokens: int
    cooling_down: int
    held: int
    hits: int
    requests: int
    successes: int
    failures: int
    shared: int
    rejections: int
    holds: int
    last_latency: float | None


class Journal:
    """Writes down each event once: for the observer, the log and the counts.

    :param observer: called with each event, or None.

    Safe to share between threads; :meth:`stats` by one at a time.
    """

    def __init__(self, observer: Observer | None) -> None:
        self._observer = observer
        self._observer_failures = Counter()
        self._evictions = Counter()
        self._unusable = Counter()
        self._counts = {kind: Counter() for kind in _LOG_LINES}
        self.hits = Counter()
        self.last_latency: float | None = None

    def record(self, event: Event) -> None:
        """Takes one event; no lock may be held, for the observer is somebody else's code."""
        self._counts[type(event)].increment()
        if isinstance(event, (TokenReceived, TokenRequestFailed)):
            self.last_latency = event.duration
        level, line = _LOG_LINES[type(event)]
        if logger.isEnabledFor(level):
            logger.log(level, line, _in_words(event))
        if self._observer is not None:
            try:
                self._observer(event)
            except Exception as error:  # noqa: BLE001 - no call of an API may fail because of it
                self._report(error)

    def _report(self, error: Exception) -> None:
        if self._observer_failures.increment() == 0:
            logger.warning(
                "the observer failed and goes on missing events: %s", type(error).__name__
            )

    def report_eviction(self, maxsize: int) -> None:
        """Says once that tokens are evicted that are still good."""
        if self._evictions.increment() == 0:
            logger.warning(
                "the token cache is full and evicts tokens that are still good: "
                "raise TokenCache(maxsize=%d)",
                maxsize,
            )

    def report_unusable(self, error: TokenStoreError) -> None:
        """Says once that the store holds what no token can be made of.

        :param error: says why.
        """
        if self._unusable.increment() == 0:
            logger.warning(
                "the token store holds something that cannot be used, as if it were not there: %s",
                error,
            )

    def stats(self, *, tokens: int, cooling_down: int, held: int) -> CacheStats:
        count = {kind: counter.value() for kind, counter in self._counts.items()}
        return CacheStats(
            tokens=tokens,
            cooling_down=cooling_down,
            held=held,
            hits=self.hits.value(),
            requests=count[TokenRequested],
            successes=count[TokenReceived],
            failures=count[TokenRequestFailed],
            shared=count[TokenShared],
            rejections=count[TokenRejected],
            holds=count[RenewalHeld],
            last_latency=self.last_latency,
        )


def landing(
    name: str, flight: Flight, outcome: AccessToken | Exception | None, state: Lifecycle, now: Now
) -> Iterator[Event]:
    """The events at the end of a flight; None, where it had no outcome.

    :param name: the source's label.
    :param state: of its key, from then on.
    """
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
    yield TokenRequestFailed(name, duration, kind)
    yield CoolingDown(name, state.cools_for(now))
    if flight.ahead and state.usable(now):
        yield RenewalAheadFailed(name, kind, seconds_left(state.token, now))


def label(source: TokenSource) -> str:
    """A source's name in events and log lines: never its repr, which may hold a secret."""
    own = getattr(source, "label", None)
    return own if isinstance(own, str) else type(source).__qualname__


def _in_words(event: Event) -> dict[str, object]:
    words = {field.name: getattr(event, field.name) for field in fields(event)}
    if "expires_in" in words:
        seconds = words["expires_in"]
        words["expires_in"] = "no known time" if seconds is None else f"{seconds:.1f} s"
    return words


class Counter:
    """A count that threads share without a lock; reading it is what costs."""

    __slots__ = ("_reads", "increment")

    def __init__(self) -> None:
        steps = itertools.count()
        # Gives the count before. One call into C, which no other thread interrupts.
        self.increment = steps.__next__
        self._reads = itertools.count()

    def value(self) -> int:
        """The count; one thread at a time may read it."""
        # Reading takes a step as well: as many as were taken by reading are left out.
        return self.increment() - next(self._reads)


_LOG_LINES: dict[type[Event], tuple[int, str]] = {
    TokenRequested: (logging.DEBUG, "%(source)s: token request begins (%(reason)s)"),
    TokenReceived: (
        logging.INFO,
        "%(source)s: token received in %(duration).3f s, expires in %(expires_in)s",
    ),
    TokenRequestFailed: (
        logging.INFO,
        "%(source)s: token request failed after %(duration).3f s: %(error)s",
    ),
    TokenShared: (
        logging.INFO,
        "%(source)s: token of another process taken from the store (%(reason)s), expires in "
        "%(expires_in)s",
    ),
    TokenRejected: (logging.INFO, "%(source)s: the API answered 401 to the current token"),
    RenewalHeld: (
        logging.WARNING,
        "%(source)s: renewal after a 401 did not help (the new token was rejected as well, or is "
        "the rejected one again): "
        "a 401 renews nothing for %(seconds).0f s",
    ),
    CoolingDown: (logging.INFO, "%(source)s: no token request for %(seconds).1f s"),
    RenewalAheadFailed: (
        logging.WARNING,
        "%(source)s: renewal failed (%(error)s): the current token serves on for "
        "%(expires_in)s more",
    ),
}
