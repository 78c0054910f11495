"""One token request at a time for one key, and one outcome for all who wait for it."""

from __future__ import annotations

import contextvars
import random
import threading
from collections.abc import Callable, Hashable
from functools import partial
from typing import TYPE_CHECKING

from ..access_token import AccessToken
from ..errors import own_copy
from ..events import TokenRequested
from ..protocols import Clock, TokenSource, name_of
from ..threads import ForkSafeLock, watch_forks
from .flight import Entry, Flight, TokenTable, key_of, outcome_of
from .journal import Journal, landing
from .lifecycle import Lifecycle, Rejection, Step
from .pacing import Now, patience_time, renewal_time

if TYPE_CHECKING:
    from .stores.sharing import SharedTokens

MAX_RENEWING = 16  # threads that renew ahead at one time, for one cache


class SingleFlight:
    """The threads that request tokens: one at a time for each key.

    Each key goes through the states of :mod:`requests_cc.cache.lifecycle`.

    :param table: the keys.
    :param journal: records every event.
    :param clock: both clocks.
    :param shared: the tokens that are shared with other processes, or None.
    :param leeway: float, seconds before expiry at which renewal ahead begins.
    :param background: bool, whether renewal ahead runs in a thread of its own.

    Safe to share between threads.
    """

    def __init__(
        self,
        table: TokenTable,
        journal: Journal,
        clock: Clock,
        shared: SharedTokens | None,
        *,
        leeway: float,
        background: bool,
    ) -> None:
        self._table = table
        self._journal = journal
        self._clock = clock
        self._shared = shared
        self._leeway = leeway
        self._background = background
        self._lock = ForkSafeLock()  # guards the table, its entries, _renewing; never during I/O
        self._renewing: set[Flight] = set()
        watch_forks(self)

    def after_fork(self) -> None:
        """Abandon the parent's requests, which no thread of the child ends."""
        self._renewing.clear()
        now = self.now()
        for entry in self._table.entries():
            if entry.flight is not None:
                entry.state, entry.flight = entry.state.abandoned(now), None

    def now(self) -> Now:
        """Return this moment, on both clocks."""
        return Now.read(self._clock)

    def states(self) -> list[Lifecycle]:
        """Return the state of each key."""
        return [entry.state for entry in self._table.entries()]

    def clear(self, source: TokenSource | None) -> None:
        """Forget everything of one source, or of all, but the requests under way."""
        keys = None if source is None else [key_of(source)]
        with self._lock:
            self._table.clear(keys)

    def move(
        self, source: TokenSource, transition: Callable[[Lifecycle], Lifecycle]
    ) -> tuple[Lifecycle, Lifecycle]:
        """Move a source's key to another state, if there is such a key.

        :param transition: from a state to the next; called with the lock held.
        :returns: the state before and after.
        """
        key = key_of(source)  # a source's own code: not with the lock held
        with self._lock:
            entry = self._table.get(key)
            if entry is None:
                nothing = Lifecycle()
                return nothing, nothing
            before = entry.state
            entry.state = transition(before)
            return before, entry.state

    def forget(self, source: TokenSource) -> AccessToken | None:
        """Forget a source's current token, here and in the store.

        :returns: that token, if it has not expired.
        """
        # In the store first: else another thread could take it from there again.
        stored = None if self._shared is None else self._shared.forget(source)
        before, _ = self.move(source, Lifecycle.forgotten)
        return before.token if before.usable(self.now()) else stored

    def obtain(self, source: TokenSource, rejection: Rejection | None) -> AccessToken | None:
        """Return a token: the current one, or that of a request, this caller's or another's.

        :param rejection: the rejection that a token met; None: any token will do.
        :returns: an :class:`AccessToken`; None if a renewal is declined.
        """
        key = key_of(source)
        excused = False
        while True:
            mine = Flight(rejection, self.now(), excused=excused)
            try:
                step, state, flight = self._board(key, mine)
                if step is Step.RENEW_AHEAD and self._background:
                    self._hand_over(source, mine)
                    step = Step.SERVE
                if step is Step.SERVE:
                    self._journal.hits.increment()
                    return state.token
                if step is Step.DECLINE:
                    return None
                if step is Step.FAIL:
                    raise _for_a_waiter(state.last_error)
                if step is Step.WAIT:
                    flight.wait()
                else:
                    self._fly(source, mine)
            finally:
                # Whatever ends this thread's part, even KeyboardInterrupt: nobody waits for ever.
                self._abandon(mine)
            # The process may have been frozen in the middle of the renewal, and that may be why it
            # failed: it says nothing of a request that is made now.
            excused = flight is not mine and flight.ahead and not flight.brought
            token = None if excused else _outcome(flight, mine)
            if token is not None:
                return token

    def _board(self, key: Hashable, mine: Flight) -> tuple[Step, Lifecycle, Flight]:
        """Decide what to do; if that is a request, ``mine`` becomes the key's flight."""
        rejected = None if mine.rejection is None else mine.rejection.value
        with self._lock:
            now = self.now()
            entry = self._table.entry(key, now)
            state = entry.state
            step = state.step(now, rejected, excused=mine.excused)
            if step is Step.RENEW_AHEAD and len(self._renewing) >= MAX_RENEWING:
                step = Step.SERVE  # a later caller renews
            if step in (Step.REQUEST, Step.RENEW_AHEAD):
                mine.entry = entry
                entry.flight, entry.state = mine, state.requested()
                if step is Step.RENEW_AHEAD:
                    mine.serves_on = state.token
                    self._renewing.add(mine)
            flight = entry.flight or mine
        if self._table.evicted_usable:
            self._journal.report_eviction(self._table.maxsize)
        return step, state, flight

    def _hand_over(self, source: TokenSource, flight: Flight) -> None:
        """Make the request in a thread of its own; if none can be started, make no request."""
        try:
            flight.in_background = True
            threading.Thread(
                # In the caller's context, so that an observer sees what caused the renewal.
                target=contextvars.copy_context().run,
                args=(self._fly_in_background, source, flight),
                name="requests-cc renewal",
                daemon=True,
            ).start()
        except BaseException as error:
            # An exception such as KeyboardInterrupt may arrive when the thread runs already.
            flight.in_background = not flight.claim()
            # The system's limit, or interpreter shutdown, is not a failure: the token is usable.
            if not isinstance(error, (RuntimeError, MemoryError)):
                raise

    def _fly_in_background(self, source: TokenSource, flight: Flight) -> None:
        if not flight.claim():
            return  # abandoned before this thread ran
        try:
            self._fly(source, flight)
        finally:
            if not flight.landed:
                self._land(flight, None)

    def _fly(self, source: TokenSource, flight: Flight) -> None:
        """Bring a token, and end the flight for all who wait."""
        name = name_of(source)
        with flight.aboard():  # the observers too: they may use an API that needs this very token
            outcome = self._bring(source, flight)
        state, now = self._land(flight, outcome)
        for event in landing(name, flight, state, now):
            self._journal.record(event)

    def _bring(self, source: TokenSource, flight: Flight) -> AccessToken | Exception | None:
        request = partial(self._request, source, flight)
        if self._shared is None:
            return request()
        newer_than = _newer_than(flight)
        leave_until = None
        if flight.serves_on is not None:
            # With jitter: the first process to renew shares its token with the others.
            spread = random.random()  # noqa: S311 - jitter
            leave_until = patience_time(flight.serves_on, newer_than, self._leeway, spread)
        outcome, flight.shared = self._shared.bring(
            source,
            request,
            newer_than=newer_than,
            other_than=None if flight.rejection is None else flight.rejection.value,
            leave_until=leave_until,
        )
        return outcome

    def _request(self, source: TokenSource, flight: Flight) -> AccessToken | Exception:
        flight.began = self.now()  # without the time that was spent on the store
        self._journal.record(TokenRequested(name_of(source), flight.reason))
        return outcome_of(source)

    def _abandon(self, flight: Flight) -> None:
        """End a caller's own flight that has not landed; another caller makes the next request."""
        if flight.entry is not None and not flight.in_background and not flight.landed:
            self._land(flight, None)

    def _land(
        self, flight: Flight, outcome: AccessToken | Exception | None
    ) -> tuple[Lifecycle, Now]:
        """End a flight for all who wait; None: without an outcome."""
        with self._lock:
            now, entry = self.now(), flight.entry or Entry()
            self._renewing.discard(flight)
            # Not so in a child that was forked in the middle of a flight: there it was abandoned.
            if entry.flight is flight:
                entry.state = self._next_state(entry.state, flight, outcome, now)
                entry.flight = None
                if isinstance(outcome, Exception):
                    outcome = entry.state.last_error  # it says when the next request may be made
            state = entry.state
        flight.outcome = outcome
        flight.land()
        return state, now

    def _next_state(
        self, state: Lifecycle, flight: Flight, outcome: AccessToken | Exception | None, now: Now
    ) -> Lifecycle:
        spread = random.random()  # noqa: S311 - jitter
        if outcome is None:
            return state.abandoned(now)
        if isinstance(outcome, Exception):
            return state.failed(outcome, now, spread, ahead=flight.ahead)
        issued_at = outcome.issued_at
        requested_at = flight.began.wall if issued_at is None else issued_at
        renew_at = renewal_time(outcome, requested_at, self._leeway, spread)
        return state.received(outcome, now, renew_at, flight.rejection)


def _newer_than(flight: Flight) -> float:
    """Return when the token was issued that a flight replaces: only a later one will do."""
    forgotten = (flight.entry or Entry()).state.outdated_at
    replaced = flight.rejection or flight.serves_on
    if replaced is None:
        return forgotten
    # Nobody knows when a token made by hand was issued: before it was rejected.
    return max(forgotten, flight.began.wall if replaced.issued_at is None else replaced.issued_at)


def _outcome(flight: Flight, mine: Flight) -> AccessToken | None:
    """Return what a flight brought for a caller; None: the key's state decides once more."""
    if mine.ahead:
        return None  # the current token is usable, whatever the outcome
    if isinstance(flight.outcome, Exception):
        raise own_copy(flight.outcome) if flight is mine else _for_a_waiter(flight.outcome)
    return flight.outcome


def _for_a_waiter(error: Exception) -> Exception:
    """Return the exception for a caller whose request it was not."""
    return own_copy(error).with_traceback(None)
