"""Discovery: an authorization server's metadata is looked up when it is needed, once, and kept."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple, TypeAlias

from ..errors import InvalidTokenResponse, own_copy
from ..http.shown import readable_list
from ..threads import ForkSafeLock, Keeper, Watched, exclusive, watch_forks
from ..url import check_url, without_query
from .metadata import ServerDocument, texts
from .reach import Reach
from .well_known import LookUp, is_same_issuer, resource_metadata, server_metadata


class SameIssuer(NamedTuple):
    """Takes the URL itself for the issuer's.

    :param location: str, the URL of the document; None: it follows from the issuer's.
    """

    location: str | None = None

    @property
    def made_by(self) -> str:
        return "discover"

    @property
    def names_strangers(self) -> bool:
        return False

    @property
    def key_part(self) -> Hashable:
        return "issuer" if self.location is None else ("issuer", self.location)

    def check(self, url: str, *, allow_http: bool) -> None:
        check_url(url, "issuer", allow_http=allow_http)
        if self.location is not None:
            check_url(self.location, "url", allow_http=allow_http)

    def __call__(self, url: str, look_up: LookUp) -> str:
        return url


class IssuerOfResource(NamedTuple):
    """Finds the authorization server of a protected resource (RFC 9728 §2).

    :param trusted: tuple of str, the issuers that may be chosen. The resource's own order decides.
    :param metadata_url: str, the URL of the resource's document; None: it follows from its own.
    """

    trusted: tuple[str, ...]
    metadata_url: str | None = None

    @property
    def made_by(self) -> str:
        return "discover_for"

    @property
    def location(self) -> str | None:
        return None

    @property
    def names_strangers(self) -> bool:
        return True

    @property
    def key_part(self) -> Hashable:
        more = () if self.metadata_url is None else (self.metadata_url,)
        return ("resource", self.trusted, *more)

    def check(self, url: str, *, allow_http: bool) -> None:
        check_url(url, "resource_url", allow_http=allow_http)
        for issuer in self.trusted:
            check_url(issuer, "each of issuers", allow_http=allow_http)
        if self.metadata_url is not None:
            check_url(self.metadata_url, "metadata_url", allow_http=allow_http)

    def __call__(self, url: str, look_up: LookUp) -> str:
        document = resource_metadata(url, look_up, self.metadata_url)
        named = texts(document.get("authorization_servers")) or ()
        for issuer in named:
            for one in self.trusted:
                if is_same_issuer(one, issuer):
                    return one
        raise InvalidTokenResponse(
            f"the metadata of the resource {without_query(url)} names no authorization server "
            f"that issuers= trusts; it has {readable_list(named) or 'none'}"
        )


#: From the URL that a server is looked up with to its issuer's; ``made_by`` is the method of
#: AuthorizationServer that discovers so, ``location`` the URL of the server's document if it does
#: not follow from the issuer's. With ``names_strangers`` a document comes from another host.
FindIssuer: TypeAlias = "SameIssuer | IssuerOfResource"


class Discovery:
    """The look-up of one authorization server's metadata.

    :param url: str, the issuer's or the resource's URL.
    :param find_issuer: from that URL to the issuer's.
    :param reach: how the documents are fetched.
    :raises ConfigurationError: if a URL is not valid.

    Safe to share between threads: one of them fetches, and those who wait share the outcome, an
    exception too. Two are equal if they find the same, whether it has been fetched or not. A
    pickle holds no document, and a child process whose parent was fetching fetches for itself.
    """

    def __init__(self, url: str, find_issuer: FindIssuer, reach: Reach) -> None:
        find_issuer.check(url, allow_http=reach.allow_http)
        self.url = url
        self.reach = reach
        self._find_issuer = find_issuer
        self._lock = ForkSafeLock()  # guards the change of _fetch; never held during I/O
        self._fetch: _Fetch | None = None  # under way, or the last one
        watch_forks(self)

    def document(self) -> ServerDocument:
        """Return the metadata document (RFC 8414 §2).

        :raises TokenRequestError: if it cannot be fetched; the message lists what was tried. The
            next call tries again.
        """
        while True:
            current = self._fetch
            if current is None or current.document is None:
                current = self._fetched_by_one()
            if current.error is not None:
                raise own_copy(current.error)
            if current.document is not None:
                return current.document

    def through(self, reach: Reach) -> Discovery:
        """Return the same discovery with other settings; nothing is fetched.

        :param reach: how the documents are fetched.
        :raises ConfigurationError: if a URL is not valid with it.
        """
        if reach == self.reach:
            return self
        return Discovery(self.url, self._find_issuer, reach)

    @exclusive
    def forget(self) -> None:
        """Discard the document, since an endpoint that it names failed: it may have moved."""
        if self._fetch is not None and self._fetch.landed:
            self._fetch = None

    def after_fork(self) -> None:
        """Drop a fetch that was running in the parent: its thread does not exist in the child."""
        if self._fetch is not None and self._fetch.document is None:
            self._fetch = None

    @property
    def made_by(self) -> str:
        """The method of :class:`~requests_cc.AuthorizationServer` that discovers so."""
        return self._find_issuer.made_by

    @property
    def shown_url(self) -> str:
        """The URL that was given, without its query, for messages."""
        return without_query(self.url)

    @property
    def key_part(self) -> Hashable:
        """The part of a cache key: equal only for those that find the same server."""
        return (self.url, self._find_issuer.key_part)

    def _fetched_by_one(self) -> _Fetch:
        """Fetch the document, or wait for another thread that does."""
        keeper = Keeper()
        mine = _Fetch(keeper)
        try:
            current = self._joined(mine)
            if current is mine:
                self._look_up(mine)
            elif not current.wait_until_done():
                current.land()  # without an outcome: the next caller fetches
        finally:
            # Whatever ended this thread's part, KeyboardInterrupt too: nobody waits forever.
            try:
                mine.land()
            finally:
                del keeper
        return current

    @exclusive
    def _joined(self, mine: _Fetch) -> _Fetch:
        """Return the fetch that is under way or brought a document; if there is none, ``mine``."""
        current = self._fetch
        if current is None or (current.landed and current.document is None):
            self._fetch = current = mine
        return current

    def _look_up(self, fetch: _Fetch) -> None:
        look_up = LookUp.begin(self.reach, bare=self._find_issuer.names_strangers)
        location = self._find_issuer.location
        try:
            issuer = self._find_issuer(self.url, look_up)
            members = server_metadata(issuer, look_up, location)
        except Exception as error:  # noqa: BLE001 - whatever it is, all who wait raise it
            fetch.error = own_copy(error)
        else:
            fetch.document = ServerDocument(
                members,
                self.url,
                allow_http=self.reach.allow_http,
                over_https=(location or issuer).lower().startswith("https:"),
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Discovery) and self.key_part == other.key_part

    def __hash__(self) -> int:
        return hash(self.key_part)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.url, self._find_issuer, self.reach)


class _Fetch(Watched):
    """One fetch of the metadata; without document and error, another thread takes over."""

    __slots__ = ("document", "error")

    def __init__(self, keeper: Keeper) -> None:
        super().__init__(keeper)
        self.document: ServerDocument | None = None
        self.error: Exception | None = None
