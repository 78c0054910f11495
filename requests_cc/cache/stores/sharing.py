"""One token request for all the processes that share a store.

.. code-block:: text

    look into the store ── a token that will do ─────────────────────► take it
            │ none
    take the lock ── not obtained, and another process renews ahead ─► look again later
            │ obtained, or 15 seconds are over
    look again ── another process was first ─────────────────────────► take it
            │ none
    request ── failed: not shared, each process has its own cool-down
            │
    store the token, release the lock

If the server fails at once, one process after the other makes a request, once in each one's
cool-down. If it hangs, the first process makes a request; the others wait for the lock for
:data:`LOCK_WAIT` seconds at the most, and then make their requests all together. So a server that
hangs costs each process that wait and one timeout, however many processes there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from ...access_token import AccessToken
from ...errors import TokenStoreError
from ...protocols import Clock, TokenSource, TokenStore, proof_key_of
from .guard import Breaker
from .stored_token import name_in_store, packed, time_to_live, unpacked

if TYPE_CHECKING:
    from ..lifecycle import Rejection

# Seconds. More than the lease of a lock whose holder died (10) and a token request after it, so
# that such a death does not lead to a request from each process; short enough for a caller to bear
# while a server hangs.
LOCK_WAIT = 15.0
# Seconds of it at a time. Without turns, the processes in line would see a token that is there only
# when the lock comes to them, one after the other.
TURN = 0.5

Request: TypeAlias = Callable[[], "AccessToken | Exception"]
#: The token, the error of the request, or None: another process renews ahead. And whether the token
#: comes from the store.
Brought: TypeAlias = "tuple[AccessToken | Exception | None, bool]"


class Wanted:
    """The requirements for a token from a store.

    :param name: str, its name in the store.
    :param is_bound: bool, whether it must be bound to a key (RFC 9449).
    :param newer_than: wall; it must have been issued later.
    :param rejection: the rejection of a token by an API, which it must not be, or None.
    """

    __slots__ = ("is_bound", "name", "newer_than", "rejection")

    def __init__(
        self, name: str, *, is_bound: bool, newer_than: float, rejection: Rejection | None
    ) -> None:
        self.name = name
        self.is_bound = is_bound
        self.newer_than = newer_than
        self.rejection = rejection


class SharedTokens:
    """The tokens of all processes that share a store.

    :param store: any store; it may fail, hang and hold unusable data.
    :param clock: both clocks.
    :param report: receives a TokenStoreError for each unusable entry that is ignored.

    Safe to share between threads; holds no lock of the process.
    """

    def __init__(
        self, store: TokenStore, clock: Clock, report: Callable[[TokenStoreError], None]
    ) -> None:
        self._store = Breaker(store, clock=clock)
        self._encrypts = getattr(store, "encrypts", None) is True
        self._clock = clock
        self._report = report

    def bring(
        self,
        source: TokenSource,
        request: Request,
        *,
        newer_than: float,
        rejection: Rejection | None,
        leave_until: float | None,
    ) -> Brought:
        """Return a token from the store, or else the outcome of a request.

        :param request: makes the token request.
        :param newer_than: wall; a token will do if it was issued later.
        :param rejection: the rejection of a token by an API, or None: another token is wanted.
        :param leave_until: wall; until then, renewal is left to another process that has begun it,
            since the current token is still in use. None: the caller waits for a token.
        """
        name = name_in_store(source)
        if name is None:
            return request(), False
        bound = _is_bound(source)
        wanted = Wanted(name, is_bound=bound, newer_than=newer_than, rejection=rejection)
        waits = leave_until is None
        for _ in range(int(LOCK_WAIT / TURN) if waits else 1):
            token = self._find(wanted)
            if token is not None:
                return token, True
            with self._store.lock(name, TURN if waits else 0.0) as obtained:
                if obtained:
                    return self._find_or_request(wanted, request)
            if not self._store.available:
                return self._find_or_request(wanted, request)
        if leave_until is not None and self._clock.time() < leave_until:
            return None, False
        return self._find_or_request(wanted, request)

    def look(self, source: TokenSource) -> AccessToken | None:
        """Return a source's token in the store."""
        name = name_in_store(source)
        return None if name is None else self._look(name, is_bound=_is_bound(source))

    def forget(self, source: TokenSource) -> AccessToken | None:
        """Delete a source's token from the store.

        :returns: the token that was there.
        """
        token, name = self.look(source), name_in_store(source)
        if name is not None:
            self._store.delete(name)
        return token

    def _look(self, name: str, *, is_bound: bool) -> AccessToken | None:
        value = self._store.get(name)
        if value is None:
            return None
        try:
            return unpacked(value, self._clock.time(), is_bound=is_bound)
        except TokenStoreError as error:
            self._report(error)
            return None

    def _find(self, wanted: Wanted) -> AccessToken | None:
        token = self._look(wanted.name, is_bound=wanted.is_bound)
        if token is None or token.issued_at is None or token.issued_at <= wanted.newer_than:
            return None
        # In a renewal ahead it may have the same value: some servers return one token again and
        # again until it expires.
        rejection = wanted.rejection
        return None if rejection is not None and token.value == rejection.value else token

    def _find_or_request(self, wanted: Wanted, request: Request) -> Brought:
        token = self._find(wanted)
        if token is not None:
            return token, True
        requested_at = self._clock.time()
        outcome = request()
        if isinstance(outcome, Exception):
            return outcome, False
        # It was issued after the token that it replaces, whatever the clocks of two hosts say; and
        # it is the same here as for a process that takes it from the store.
        issued_at = max(
            requested_at if outcome.issued_at is None else outcome.issued_at,
            math.nextafter(wanted.newer_than, math.inf),
        )
        token = replace(outcome, issued_at=issued_at)
        self._put(wanted, token)
        return token, False

    def _put(self, wanted: Wanted, token: AccessToken) -> None:
        ttl = time_to_live(token, self._clock.time())
        if ttl > 0:
            self._store.set(wanted.name, packed(token, with_extra=self._encrypts), ttl)
        elif wanted.rejection is not None:
            self._store.delete(wanted.name)


def _is_bound(source: TokenSource) -> bool:
    return proof_key_of(source) is not None
