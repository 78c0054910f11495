"""A token by a request of another form than RFC 6749: "send these, get a token"."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.auth import AuthBase

from ..access_token import AccessToken
from ..client_auth.secret import ClientSecret, digest
from ..errors import ConfigurationError, InvalidTokenResponse
from ..http.exchange import without_authorization
from ..protocols import Authentication, TokenSource
from ..server.authorization_server import AuthorizationServer
from ..server.reach import Timeout
from ..settings import is_number, optional_text, required_text
from ..url import check_url, without_query
from .authenticated_request import HEADERS, AuthenticatedRequest
from .parameters import cache_key
from .request_parts import Prepared, RequestParts
from .source import Source, SourceKey
from .token_members import token_of
from .token_response import report_expiry
from .tracebacks import entry_point, guarded_constructor

_METHODS = ("GET", "POST", "PUT", "PATCH")


@guarded_constructor
@dataclass(frozen=True, repr=False, eq=False)
class TokenRequest(Source):
    """A source of tokens that another kind of request brings: an API's own.

    :param url: str, absolute; https beyond loopback.
    :param method: str, ``"POST"``, ``"GET"``, ``"PUT"`` or ``"PATCH"``.
    :param auth: a requests auth object; a (user name, password) pair; or any other source, whose
        token is sent as Bearer.
    :param headers: mapping, further headers.
    :param query: mapping, the URL's query.
    :param data: mapping, sent as a form; or str or bytes, sent as they are.
    :param json: whatever JSON can hold, sent as JSON.
    :param token: str, the member of the response that is the token: dotted names, such as
        ``"data.token"``, and indices of lists, such as ``"tokens.0.value"``. None: the response's
        body is the token.
    :param expires: str, the member that says when the token expires, named likewise: seconds from
        now (milliseconds if the name says so, as ``"ttl_ms"`` does), seconds or milliseconds since
        the epoch, or a moment as in ISO 8601. A float: every token's lifetime in seconds. None, or
        a response without it: a JWT's own expiry; any other token is used until an API rejects it.
    :param session: a :class:`requests.Session` for these requests, as for
        :class:`AuthorizationServer`.
    :param timeout: as for :class:`AuthorizationServer`.
    :param allow_http: bool, whether plain http beyond loopback is accepted.
    :raises ConfigurationError: if a setting is wrong.

    A value in ``headers``, ``query``, ``data`` and ``json`` may be a callable that returns a text,
    or any other source: it is read anew for each attempt. The request has the limits, attempts and
    pauses of any other token request; no redirect is followed; no message shows what was sent.

    Frozen: as safe to share between threads as its callables, sources and session are. Its ``repr``
    shows neither the query nor what is sent; a pickle holds it.
    """

    url: str
    method: str = field(default="POST", kw_only=True)
    auth: AuthBase | tuple[str, str] | TokenSource | None = field(
        default=None, kw_only=True, hash=False
    )
    headers: Mapping[str, Any] | None = field(default=None, kw_only=True, hash=False)
    query: Mapping[str, Any] | None = field(default=None, kw_only=True, hash=False)
    data: Mapping[str, Any] | str | bytes | None = field(default=None, kw_only=True, hash=False)
    json: Any = field(default=None, kw_only=True, hash=False)
    token: str | None = field(default="access_token", kw_only=True)
    expires: str | float | None = field(default="expires_in", kw_only=True)
    session: requests.Session | None = field(default=None, kw_only=True)
    timeout: Timeout = field(default=(5.0, 10.0), kw_only=True)
    allow_http: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        check_url(self.url, "url", allow_http=self.allow_http, advice="pass allow_http=True")
        method = required_text(self.method, "method").upper()
        if method not in _METHODS:
            raise ConfigurationError(f"method must be one of {', '.join(_METHODS)}")
        if method == "GET" and (self.data is not None or self.json is not None):
            raise ConfigurationError("data and json are not for GET: pass query=, or method=")
        if self.data is not None and self.json is not None:
            raise ConfigurationError("data and json exclude each other: leave one of them out")
        optional_text(self.token, "token")
        if is_number(self.expires) and self.expires > 0:
            self._set(expires=float(self.expires))
        else:
            optional_text(self.expires, "expires")
        for name in ("headers", "query"):
            if not isinstance(getattr(self, name), (Mapping, type(None))):
                raise ConfigurationError(f"{name} must be a mapping, or None")
        self._set(method=method, **{name: _copy(getattr(self, name)) for name in _PARTS})
        self._set(_request=self._request_of(method), _secret=ClientSecret(None))

    @entry_point
    def request_token(self) -> AccessToken:
        """Make one token request; nothing is cached.

        :returns: a new :class:`AccessToken`.
        :raises TokenRequestError: if no token can be obtained; also if another source that this
            one depends on obtains none.
        """
        response = self._request.send(self._secret)
        where = self._request.server.given_url
        try:
            token, expiry = token_of(response.body, self.token, self.expires, response.requested_at)
        except InvalidTokenResponse as error:
            invalid = InvalidTokenResponse(
                f"{where} returned {response.status_code} without a token that can be used: "
                f"{error}; pass token= with the name of its member"
            )
            invalid.status_code = response.status_code
            raise invalid from None
        report_expiry(expiry, response.requested_at, where)
        return token

    @SourceKey
    def cache_key(self) -> Hashable:
        """Equal only for requests whose tokens may be used in place of each other."""
        return self._key()

    def _key(self) -> Hashable:
        server, parts = self._request.server, self._request.authentication
        # A digest: a key of this process shows its parts, and the query can hold secrets.
        url = digest(self.url)
        reach = server.reach.key_part
        return cache_key("token_request", self.method, url, reach, parts.key_part, self.token)

    @property
    def server(self) -> AuthorizationServer:
        """The server at the URL, for events."""
        return self._request.server

    @property
    def label(self) -> str:
        """The URL, as log lines and events name it."""
        return f"the token of {self._request.server.given_url}"

    def _request_of(self, method: str) -> AuthenticatedRequest:
        server = AuthorizationServer(
            self.url, session=self.session, timeout=self.timeout, allow_http=self.allow_http
        )
        parts = RequestParts(
            self.auth, headers=self.headers, params=self.query, data=self.data, json=self.json
        )
        return _OtherRequest(method, server, parts)

    def __repr__(self) -> str:
        settings = f"method={self.method!r}, token={self.token!r}, expires={self.expires!r}"
        return f"{type(self).__name__}({without_query(self.url)!r}, {settings})"


_PARTS = ("headers", "query", "data", "json")


class _OtherRequest(AuthenticatedRequest):
    """A request of another form: its parts are its authentication."""

    __slots__ = ("_method",)

    def __init__(self, method: str, server: AuthorizationServer, parts: RequestParts) -> None:
        super().__init__(server, "token_endpoint", "", parts, ())
        self._method = method

    def _request(
        self, url: str, authentication: Authentication, params: object
    ) -> requests.Request:
        prepared = authentication.auth
        assert isinstance(prepared, Prepared)  # noqa: S101 - RequestParts made it
        session = self.server.session
        parts = {**prepared.parts, "headers": {**HEADERS, **(prepared.parts["headers"] or {})}}
        # Never empty, since requests would then read netrc.
        of_session = (session and session.auth) or without_authorization
        auth = of_session if prepared.auth is None else prepared
        if prepared.auth is not None and of_session is not without_authorization:
            raise ConfigurationError(
                "session.auth is set beside auth=, and a request has only one of them: leave one "
                "of them out"
            )
        return requests.Request(self._method, url, auth=auth, **parts)


def _copy(part: Any) -> Any:
    """Return a copy of the containers of a part; its callables and sources stay the same."""
    if isinstance(part, Mapping):
        return {name: _copy(member) for name, member in part.items()}
    return [_copy(member) for member in part] if isinstance(part, (list, tuple)) else part
