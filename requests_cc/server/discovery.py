"""The metadata of an authorization server: looked up when it is needed, once, and then kept."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import ConfigurationError, InvalidTokenResponse, own_copy
from ..threads import ForkSafeLock, watch_forks
from ..url import check_url, without_query
from .error_response import LONGEST_TEXT, readable_list
from .settings import Reach
from .well_known import LookUp, is_same_issuer, resource_metadata, server_metadata


class FindIssuer(Protocol):
    """Finds out, by looking it up or otherwise, who the authorization server is."""

    @property
    def key_part(self) -> Hashable:
        """Equal only for those that find the same."""

    def __call__(self, url: str, look_up: LookUp) -> str:
        """The URL of the issuer.

        :param url: str, what the server is looked up with.
        :param look_up: how documents are fetched.
        """


@dataclass(frozen=True)
class SameIssuer:
    """For those who know the issuer."""

    @property
    def key_part(self) -> Hashable:
        return "issuer"

    def __call__(self, url: str, look_up: LookUp) -> str:
        return url


same_issuer = SameIssuer()


@dataclass(frozen=True)
class IssuerOfResource:
    """Finds the authorization server of a protected resource (RFC 9728 §2).

    :param trusted: tuple of str, the issuers that may be chosen, or None for any. The resource's
        own order decides.
    """

    trusted: tuple[str, ...] | None

    @property
    def key_part(self) -> Hashable:
        return ("resource", self.trusted)

    def __call__(self, url: str, look_up: LookUp) -> str:
        document = resource_metadata(url, look_up)
        servers = document.get("authorization_servers")
        named = (
            [one for one in servers if isinstance(one, str)] if isinstance(servers, list) else []
        )
        for issuer in named:
            if self.trusted is None:
                return self._checked(issuer, url, look_up)
            for one in self.trusted:
                if is_same_issuer(one, issuer):
                    return one
        whom = "" if self.trusted is None else " that issuers= trusts"
        raise InvalidTokenResponse(
            f"the metadata of the resource {without_query(url)} names no authorization server"
            f"{whom}; it has {readable_list(named) or 'none'}"
        )

    def _checked(self, issuer: str, url: str, look_up: LookUp) -> str:
        """An issuer that only the resource vouches for."""
        try:
            check_url(issuer, "the authorization server", allow_http=look_up.reach.allow_http)
        except ConfigurationError as error:
            reason = str(error)[:LONGEST_TEXT]
        else:
            return issuer
        raise InvalidTokenResponse(
            f"the metadata of the resource {without_query(url)} cannot be used: {reason}"
        )


class Metadata:
    """The metadata of one authorization server.

    :param url: str, the issuer's or the resource's URL.
    :param find_issuer: from that URL to the issuer's: :data:`~requests_cc.issuer.same_issuer`,
        or an :class:`~requests_cc.issuer.IssuerOfResource`.
    :param reach: how the documents are fetched.

    Safe to share between threads: one of them fetches, and those who wait for it share what comes
    of it, an exception too. A pickle holds no document, and a child process whose parent was
    fetching fetches for itself.
    """

    def __init__(self, url: str, find_issuer: FindIssuer, reach: Reach) -> None:
        self.url = url
        self.reach = reach
        self._find_issuer = find_issuer
        self._lock = ForkSafeLock()  # guards the change of _fetch; never held during I/O
        self._fetch: _Fetch | None = None  # under way, or the last one
        watch_forks(self)

    def document(self) -> Mapping[str, Any]:
        """The metadata document (RFC 8414 §2).

        :returns: its members; what their values are is not checked, but for ``issuer``.
        :raises TokenRequestError: when it cannot be had; the message lists what was tried. The
            next call tries again.
        """
        while True:
            current = self._fetch
            if current is None or current.document is None:
                current = self._fetched_by_one()
            if isinstance(current.outcome, Exception):
                raise own_copy(current.outcome)
            if current.document is not None:
                return current.document

    def forget(self) -> None:
        """Has it looked up anew: an endpoint that it named did not answer as one."""
        with self._lock:
            if self._fetch is not None and self._fetch.landed:
                self._fetch = None

    def after_fork(self) -> None:
        """What the parent is fetching, nobody here will bring."""
        if self._fetch is not None and self._fetch.document is None:
            self._fetch = None

    @property
    def key_part(self) -> Hashable:
        """Equal only for those that name the same server: the URL given, and how it was meant."""
        return (self.url, self._find_issuer.key_part)

    def _fetched_by_one(self) -> _Fetch:
        """Fetches, or waits for another thread that does."""
        mine = _Fetch()
        try:
            current = self._joined(mine)
            if current is mine:
                mine.outcome = self._look_up()
            else:
                current.wait()
        finally:
            # Whatever ended this thread's part, KeyboardInterrupt too: nobody waits for ever.
            mine.land()
        return current

    def _joined(self, mine: _Fetch) -> _Fetch:
        """The fetch that is under way or brought a document; where there is none, ``mine``."""
        with self._lock:
            current = self._fetch
            if current is None or (current.landed and current.document is None):
                self._fetch = current = mine
            return current

    def _look_up(self) -> Mapping[str, Any] | Exception:
        look_up = LookUp.begin(self.reach)
        try:
            return server_metadata(self._find_issuer(self.url, look_up), look_up)
        except Exception as error:  # noqa: BLE001 - whatever it is, all who wait are given it
            return own_copy(error)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.url, self._find_issuer, self.reach)


class _Fetch:
    """One fetch of the metadata, and those who wait for it."""

    __slots__ = ("_under_way", "landed", "outcome")

    def __init__(self) -> None:
        self.outcome: Mapping[str, Any] | Exception | None = None
        self.landed = False
        # Held until it lands. Not an Event: KeyboardInterrupt in the middle of Event.set() leaves
        # those who wait asleep for ever; the methods of a lock have no middle.
        self._under_way = threading.Lock()
        self._under_way.acquire()

    @property
    def document(self) -> Mapping[str, Any] | None:
        return None if isinstance(self.outcome, Exception) else self.outcome

    def land(self) -> None:
        """Ends it, once, for all who wait; without an outcome, another of them fetches."""
        self.landed = True
        self._under_way.release()

    def wait(self) -> None:
        with self._under_way:  # one after another, each lets the next one through
            return
