"""One token request at a time for one key, and one outcome for all who wait for it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Hashable
from functools import partial

from ..access_token import AccessToken
from ..errors import own_copy
from ..events import TokenRequested
from ..protocols import Clock, TokenSource
from ..threads import ForkSafeLock, watch_forks
from .flight import Entry, Flight, TokenTable, key_of, outcome_of
from .journal import Journal, label, landing
from .lifecycle import Lifecycle, Rejection, Step
from .pacing import Now, renewal_time
from .sharing import Fleet

MAX_RENEWING = 16  # threads that renew ahead at one time, for one cache


class SingleFlight:
    """Moves the keys of a table through their lifecycle; see :mod:`requests_cc.lifecycle`.

    :param table: the keys.
    :param journal: what is told of each event.
    :param clock: both clocks.
    :param fleet: shares tokens with other processes, or None.
    :param leeway: float, seconds before expiry at which renewal ahead begins.
    :param background: bool, whether renewal ahead has a thread of its own.
    """

    def __init__(
        self,
        table: TokenTable,
        journal: Journal,
        clock: Clock,
        fleet: Fleet | None,
        *,
        leeway: float,
        background: bool,
    ) -> None:
        self._table = table
        self._journal = journal
        self._clock = clock
        self._fleet = fleet
        self._leeway = leeway
        self._background = background
        self._lock = ForkSafeLock()  # guards the table, its entries, _renewing; never during I/O
        self._renewing: set[Flight] = set()
        watch_forks(self)

    def after_fork(self) -> None:
        """The parent's requests are not the child's: nobody here will end them."""
        self._renewing.clear()
        now = self.now()
        for entry in self._table.entries():
            if entry.flight is not None:
                entry.state, entry.flight = entry.state.abandoned(now), None

    def now(self) -> Now:
        """This moment, on both clocks."""
        return Now.read(self._clock)

    def states(self) -> list[Lifecycle]:
        """The state of each key."""
        with self._lock:
            return [entry.state for entry in self._table.entries()]

    def clear(self) -> None:
        """Forgets all but the requests under way."""
        with self._lock:
            self._table.clear()

    def move(
        self, source: TokenSource, transition: Callable[[Lifecycle], Lifecycle]
    ) -> tuple[Lifecycle, Lifecycle]:
        """Moves a source's key, if there is one.

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
        """Forgets a source's current token, here and in the store.

        :returns: that token, where one is there that has not expired.
        """
        # In the store first: it would be taken from there again.
        stored = None if self._fleet is None else self._fleet.forget(source)
        before, _ = self.move(source, Lifecycle.forgotten)
        return before.token if before.usable(self.now()) else stored

    def obtain(self, source: TokenSource, rejection: Rejection | None) -> AccessToken | None:
        """A token: the current one, or that of a request, one's own or another caller's.

        :param source: what can request it.
        :param rejection: the 401 that a token got; None: any token will do.
        :returns: an :class:`AccessToken`; None where a renewal is declined.
        """
        key = key_of(source)
        while True:
            mine = Flight(rejection, self.now())
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
                # Whatever ended this thread's part, KeyboardInterrupt too: nobody waits for ever.
                self._abandon(mine)
            token = _shared(flight, mine)
            if token is not None:
                return token

    def _board(self, key: Hashable, mine: Flight) -> tuple[Step, Lifecycle, Flight]:
        """Decides what is to be done; where that is a request, ``mine`` becomes the key's."""
        rejected = None if mine.rejection is None else mine.rejection.value
        with self._lock:
            now = self.now()
            entry = self._table.entry(key, now)
            state = entry.state
            step = state.step(now, rejected)
            if step is Step.RENEW_AHEAD and len(self._renewing) >= MAX_RENEWING:
                step = Step.SERVE  # and a later caller renews
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
        """Has a thread of its own make the request; if there is none to be had, nobody does."""
        try:
            flight.in_background = True
            threading.Thread(
                target=self._fly_in_background,
                args=(source, flight),
                name="requests-cc renewal",
                daemon=True,
            ).start()
        except BaseException as error:
            # What came, such as KeyboardInterrupt, can have come while the thread ran already.
            flight.in_background = not flight.claim()
            # The system's limit, or interpreter shutdown, is no failure: the token serves on.
            if not isinstance(error, (RuntimeError, MemoryError)):
                raise

    def _fly_in_background(self, source: TokenSource, flight: Flight) -> None:
        if not flight.claim():
            return  # it was given up before this thread ran
        try:
            self._fly(source, flight)
        finally:
            if not flight.landed:
                self._land(flight, None)

    def _fly(self, source: TokenSource, flight: Flight) -> None:
        """Brings a token, and ends the flight for all who wait."""
        name, fleet = label(source), self._fleet
        request = partial(self._request, source, flight)
        with flight.aboard():  # the observer too: it may use an API that needs this very token
            outcome = request() if fleet is None else fleet.bring(source, flight, request)
        state, now = self._land(flight, outcome)
        for event in landing(name, flight, outcome, state, now):
            self._journal.record(event)

    def _request(self, source: TokenSource, flight: Flight) -> AccessToken | Exception:
        flight.began = self.now()  # not the time that was spent on the store
        self._journal.record(TokenRequested(label(source), flight.reason))
        return outcome_of(source)

    def _abandon(self, flight: Flight) -> None:
        """Ends a caller's own token request that has not ended; another makes the next."""
        if flight.entry is not None and not flight.in_background and not flight.landed:
            self._land(flight, None)

    def _land(
        self, flight: Flight, outcome: AccessToken | Exception | None
    ) -> tuple[Lifecycle, Now]:
        """Ends a token request for all who wait; None: without an outcome."""
        with self._lock:
            now, entry = self.now(), flight.entry or Entry()
            self._renewing.discard(flight)
            # Not so in a child that was forked in the middle of it: there it was forgotten.
            if entry.flight is flight:
                entry.state = self._next_state(entry.state, flight, outcome, now)
                entry.flight = None
                if isinstance(outcome, Exception):
                    outcome = entry.state.last_error  # it says when the next may be made
            state = entry.state
        flight.land(outcome)
        return state, now

    def _next_state(
        self, state: Lifecycle, flight: Flight, outcome: AccessToken | Exception | None, now: Now
    ) -> Lifecycle:
        spread = random.random()  # noqa: S311 - jitter
        if outcome is None:
            return state.abandoned(now)
        if isinstance(outcome, Exception):
            return state.failed(outcome, now, spread)
        issued_at = outcome.issued_at
        requested_at = flight.began.wall if issued_at is None else issued_at
        renew_at = renewal_time(outcome, requested_at, self._leeway, spread)
        return state.received(outcome, now, renew_at, flight.rejection)


def _shared(flight: Flight, mine: Flight) -> AccessToken | None:
    """What a caller is given of an outcome; None: the key's state has the answer."""
    if mine.ahead:
        return None  # there is a token that serves on, whatever came of it
    if isinstance(flight.outcome, Exception):
        raise own_copy(flight.outcome) if flight is mine else _for_a_waiter(flight.outcome)
    return flight.outcome


def _for_a_waiter(error: Exception) -> Exception:
    """What is raised where another caller made the request."""
    return own_copy(error).with_traceback(None)
