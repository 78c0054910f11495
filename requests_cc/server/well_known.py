"""Fetching the metadata documents of authorization servers and protected resources.

RFC 8414 §3, OpenID Connect Discovery 1.0 §4, RFC 9728 §3. They are public: the requests carry no
client authentication.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests

from ..errors import (
    InvalidTokenResponse,
    OAuthError,
    ServerError,
    TemporarilyUnavailable,
    TokenEndpointTimeout,
    TokenEndpointUnreachable,
    TokenRequestError,
)
from ..http.exchange import Response, exchange, is_transient, retry_after, without_authorization
from ..http.sending import Way
from ..http.shown import readable
from ..url import without_query
from .error_response import redirect
from .reach import Reach

LEAST_TIME = 0.001  # seconds; requests does not accept a timeout of zero
_AUTHORITY = re.compile(r"[^:/?#]+://[^/?#]*")
_DOCUMENT = re.compile(r"(?P<before>.*)/\.well-known/[^/]+(?P<after>/.*)?", re.DOTALL)


class LookUp(NamedTuple):
    """The look-up of one or more documents, with one deadline for all of them.

    :param reach: how the servers are reached.
    :param until: float, a moment on the monotonic clock.
    :param bare: bool, whether the hosts are not known to be the authorization server's: nothing
        that the session holds for that is sent to them.
    """

    reach: Reach
    until: float
    bare: bool = False

    @classmethod
    def begin(cls, reach: Reach, *, bare: bool = False) -> LookUp:
        """Begin a look-up: all its documents together may take as long as one exchange."""
        return cls(reach, time.monotonic() + sum(reach.timeout), bare)

    @property
    def way(self) -> Way:
        """The way to fetch the next document, in the time that is left."""
        connect, read = self.reach.timeout
        left = max(self.until - time.monotonic(), LEAST_TIME) / (connect + read)
        timeout = (connect * left, read * left)
        return Way(self.reach.session, timeout, allow_http=self.reach.allow_http, bare=self.bare)


def server_metadata(issuer: str, look_up: LookUp, location: str | None = None) -> Mapping[str, Any]:
    """Fetch an authorization server's metadata (RFC 8414 §3, OpenID Connect Discovery 1.0 §4).

    :param issuer: str, the server's issuer identifier, or the URL of the document itself.
    :param location: str, the URL of the document, if it does not follow from the issuer.
    :returns: mapping, the document; its ``issuer`` is ``issuer``.
    :raises TokenRequestError: if none is found; the message lists each URL that was tried.
    """
    if location is not None:
        return _first({location: (issuer,)}, "issuer", look_up)
    parts = urlsplit(issuer)
    given = _DOCUMENT.fullmatch(parts.path)
    if given is not None and not (given["before"] and given["after"]):
        path = given["before"] or given["after"] or ""
        named = parts._replace(path=path, query="").geturl()
        return _first({issuer: (named,)}, "issuer", look_up)
    path = parts.path.removesuffix("/")  # "any terminating "/" MUST be removed" (RFC 8414 §3.1)
    paths = (
        f"/.well-known/oauth-authorization-server{path}",
        f"{path}/.well-known/openid-configuration",
        f"/.well-known/openid-configuration{path}",  # RFC 8414 §5
    )
    locations = {parts._replace(path=each).geturl(): (issuer,) for each in paths}
    return _first(locations, "issuer", look_up)


def resource_metadata(
    resource: str, look_up: LookUp, location: str | None = None
) -> Mapping[str, Any]:
    """Fetch the metadata of a protected resource (RFC 9728 §3).

    :param resource: str, the resource's identifier.
    :param location: str, the URL of the document, if it does not follow from the resource's.
    :returns: mapping, the document; its ``resource`` is ``resource``, or of a document that is not
        at the resource's own location its origin.
    :raises TokenRequestError: if none is found.
    """
    parts = urlsplit(resource)
    root = parts._replace(path="", query="").geturl()
    if location is not None:
        return _first({location: (resource, root)}, "resource", look_up)
    path = "" if parts.path == "/" else parts.path  # no other slash is removed (RFC 9728 §3.1)
    well_known = "/.well-known/oauth-protected-resource"
    own = parts._replace(path=f"{well_known}{path}").geturl()
    at_root = parts._replace(path=well_known, query="").geturl()
    # Many APIs have one document for all their paths, at the root.
    locations: dict[str, tuple[str, ...]] = {own: (resource,)}
    locations.setdefault(at_root, (resource, root))
    return _first(locations, "resource", look_up)


def is_same_issuer(one: str, other: str) -> bool:
    """Return whether two issuer identifiers are equal up to the host's letter case and a slash.

    "These values MUST be identical" (RFC 8414 §3.3), but people do not know whether the server's
    own issuer ends in a slash.
    """
    return _lower_host(one).removesuffix("/") == _lower_host(other).removesuffix("/")


def _is_same_resource(one: str, other: str) -> bool:
    """Return whether two URLs are equal (RFC 9728 §3.3); no path is "/" (RFC 3986 §6.2.3)."""
    with_paths = [f"{url}/" if _AUTHORITY.fullmatch(url) else url for url in (one, other)]
    return _lower_host(with_paths[0]) == _lower_host(with_paths[1])


_IS_SAME = {"issuer": is_same_issuer, "resource": _is_same_resource}


def _lower_host(url: str) -> str:
    """Return a URL with scheme and host in lower case, the rest as it is (RFC 3986 §6.2.2.1)."""
    authority = _AUTHORITY.match(url)
    return url if authority is None else authority[0].lower() + url[authority.end() :]


def _first(
    locations: Mapping[str, tuple[str, ...]], member: str, look_up: LookUp
) -> Mapping[str, Any]:
    """Fetch the first document that exists and is about the right thing.

    :param locations: mapping from each URL to what a document there may be about.
    """
    failures: dict[str, TokenRequestError] = {}
    for location, names in locations.items():
        result = _document(location, member, names, look_up)
        if not isinstance(result, TokenRequestError):
            return result
        failures[without_query(location)] = result
        if _concerns_the_host(result):
            break  # a hang costs one timeout, not one for each location
    raise _summary(failures, f"no metadata of the {member} {without_query(names[0])} was found")


def _document(
    location: str, member: str, names: tuple[str, ...], look_up: LookUp
) -> Mapping[str, Any] | TokenRequestError:
    request = requests.Request(
        "GET",
        location,
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        # Not the session's auth, which is for the endpoints; and not None, since requests would
        # then read netrc.
        auth=without_authorization,
    )
    try:
        response = exchange(request, look_up.way)
    except TokenRequestError as error:
        return error
    if response.status_code != requests.codes.ok:
        return _no_document(response, location)
    document = response.json_object()
    if document is None:
        return InvalidTokenResponse("it returned 200 without a JSON object")
    found = document.get(member)
    if isinstance(found, str) and any(_IS_SAME[member](found, name) for name in names):
        return document
    return InvalidTokenResponse(
        f'its "{member}" is {readable(found)}; it must be {without_query(names[0])}'
    )


def _no_document(response: Response, location: str) -> TokenRequestError:
    status = response.status_code
    if is_transient(status):
        busy = status in (429, 503)  # RFC 6585 §4, RFC 9110 §15.6.4
        kind = TemporarilyUnavailable if busy else ServerError
        return kind(
            f"it returned {status}: try again later",
            status_code=status,
            retry_after=retry_after(response),
        )
    if 300 <= status < 400:  # noqa: PLR2004 - RFC 9110 §15.4
        return InvalidTokenResponse(f"it returned {status}, {redirect(response, location)}")
    return InvalidTokenResponse(f"it returned {status}")


def _concerns_the_host(error: TokenRequestError) -> bool:
    """Return whether another location on the same host would fail too, or add to its load."""
    if isinstance(error, (TokenEndpointTimeout, TokenEndpointUnreachable)):
        return True
    return isinstance(error, OAuthError) and error.status_code == 429  # noqa: PLR2004 - RFC 6585 §4


def _summary(failures: Mapping[str, TokenRequestError], what: str) -> TokenRequestError:
    """Return one error for all: the last one if it ended the search, else a transient one."""
    errors = list(failures.values())
    transient = [error for error in errors if isinstance(error, OAuthError)]
    decisive = errors[-1] if _concerns_the_host(errors[-1]) or not transient else transient[0]
    tried = "; ".join(
        f"{error}" if location in str(error) else f"{location}: {error}"
        for location, error in failures.items()
    )
    decisive.args = (f"{what}: {tried}",)
    return decisive
