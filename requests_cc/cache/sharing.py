"""One token request for all the processes that share a store.

.. code-block:: text

    look into the store ── a token that will do ───────────────────────────► take it
            │ none
    take the lock ── refused, and another renews ahead ────────────────────► look again later
            │ held, or waited for in vain
    look again ── somebody else was first ─────────────────────────────────► take it
            │ none
    request ── failed: nobody is told, each process has a cool-down of its own
            │
    store the token, release the lock

A failure is not shared. A server that fails at once is asked by one process after the other, once
in each one's cool-down. One that hangs is asked by the first; the others wait for the lock
:data:`LOCK_WAIT` seconds at the most and then ask all together: so it costs each of them that wait
and one timeout, however many they are.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from ..access_token import AccessToken
from ..errors import TokenStoreError
from ..protocols import Clock, TokenSource, TokenStore
from .flight import Flight
from .journal import Journal
from .pacing import renewal_time
from .stored_token import name_in_store, packed, time_to_live, unpacked
from .stores.guard import Breaker

# Seconds. More than a dead holder's lease (10) and the token request after it, so that such a death
# does not make each process ask; little enough for a caller to bear while a server hangs.
LOCK_WAIT = 15.0
TURN = 0.5  # seconds of it at a time: who waits in line does not see that the token is there

Request: TypeAlias = Callable[[], "AccessToken | Exception"]


class Fleet:
    """Takes tokens from a store where other processes put them, and puts them there.

    :param store: any store; it may fail, hang and hold rubbish.
    :param journal: what is told of rubbish.
    :param clock: both clocks.
    :param leeway: float, seconds before expiry at which renewal ahead begins.

    Safe to share between threads; holds no lock of the process.
    """

    def __init__(self, store: TokenStore, journal: Journal, clock: Clock, leeway: float) -> None:
        self._store = Breaker(store, clock=clock)
        self._journal = journal
        self._clock = clock
        self._leeway = leeway

    def bring(
        self, source: TokenSource, flight: Flight, request: Request
    ) -> AccessToken | Exception | None:
        """What a flight is to bring, from the store or else by a request.

        :param request: makes the token request.
        :returns: None: another process renews ahead.
        """
        name = name_in_store(source)
        if name is None:
            return request()
        for _ in range(1 if flight.ahead else int(LOCK_WAIT / TURN)):
            token = self._find(name, source, flight)
            if token is not None:
                return token
            with self._store.lock(name, 0.0 if flight.ahead else TURN) as obtained:
                if obtained:
                    return self._find(name, source, flight) or self._request(name, flight, request)
            if not self._store.available:
                break
        if self._leaves_it_to_another(flight):
            return None
        return self._find(name, source, flight) or self._request(name, flight, request)

    def forget(self, source: TokenSource) -> AccessToken | None:
        """Removes a source's token from the store.

        :returns: the token that was there.
        """
        name = name_in_store(source)
        if name is None:
            return None
        token = self._look(name, source)
        self._store.delete(name)
        return token

    def _look(self, name: str, source: TokenSource) -> AccessToken | None:
        value = self._store.get(name)
        if value is None:
            return None
        try:
            return unpacked(
                value, self._clock.time(), is_bound=getattr(source, "dpop", None) is not None
            )
        except TokenStoreError as error:
            self._journal.report_unusable(error)
            return None

    def _find(self, name: str, source: TokenSource, flight: Flight) -> AccessToken | None:
        """A token from the store that will do for a flight."""
        token = self._look(name, source)
        if token is None or token.issued_at is None or token.issued_at <= _outdated_at(flight):
            return None
        # Renewed ahead it may have the same value: the server hands it out for as long as it lives.
        if flight.rejection is not None and token.value == flight.rejection.value:
            return None
        flight.shared = True
        return token

    def _request(self, name: str, flight: Flight, request: Request) -> AccessToken | Exception:
        before = _outdated_at(flight)
        outcome = request()
        if isinstance(outcome, Exception):
            return outcome
        requested_at = flight.began.wall if outcome.issued_at is None else outcome.issued_at
        # It was issued after the one that it replaces, whatever two hosts' clocks say; and it is
        # the same here as where it is taken from the store.
        issued_at = max(requested_at, math.nextafter(before, math.inf))
        token = replace(outcome, issued_at=issued_at, extra={})
        ttl = time_to_live(token, self._clock.time())
        if ttl > 0:
            self._store.set(name, packed(token), ttl)
        elif flight.rejection is not None:
            self._store.delete(name)
        return token

    def _leaves_it_to_another(self, flight: Flight) -> bool:
        """Whether the token can serve on while whoever has the lock renews it.

        Halfway from when it was due to its expiry, each process renews for itself, so that no
        caller has to wait because the one with the lock hangs.
        """
        token = flight.serves_on
        if token is None or token.expires_at is None or not self._store.available:
            return False
        spread = random.random()  # noqa: S311 - jitter: the first shares its token with the others
        due = renewal_time(token, _outdated_at(flight), self._leeway, spread)
        return self._clock.time() < (due + token.expires_at) / 2


def _outdated_at(flight: Flight) -> float:
    """A token will do for a flight if it was issued after this (seconds since the epoch)."""
    forgotten = flight.entry.state.outdated_at if flight.entry else -math.inf
    before = flight.rejection or flight.serves_on
    if before is None:
        return forgotten
    # Of a token made by hand it is not known when it was issued: before it was rejected.
    return max(forgotten, flight.began.wall if before.issued_at is None else before.issued_at)
