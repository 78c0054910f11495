"""When a token is requested: a thread-safe, in-memory cache that a store can join to others.

One token request at a time for one key, shared by all who need it. No lock is held during I/O. A
caller who finds a fresh token takes no lock and reads no store.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, overload

from ..access_token import AccessToken
from ..errors import ConfigurationError
from ..events import Observer
from ..protocols import SYSTEM_CLOCK, Clock, TokenSource, TokenStore, revocation_of
from ..settings import check_bool, is_number
from .journal import Journal
from .lifecycle import Step
from .renewal import Renewal
from .single_flight import SingleFlight
from .table import Entry, Key, TokenTable

if TYPE_CHECKING:
    from .stats import CacheStats, SourceStats


class TokenCache:
    """A cache of access tokens: one token request, however many callers need the token.

    :param store: where processes share tokens, any :class:`~requests_cc.protocols.TokenStore`, or
        None. It is read if memory has no fresh token, for sources whose ``cache_key`` is a str. A
        store that fails, hangs or holds unusable data counts as a miss, logged once. A token's
        ``extra`` is shared only if the store encrypts; the process that requested the token keeps
        it. A token without an expiry is shared for an hour.
    :param leeway: float, seconds before expiry at which renewal begins; at most a quarter of the
        token's lifetime.
    :param background: bool, whether renewal ahead runs in a thread of its own. False: the caller
        who finds the renewal due makes the request, and the others use the current token.
    :param maxsize: int, keys to keep.
    :param observers: callables, each called with every :class:`~requests_cc.events.Event`.
    :param clock: an object with ``time()`` and ``monotonic()``.
    :raises ConfigurationError: if a setting is wrong.

    Safe to share between threads, and to use after ``fork()``. A pickle carries the settings, the
    store among them, and no token.
    """

    def __init__(
        self,
        store: TokenStore | None = None,
        *,
        leeway: float = 60.0,
        background: bool = True,
        maxsize: int = 16384,
        observers: Iterable[Observer] = (),
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        _check_store(store)
        _check_numbers(leeway, maxsize)
        _check_clock(clock)
        check_bool(background, "background")
        self._settings: dict[str, Any] = {
            "store": store,
            "leeway": leeway,
            "background": background,
            "maxsize": maxsize,
            "observers": _checked_observers(observers),
            "clock": clock,
        }
        self._journal = Journal(self._settings["observers"])
        table = TokenTable(maxsize)
        # What every hit needs, at hand. The module itself is one call less than a SystemClock.
        self._clock: Clock = time if clock is SYSTEM_CLOCK else clock
        self._find, self._count_hit = table.get, self._journal.hits.increment
        shared = None
        if store is not None:
            from .stores.sharing import SharedTokens  # noqa: PLC0415 - few caches have a store

            shared = SharedTokens(store, clock, self._journal.report_unusable)
        self._flights = SingleFlight(
            table, self._journal, clock, shared, leeway=leeway, background=background
        )
        for observer in self._settings["observers"]:
            watch = getattr(observer, "watch", None)
            if callable(watch):
                watch(self)

    def token(self, source: TokenSource) -> AccessToken:
        """Return the current token of a source, requested only if needed.

        :param source: makes the token request.
        :returns: an :class:`AccessToken` that has not expired; if the server's tokens expire at
            once, the one that this call waited for.
        :raises TokenRequestError: if none can be obtained. Whatever a user's own source raises is
            passed on.
        """
        entry = self._find((type(source), source.cache_key))
        if entry is not None:
            state, now = entry.state, self._clock.time()
            if now < state.renew_at:
                entry.used_at = now
                self._count_hit()
                return state.token  # type: ignore[return-value] # without one renew_at is -inf
        return self._flights.obtain(source, None)  # type: ignore[return-value] # never declined

    def peek(self, source: TokenSource) -> AccessToken | None:
        """Return the current token of a source, if memory has one; never request one.

        No I/O: the store is not read, and nothing is counted.

        :returns: an :class:`AccessToken` that has not expired, or None.
        """
        entry = self._find(Key(source).value)
        state = None if entry is None else entry.state
        return state.token if state and state.usable(self._flights.now()) else None

    def renew(self, source: TokenSource, rejected: AccessToken) -> AccessToken | None:
        """Return another token than a rejected one: at most one request, whoever asks.

        :meth:`renewal` in one line, for callers who do not report whether the new token was
        accepted. Without that report the next renewal has to wait: 1 s, doubling to 30 s.

        :param source: makes the token request.
        :param rejected: the token that the API rejected.
        :returns: another :class:`AccessToken`, newly requested or already cached; None if renewing
            is pointless now: the last renewed token was rejected too, or the server returned the
            rejected token.
        :raises TokenRequestError: if the request failed. The rejected token stays in use for other
            callers until it expires.
        """
        renewal = self.renewal(source, rejected)
        return None if renewal is None else renewal.token()

    def renewal(self, source: TokenSource, rejected: AccessToken) -> Renewal | None:
        """Begin the renewal of a token that an API rejected.

        Makes no request: the :class:`~requests_cc.cache.renewal.Renewal` does. Ask for its
        ``token()``, send the API request again, then call ``accepted()`` or ``rejected()``.

        :param source: makes the token request.
        :param rejected: the token that the API rejected.
        :returns: a ``Renewal``, for one thread; None if renewing is pointless now.
        """
        entry = self._find(Key(source).value)
        if entry is not None:
            step = entry.state.step(self._flights.now(), rejected.value)
            if step is Step.DECLINE:
                return None
        return Renewal(source, rejected, self._flights, self._journal)

    def invalidate(self, source: TokenSource) -> None:
        """Forget the current token of a source, in the store too; cool-downs and holds continue.

        Other processes continue to use the token that they have in memory. If the store is down, it
        still has the token when it is back.

        :param source: whose token.
        """
        self._flights.forget(source)

    def revoke(self, source: TokenSource) -> None:
        """Revoke the current token of a source at the authorization server, and forget it.

        If the server does not revoke it, the token is kept, so that this can be called again.
        Without a token, this does nothing. A token that is being requested meanwhile stays.

        :param source: whose token; it has a method ``revoke(token)``, as
            :class:`~requests_cc.ClientCredentials` has.
        :raises ConfigurationError: if it does not, or the server has no revocation endpoint.
        :raises TokenRequestError: if the server refuses, or does not respond.

        RFC 7009 section 2.
        """
        revoke = revocation_of(source)
        if revoke is None:
            raise ConfigurationError(
                f"{type(source).__qualname__} has no method revoke(token); use invalidate() to "
                f"forget its token without revoking it"
            )
        token = self._flights.current(source)
        if token is not None:
            revoke(token)
            if self._flights.current(source) == token:
                self._flights.forget(source)

    def clear(self, source: TokenSource | None = None) -> None:
        """Forget the tokens, cool-downs and holds of one source, or of all, in memory.

        The next call may request a token at once. Requests under way continue. The store keeps its
        tokens, and the next call takes a usable one from there: call :meth:`invalidate` too if the
        token itself is bad.

        :param source: whose; None: of all sources.
        """
        self._flights.clear(source)

    @overload
    def stats(self, source: None = None) -> CacheStats: ...
    @overload
    def stats(self, source: TokenSource) -> SourceStats: ...
    def stats(self, source: TokenSource | None = None) -> CacheStats | SourceStats:
        """Return what is in memory now, and the counts.

        :param source: the source to look at; None: all of them, since the cache was made.
        :returns: a :class:`CacheStats`; for one source a :class:`SourceStats`.
        """
        now = self._flights.now()
        if source is not None:
            entry = self._flights.entry(source) or Entry()
            own = entry.state
            states_now = (own.usable(now), own.cools_for(now) > 0, own.held_for(now) > 0)
            from .stats import SourceStats  # noqa: PLC0415 - few programs ask for it

            return SourceStats._make((*map(int, states_now), *entry.tally))
        states = self._flights.states()
        return self._journal.stats(
            tokens=sum(state.usable(now) for state in states),
            cooling_down=sum(state.cools_for(now) > 0 for state in states),
            held=sum(state.held_for(now) > 0 for state in states),
        )

    def __repr__(self) -> str:
        stats, store = self.stats(), self._settings["store"]
        shared = "" if store is None else f" store={type(store).__qualname__}"
        counts = " ".join(
            f"{name}={getattr(stats, name)}"
            for name in ("tokens", "cooling_down", "held", "hits", "requests", "failures")
        )
        return f"<{type(self).__name__} {counts}{shared}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), **self._settings), ()


def _check_numbers(leeway: float, maxsize: int) -> None:
    if not is_number(leeway) or leeway < 0:
        raise ConfigurationError("leeway must be seconds, zero or more")
    if isinstance(maxsize, bool) or not isinstance(maxsize, int) or maxsize < 1:
        raise ConfigurationError("maxsize must be an int, one or more")


def _check_clock(clock: object) -> None:
    if not all(callable(getattr(clock, name, None)) for name in ("time", "monotonic")):
        raise ConfigurationError("clock must have time() and monotonic(), as the module time has")


def _checked_observers(observers: Iterable[Observer]) -> tuple[Observer, ...]:
    if isinstance(observers, Iterable):
        checked = tuple(observers)
        if all(callable(observer) for observer in checked):
            return checked
    raise ConfigurationError(
        "observers must be callables that take one event; pass a list, even for a single one"
    )


def _check_store(store: object) -> None:
    methods = [getattr(store, name, None) for name in ("get", "set", "delete", "lock")]
    if store is not None and (isinstance(store, type) or not all(map(callable, methods))):
        kind = store if isinstance(store, type) else type(store)
        raise ConfigurationError(
            f"store must be a TokenStore, an object with the methods get, set, delete and lock, "
            f"not {kind.__qualname__}; pass FileTokenStore(path), for example"
        )


_default = TokenCache()


def default_cache() -> TokenCache:
    """Return the cache of this process, which an adapter without a ``cache=`` uses.

    :returns: a :class:`TokenCache`.
    """
    return _default


def set_default_cache(cache: TokenCache) -> TokenCache:
    """Replace the cache of this process; adapters look it up at each send.

    :param cache: a :class:`TokenCache`.
    :returns: the previous one.
    :raises ConfigurationError: if ``cache`` is not a TokenCache.
    """
    global _default
    if not isinstance(cache, TokenCache):
        raise ConfigurationError("set_default_cache() takes a TokenCache")
    before, _default = _default, cache
    return before
