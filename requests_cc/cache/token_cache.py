"""When to ask: a thread-locked, in-memory cache of access tokens, which a store can join to others.

One token request at a time for one key, shared by all who want it. No lock is held during I/O,
and a caller who finds a fresh token takes none, and asks no store.
"""

from __future__ import annotations

import math
import threading
import time
from functools import partial
from typing import Any

from ..access_token import AccessToken
from ..errors import ConfigurationError
from ..events import Observer, RenewalHeld, TokenRejected
from ..protocols import Clock, TokenSource, TokenStore
from ..threads import ForkSafeLock
from .flight import TokenTable, key_of
from .journal import CacheStats, Journal, label
from .lifecycle import Rejection, Step
from .sharing import Fleet
from .single_flight import SingleFlight


class TokenCache:
    """Hands out the current token of a source, and renews it: one request, however many ask.

    :param store: where processes share tokens: any :class:`~requests_cc.protocols.TokenStore`; or
        None. It is asked where memory has nothing fresh, for sources whose ``cache_key`` is a str.
        One that fails, hangs or holds rubbish is a miss, said once in the log. A token's ``extra``
        is not shared, and so with a store it is empty; a token without an expiry is kept there for
        an hour.
    :param leeway: float, seconds before expiry at which renewal begins; at most a quarter of the
        token's lifetime counts.
    :param background: bool, whether renewal ahead runs in a thread of its own. False: the caller
        who finds it due makes it, the others go on with the current token.
    :param maxsize: int, keys to keep.
    :param observer: called with each :class:`~requests_cc.protocols.Event`, or None.
    :param clock: what has ``time()`` and ``monotonic()``.
    :raises ConfigurationError: when a setting is wrong.

    Safe to share between threads, and to use after ``fork()``. A pickle carries its settings, the
    store among them, and no token.
    """

    def __init__(
        self,
        store: TokenStore | None = None,
        *,
        leeway: float = 60.0,
        background: bool = True,
        maxsize: int = 16384,
        observer: Observer | None = None,
        clock: Clock = time,
    ) -> None:
        _check_store(store)
        _check_numbers(leeway, maxsize)
        _check_parts(background, observer, clock)
        self._settings: dict[str, Any] = {
            "store": store,
            "leeway": leeway,
            "background": background,
            "maxsize": maxsize,
            "observer": observer,
        }
        self._clock = clock
        self._journal = Journal(observer)
        table = TokenTable(maxsize)
        # What every hit needs, at hand; the clock is not, since tests freeze the module time later.
        self._find, self._count_hit = table.get, self._journal.hits.increment
        fleet = None if store is None else Fleet(store, self._journal, clock, leeway)
        self._flights = SingleFlight(
            table, self._journal, clock, fleet, leeway=leeway, background=background
        )
        self._reading = ForkSafeLock()  # guards the counts, which one thread at a time may read

    def token(self, source: TokenSource) -> AccessToken:
        """The current token of a source, requested only if needed.

        :param source: what can request it.
        :returns: an :class:`AccessToken` that has not expired; where the server gives tokens that
            live for no time at all, the one that this call waited for.
        :raises TokenRequestError: when none could be had; and whatever a user's source raises.
        """
        entry = self._find((type(source), source.cache_key))
        if entry is not None:
            state, now = entry.state, self._clock.time()
            if now < state.renew_at:
                entry.used_at = now
                self._count_hit()
                return state.token  # type: ignore[return-value] # without one renew_at is -inf
        return self._flights.obtain(source, None)  # type: ignore[return-value] # only 401s decline

    def renew(self, source: TokenSource, rejected: AccessToken) -> AccessToken | None:
        """Another token than the one that an API rejected: at most one request, whoever asks.

        :param source: what can request it.
        :param rejected: the token that was answered 401.
        :returns: an :class:`AccessToken`, possibly one that is there already; None where there is
            none to be had now, since the last one that a 401 brought was rejected as well, or the
            server hands the same one out again.
        :raises TokenRequestError: when the request failed; the old token goes on serving others.
        """
        self._journal.record(TokenRejected(label(source)))
        token = self._flights.obtain(source, _rejection(rejected))
        return None if token is None or token.value == rejected.value else token

    def declines(self, source: TokenSource, rejected: AccessToken) -> bool:
        """Whether :meth:`renew` would answer None at once, without a look at the server.

        :param source: what can request a token.
        :param rejected: the token that was answered 401.
        """
        entry = self._find(key_of(source))
        if entry is None:
            return False
        return entry.state.step(self._flights.now(), rejected.value) is Step.DECLINE

    def hold(self, source: TokenSource, rejected: AccessToken) -> None:
        """A token minted after a 401 was rejected as well: a 401 renews nothing for a while.

        For one second, doubling to thirty; started over once a resend is accepted.

        :param source: what requested it.
        :param rejected: that token.
        """
        now = self._flights.now()
        before, after = self._flights.move(
            source, lambda state: state.rejected(_rejection(rejected), now)
        )
        if after is not before:
            self._journal.record(RenewalHeld(label(source), after.held_for(now)))

    def accept(self, source: TokenSource, renewed: AccessToken) -> None:
        """A resend with a token that a 401 brought was accepted: the next hold starts over.

        It counts in the thread whose 401 brought the token, and in no other.

        :param source: what requested it.
        :param renewed: that token.
        """
        caller = threading.get_ident()
        self._flights.move(source, lambda state: state.accepted(renewed.value, caller))

    def invalidate(self, source: TokenSource) -> None:
        """Forgets the current token of a source, in the store too; cool-downs and holds go on.

        Other processes go on with what they have in memory. A store that is down still has it
        when it is back.

        :param source: what requested it.
        """
        self._flights.forget(source)

    def revoke(self, source: TokenSource) -> None:
        """Forgets the current token of a source, and has the authorization server revoke it.

        It is forgotten even where the server does not do so. Where there is no token, there is
        nothing to do. One that is being requested meanwhile stays.

        :param source: what requested it; it has a method ``revoke(token)``, as
            :class:`~requests_cc.ClientCredentials` has.
        :raises ConfigurationError: when it has none, or the server no revocation endpoint.
        :raises TokenRequestError: when the server refuses, or does not answer.

        RFC 7009 §2.
        """
        revoke = getattr(source, "revoke", None)
        if not callable(revoke):
            raise ConfigurationError(
                f"{type(source).__qualname__} has no method revoke(token): invalidate() forgets "
                f"its token without a word to the server"
            )
        token = self._flights.forget(source)
        if token is not None:
            revoke(token)

    def clear(self) -> None:
        """Forgets every token, cool-down and hold in memory; requests under way go on.

        What is in the store stays there, and is taken from there again.
        """
        self._flights.clear()

    def stats(self) -> CacheStats:
        """What is in memory now, and what was done since the cache was made.

        :returns: a frozen :class:`CacheStats`.
        """
        now, states = self._flights.now(), self._flights.states()
        with self._reading:
            return self._journal.stats(
                tokens=sum(state.usable(now) for state in states),
                cooling_down=sum(state.cools_for(now) > 0 for state in states),
                held=sum(state.held_for(now) > 0 for state in states),
            )

    def __reduce__(self) -> tuple[Any, ...]:
        # The module time is what no pickle can hold, and what every other process has.
        settings = {**self._settings, "clock": self._clock}
        if self._clock is time:
            del settings["clock"]
        return partial(type(self), **settings), ()


