"""The metadata of an authorization server: its members, given or looked up (RFC 8414 §2)."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, InvalidTokenResponse
from ..http.shown import LONGEST_TEXT, readable
from ..url import check_url, without_query
from .reach import Reach

if TYPE_CHECKING:
    from .discovery import Discovery

_WORD = "[A-Za-z0-9_-]{1,40}"  # compiled when it is needed
LONGEST_URL = 2000  # characters of an endpoint that a server's metadata names


class Metadata:
    """The metadata of one authorization server.

    :param given: mapping from a member's name to its value. It takes precedence over the document
        that is looked up; None hides a member of that document.
    :param discovery: looks the document up, once, when a member is read that is not given; None:
        what is not given is not known.

    Immutable, so safe to share between threads. Two are equal if they were given the same; whether
    the document has been looked up does not count.
    """

    __slots__ = ("discovery", "given")

    def __init__(self, given: Mapping[str, Any], discovery: Discovery | None = None) -> None:
        self.discovery = discovery
        if discovery is None:
            given = {name: value for name, value in given.items() if value is not None}
        self.given = dict(given)

    def changed(self, given: Mapping[str, Any], reach: Reach) -> Metadata:
        """Return a variation, validated.

        :param given: mapping, members to replace.
        :param reach: how the document is fetched, and whether plain http is accepted.
        :raises ConfigurationError: if a member is not valid, or the token endpoint is missing.
        """
        discovery = None if self.discovery is None else self.discovery.through(reach)
        checked = {name: _checked(name, value) for name, value in given.items()}
        changed = Metadata({**self.given, **checked}, discovery)
        changed._check_urls(allow_http=reach.allow_http)
        return changed

    def _check_urls(self, *, allow_http: bool) -> None:
        urls = {name: self.given.get(name) for name in _URLS}
        aliases = self.given.get("mtls_endpoint_aliases") or {}
        urls.update((f"mtls_endpoint_aliases[{name!r}]", url) for name, url in aliases.items())
        for setting, url in urls.items():
            required = setting == "token_endpoint" and self.is_known(setting)
            if required or url is not None:
                check_url(url, setting, allow_http=allow_http)

    def is_known(self, name: str) -> bool:
        """Return whether reading a member needs no look-up."""
        return self.discovery is None or name in self.given

    def member(self, name: str) -> Any:
        """Return a member, or None if the server has none.

        :raises TokenRequestError: if the document cannot be fetched, or the member cannot be used.
        """
        if self.discovery is None or name in self.given:
            return self.given.get(name)
        return self.discovery.document().member(name)

    def endpoint(self, name: str, *, mutual_tls: bool = False) -> str | None:
        """Return an endpoint's URL, or None if the server has none.

        :param name: str, as in RFC 8414 §2.
        :param mutual_tls: bool, whether the client presents a certificate (RFC 8705 §5).
        :raises TokenRequestError: if the document cannot be fetched, or the URL cannot be used.
        """
        if mutual_tls and self.is_known("mtls_endpoint_aliases"):
            alias: str | None = (self.given.get("mtls_endpoint_aliases") or {}).get(name)
            if alias is not None:
                return alias
            mutual_tls = False
        if self.discovery is None or name in self.given:
            url: str | None = self.given.get(name)
            return url
        return self.discovery.document().endpoint(name, mutual_tls=mutual_tls)

    @property
    def url(self) -> str:
        """The URL that stands for the server in messages, without its query."""
        given = self.given.get("token_endpoint")
        if given is None and self.discovery is not None:
            return self.discovery.shown_url
        return without_query(str(given))

    @property
    def key_part(self) -> Hashable:
        """The part of a cache key: equal only for those with the same token endpoint."""
        given: str | None = self.given.get("token_endpoint")
        if given is None and self.discovery is not None:
            return self.discovery.key_part
        return given

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Metadata) and (self.given, self.discovery) == (
            other.given,
            other.discovery,
        )

    def __hash__(self) -> int:
        return hash(self.key_part)


class ServerDocument:
    """Checked access to a metadata document.

    A member is checked when it is read: an invalid one does not affect the others.

    :param members: mapping, the document; its ``issuer`` has been checked, and nothing else has.
    :param url: str, the URL that it was looked up with, for messages.
    :param allow_http: bool, whether an endpoint may use plain http beyond loopback.
    :param over_https: bool, whether it was read over https: then no endpoint may use plain http,
        on loopback neither, unless ``allow_http``.
    """

    __slots__ = ("_allow_http", "_members", "_over_https", "_url")

    def __init__(
        self, members: Mapping[str, Any], url: str, *, allow_http: bool, over_https: bool = False
    ) -> None:
        self._members = members
        self._url = without_query(url)
        self._allow_http = allow_http
        self._over_https = over_https and not allow_http

    def member(self, name: str) -> Any:
        """Return a member, by the name of the :class:`AuthorizationServer`'s setting.

        :raises InvalidTokenResponse: if it cannot be used.
        """
        if name == "issuer":
            return str(self._members["issuer"])
        if name == "mtls_endpoint_aliases":
            return self._aliases
        if name == "auth_methods":
            return self._auth_methods
        if name.endswith("_auth_methods_supported"):
            # Without a list of its own, an endpoint follows the token endpoint's.
            named = texts(self._members.get(name))
            return self._auth_methods if named is None else named
        if name == "assertion_algorithms":
            return self._names("token_endpoint_auth_signing_alg_values_supported")
        return self.endpoint(name)

    def endpoint(self, name: str, *, mutual_tls: bool = False) -> str | None:
        """Return an endpoint's URL, which follows the same rules as one that was given.

        :param name: str, as in RFC 8414 §2.
        :param mutual_tls: bool, whether the client presents a certificate (RFC 8705 §5).
        :returns: str, or None if the document names none.
        :raises InvalidTokenResponse: if the URL cannot be used.
        """
        alias = self._endpoint_in(self._aliases or {}, name) if mutual_tls else None
        return alias or self._endpoint_in(self._members, name)

    @property
    def _aliases(self) -> Mapping[str, Any] | None:
        aliases = self._members.get("mtls_endpoint_aliases")
        return aliases if isinstance(aliases, dict) else None

    @property
    def _auth_methods(self) -> tuple[str, ...]:
        methods = texts(self._members.get("token_endpoint_auth_methods_supported"))
        # "If omitted, the default is client_secret_basic" (RFC 8414 §2).
        return ("client_secret_basic",) if methods is None else methods

    def _names(self, member: str) -> tuple[str, ...] | None:
        names = texts(self._members.get(member)) or ()
        return tuple(name for name in names if re.fullmatch(_WORD, name)) or None

    def _endpoint_in(self, members: Mapping[str, Any], name: str) -> str | None:
        url = members.get(name)
        if url is None:
            return None
        problem = url_problem(url, name, allow_http=self._allow_http)
        if problem is None and len(url) > LONGEST_URL:
            problem = f"{name} has more than {LONGEST_URL} characters"
        if problem is None and self._over_https and not url.lower().startswith("https:"):
            problem = f"{name} ({readable(url)}) uses plain http; the document came by https"
        if problem is not None:
            raise InvalidTokenResponse(f"the metadata of {self._url} cannot be used: {problem}")
        return str(url)


def texts(member: object) -> tuple[str, ...] | None:
    """Return the texts in a document's list; None if it is not a list."""
    return tuple(t for t in member if isinstance(t, str)) if isinstance(member, list) else None


