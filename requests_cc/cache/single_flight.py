"""One token request at a time for one key, and one outcome for all who wait for it."""

from __future__ import annotations

import contextvars
import random
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ..access_token import AccessToken
from ..errors import ClientCredentialsError, ConfigurationError, TokenEndpointTimeout
from ..events import TokenRequested
from ..protocols import Clock, TokenSource, name_of
from ..threads import LONGEST_WAIT, ForkSafeLock, Keeper, Strand, exclusive, started, watch_forks
from .flight import Flight, KeyChanged, outcome_for, outcome_of
from .journal import Journal, landing
from .lifecycle import Lifecycle, Rejection, Step
from .pacing import Now, patience_time, renewal_time
from .table import Entry, Key, TokenTable

if TYPE_CHECKING:
    from .stores.sharing import SharedTokens

MAX_RENEWING = 16  # threads that renew ahead at one time, for one server
MOST_RENEWING = 256  # for one cache
MOST_CHANGES = 3  # of a key during the requests of one caller


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
        self._renewing: dict[Flight, str] = {}  # and the servers that they ask
        watch_forks(self)

    def after_fork(self) -> None:
        """Abandon the parent's requests, which no thread of the child ends."""
        self._renewing.clear()
        self._table.after_fork()
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
        key = None if source is None else Key(source)
        self._lock.run(partial(self._table.clear, key))

    def move(
        self, source: TokenSource, transition: Callable[[Lifecycle], Lifecycle]
    ) -> tuple[Lifecycle, Lifecycle]:
        """Move a source's key to another state, if there is such a key.

        :param transition: from a state to the next; called with the lock held.
        :returns: the state before and after.
        """
        key = Key(source)  # a source's own code: not with the lock held
        return self._moved(key, transition, self.now())

    @exclusive
    def _moved(
        self, key: Key, transition: Callable[[Lifecycle], Lifecycle], now: Now
    ) -> tuple[Lifecycle, Lifecycle]:
        entry = self._table.get(key.value)
        if entry is None:
            nothing = Lifecycle()
            return nothing, nothing
        before = entry.state
        entry.state = transition(before)
        self._table.changed(entry, now)
        return before, entry.state

    def current(self, source: TokenSource) -> AccessToken | None:
        """Return a source's current token, from memory or else from the store."""
        entry = self.entry(source)
        if entry is not None and entry.state.usable(self.now()):
            return entry.state.token
        return None if self._shared is None else self._shared.look(source)

    def entry(self, source: TokenSource) -> Entry | None:
        """Return a source's entry, or None; needs no lock."""
        return self._table.get(Key(source).value)

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
        excused, changes = False, 0
        while True:
            keeper = Keeper()
            mine = Flight(keeper, rejection, self.now(), excused=excused)
            try:
                # Its key anew: that of a session changes with its headers.
                step, state, flight = self._board(Key(source), mine)
                if step is Step.RENEW_AHEAD and self._background:
                    self._hand_over(source, mine, keeper)
                    step = Step.SERVE
                if step is Step.SERVE:
                    self._journal.hits.increment()
                    return state.token
                if step is Step.DECLINE:
                    return None
                if step is Step.FAIL:
                    raise state.repeated_error(self.now())
                self._join(source, flight, mine)
            finally:
                # Whatever ends this thread's part, even KeyboardInterrupt: nobody waits for ever.
                try:
                    self._abandon(mine)
                finally:
                    del keeper
            excused = flight.excuses(mine)
            changes += mine.changed
            _check_changes(source, changes)
            token = None if excused else outcome_for(mine, flight)
            if token is not None:
                return token

    def _board(self, key: Key, mine: Flight) -> tuple[str, Lifecycle, Flight]:
        """Decide what to do; if that is a request, ``mine`` becomes the key's flight."""
        decided = self._decided(key, mine)
        if self._table.evicted_usable:
            self._journal.report_eviction(self._table.maxsize)
        return decided

    @exclusive
    def _decided(self, key: Key, mine: Flight) -> tuple[str, Lifecycle, Flight]:
        now = self.now()
        entry = self._table.entry(key, now)
        state = entry.state
        rejected = None if mine.rejection is None else mine.rejection.value
        step = state.step(now, rejected, excused=mine.excused)
        if step in (Step.REQUEST, Step.RENEW_AHEAD):
            mine.entry = entry
            entry.flight, entry.state = mine, state.requested()
            if step is Step.RENEW_AHEAD:
                mine.serves_on = state.token
        return step, state, entry.flight or mine

    def _join(self, source: TokenSource, flight: Flight, mine: Flight) -> None:
        """Make the request, or wait for another's; land that if nobody else will."""
        if flight is mine:
            self._fly(source, mine)
        elif not flight.wait_until_done():
            overdue = TokenEndpointTimeout(
                f"the token request of {name_of(source)} has not ended for {LONGEST_WAIT:.0f} s; "
                f"look for a callable secret or a source that hangs"
            )
            self._land(flight, None if flight.lost else overdue)

    def _hand_over(self, source: TokenSource, flight: Flight, keeper: Keeper) -> None:
        """Make the request in a thread of its own; if none can be started, make no request."""
        if not self._may_renew(source, flight):
            return  # a later caller renews
        try:
            flight.in_background, flight.strand = True, None
            thread = threading.Thread(
                # In the caller's context, so that an observer sees what caused the renewal.
                target=contextvars.copy_context().run,
                args=(self._fly_in_background, source, flight, keeper),
                name="requests-cc renewal",
                daemon=True,
            )
            if not started(thread):
                # The system's limit, or interpreter shutdown, is not a failure: the token serves.
                flight.in_background = not flight.claim()
        except BaseException:
            # An exception such as KeyboardInterrupt may arrive when the thread runs already.
            flight.in_background = not flight.claim()
            raise

    def _may_renew(self, source: TokenSource, flight: Flight) -> bool:
        """Count a renewal in the background, unless its server has too many of them."""
        name = name_of(source)
        return self._counted(flight, name.server or name)

    @exclusive
    def _counted(self, flight: Flight, server: str) -> bool:
        servers = list(self._renewing.values())
        if servers.count(server) >= MAX_RENEWING or len(servers) >= MOST_RENEWING:
            return False
        self._renewing[flight] = server
        return True

    def _fly_in_background(self, source: TokenSource, flight: Flight, keeper: Keeper) -> None:
        flight.strand = Strand()
        if not flight.claim():
            return  # abandoned before this thread ran
        try:
            self._fly(source, flight)
        finally:
            if not flight.landed:
                self._land(flight, None)
            del keeper  # held until here

    def _fly(self, source: TokenSource, flight: Flight) -> None:
        """Bring a token, and end the flight for all who wait."""
        name = name_of(source)
        with flight.aboard():  # the observers too: they may use an API that needs this very token
            outcome = self._bring(source, flight)
        if isinstance(outcome, KeyChanged):
            flight.changed, outcome = True, None
        before = None if flight.entry is None else flight.entry.state.cool_down
        state, now = self._land(flight, outcome)
        self._journal.report_outage(name, flight.outcome, before is not None)
        for event in landing(name, flight, state, now):
            self._journal.record(event, flight.entry)
        if isinstance(flight.outcome, AccessToken):
            self._journal.report_oddities(name, flight.outcome, source, now)

    def _bring(self, source: TokenSource, flight: Flight) -> AccessToken | Exception | None:
        request = partial(self._request, source, flight)
        if self._shared is None:
            return request()
        newer_than = flight.newer_than
        leave_until = None
        if flight.serves_on is not None:
            # With jitter: the first process to renew shares its token with the others.
            spread = random.random()  # noqa: S311 - jitter
            leave_until = patience_time(flight.serves_on, newer_than, self._leeway, spread)
        outcome, flight.shared = self._shared.bring(
            source,
            request,
            newer_than=newer_than,
            rejection=flight.rejection,
            leave_until=leave_until,
        )
        return outcome

    def _request(self, source: TokenSource, flight: Flight) -> AccessToken | Exception:
        flight.began = self.now()  # without the time that was spent on the store
        if flight.has_changed(source):
            return KeyChanged()
        self._journal.record(TokenRequested(name_of(source), flight.reason), flight.entry)
        outcome = outcome_of(source)
        return KeyChanged() if flight.has_changed(source) else outcome

    def _abandon(self, flight: Flight) -> None:
        """End a caller's own flight that has not landed; another caller makes the next request."""
        if flight.entry is not None and not flight.in_background and not flight.landed:
            self._land(flight, None)

    def _land(
        self, flight: Flight, outcome: AccessToken | Exception | None
    ) -> tuple[Lifecycle, Now]:
        """End a flight for all who wait; None: without an outcome."""
        state, now = self._ended(flight, outcome)
        flight.land()
        return state, now

    @exclusive
    def _ended(
        self, flight: Flight, outcome: AccessToken | Exception | None
    ) -> tuple[Lifecycle, Now]:
        now, entry = self.now(), flight.entry or Entry()
        self._renewing.pop(flight, None)
        # Not so in a child that was forked in the middle of a flight, and if those who waited gave
        # it up: there it has landed.
        if entry.flight is flight:
            entry.state = self._next_state(entry.state, flight, outcome, now)
            entry.flight = None
            self._table.changed(entry, now)
            if isinstance(outcome, ClientCredentialsError):
                outcome = entry.state.last_error  # it says when the next request may be made
        if outcome is not None or not flight.landed:
            flight.outcome = outcome
        return entry.state, now

    def _next_state(
        self, state: Lifecycle, flight: Flight, outcome: AccessToken | Exception | None, now: Now
    ) -> Lifecycle:
        spread = random.random()  # noqa: S311 - jitter
        if outcome is None:
            return state.abandoned(now)
        if isinstance(outcome, Exception):
            return state.failed(outcome, now, spread, ahead=flight.ahead)
        # A store counts a token as issued after the one that it replaces: in the future, if the
        # clock was set back meanwhile.
        began, issued_at = flight.began.wall, outcome.issued_at
        requested_at = began if issued_at is None else min(began, issued_at)
        renew_at = renewal_time(outcome, requested_at, self._leeway, spread)
        return state.received(outcome, now, renew_at, flight.rejection)


def _check_changes(source: TokenSource, changes: int) -> None:
    if changes > MOST_CHANGES:
        raise ConfigurationError(
            f"the cache_key of {name_of(source)} changes during each of its token requests; it "
            f"must stay the same as long as the settings do"
        )