def _rejection(token: AccessToken) -> Rejection:
    return Rejection(token.value, threading.get_ident(), token.issued_at)


def _check_numbers(leeway: float, maxsize: int) -> None:
    is_number = isinstance(leeway, (int, float)) and not isinstance(leeway, bool)
    if not is_number or not 0 <= leeway < math.inf:
        raise ConfigurationError("leeway must be seconds, zero or more")
    if isinstance(maxsize, bool) or not isinstance(maxsize, int) or maxsize < 1:
        raise ConfigurationError("maxsize must be an int, one or more")


def _check_parts(background: object, observer: object, clock: object) -> None:
    if not isinstance(background, bool):
        raise ConfigurationError("background must be True or False")
    if observer is not None and not callable(observer):
        raise ConfigurationError("observer must be callable with one event, or None")
    if not all(callable(getattr(clock, name, None)) for name in ("time", "monotonic")):
        raise ConfigurationError("clock must have time() and monotonic(), as the module time has")


def _check_store(store: object) -> None:
    methods = [getattr(store, name, None) for name in ("get", "set", "delete", "lock")]
    if store is not None and (isinstance(store, type) or not all(map(callable, methods))):
        kind = store if isinstance(store, type) else type(store)
        raise ConfigurationError(
            f"store must be a TokenStore, an object with the methods get, set, delete and lock, "
            f"such as FileTokenStore(path): {kind.__qualname__} is none"
        )


_default = TokenCache()


def default_cache() -> TokenCache:
    """The cache of this process, which an adapter without one of its own uses.

    :returns: a :class:`TokenCache`.
    """
    return _default


def set_default_cache(cache: TokenCache) -> TokenCache:
    """Replaces the cache of this process; adapters look it up at each send.

    :param cache: a :class:`TokenCache`.
    :returns: the one before.
    :raises ConfigurationError: when ``cache`` is none.
    """
    global _default
    if not isinstance(cache, TokenCache):
        raise ConfigurationError("set_default_cache() takes a TokenCache")
    before, _default = _default, cache
    return before