_URLS = ("token_endpoint", "introspection_endpoint", "revocation_endpoint", "issuer")


def url_problem(url: object, what: str, *, allow_http: bool) -> str | None:
    """Return the problem with a URL that a document names, or None.

    :param url: the member of the document.
    :param what: str, its name in the message.
    :param allow_http: bool, whether plain http beyond loopback is accepted.
    """
    try:
        check_url(url, what, allow_http=allow_http)
    except ConfigurationError as error:
        return str(error)[:LONGEST_TEXT]
    return None


def checked_names(several: Iterable[str] | None, setting: str) -> tuple[str, ...] | None:
    """Return a setting that is a list of names, or None, as a tuple.

    :param several: the setting.
    :param setting: str, its name in the message.
    :raises ConfigurationError: if it is empty, or anything else.
    """
    if several is None:
        return None
    listed = isinstance(several, Iterable) and not isinstance(several, (str, bytes))
    read = tuple(several) if listed else ()
    if not read or not all(isinstance(name, str) for name in read):
        raise ConfigurationError(f"{setting} must be one or more str, in a list, or None")
    return read


def _checked(name: str, value: Any) -> Any:
    """Return a member that was given, in one form; its URLs are not checked here."""
    if name == "auth_methods":
        return checked_names(value, name)
    return _copied_aliases(value) if name == "mtls_endpoint_aliases" else value


def _copied_aliases(aliases: object) -> dict[str, str] | None:
    if aliases is None:
        return None
    if not isinstance(aliases, Mapping):
        raise ConfigurationError(
            "mtls_endpoint_aliases must be a mapping from an endpoint's name to its URL"
        )
    return dict(aliases)
