"""One request through a session, as the thread of an exchange makes it."""

from __future__ import annotations

import contextvars
import io
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests

from ..errors import InvalidTokenResponse
from ..protocols import Cert
from .body import read_body, with_body
from .sockets import Sockets, watch

MAX_RESPONSE = 1024 * 1024  # bytes; a token response has a few thousand
# The request asks for "identity". A chunk of the others grows a thousandfold at the most; a chunk
# of any further encoding, or of two on top of each other, without limit.
ENCODINGS = ("identity", "gzip", "x-gzip", "deflate")

#: Whether the code runs inside an exchange with an authorization server. By this an adapter notices
#: that a token request is about to travel through it, behind any routers and transports.
token_exchange_under_way = contextvars.ContextVar("token_exchange_under_way", default=False)


class Way:
    """The session, timeouts and certificate with which a request is sent.

    :param session: the session that sends it; None: a new one, closed afterwards.
    :param timeout: the connect and the read timeout, seconds; their sum is the deadline.
    :param cert: the client certificate, as in requests; None: the session's.
    :param allow_http: bool, whether plain http may go through a proxy on another machine.
    :param bare: bool, whether to leave out all that the session holds for its server: headers,
        parameters, cookies, certificate. Its adapters, proxies and ``verify`` are used.
    :param secrets: tuple of str, the texts to hide in a message, beside those that can be found in
        the request.
    """

    __slots__ = ("allow_http", "bare", "cert", "secrets", "session", "timeout")

    def __init__(
        self,
        session: requests.Session | None,
        timeout: tuple[float, float],
        cert: Cert | None = None,
        *,
        allow_http: bool = False,
        bare: bool = False,
        secrets: tuple[str, ...] = (),
    ) -> None:
        self.session = session
        self.timeout = timeout
        self.cert = cert
        self.allow_http = allow_http
        self.bare = bare
        self.secrets = secrets

    @property
    def has_certificate(self) -> bool:
        return bool(self.cert or (self.session and self.session.cert and not self.bare))


class Sending:
    """One exchange, as its own thread makes it.

    :param request: an unprepared request; its ``auth`` takes precedence over the session's.
    :param way: how it is sent.

    ``requested_at`` is in seconds since the epoch, ``sockets`` ends the exchange, ``prepared`` is
    the request once it is on its way, ``response`` the response and ``body`` its decoded bytes.
    """

    def __init__(self, request: requests.Request, way: Way) -> None:
        self._request = request
        self._way = way
        self.requested_at = time.time()
        self.sockets = Sockets()
        self.prepared: requests.PreparedRequest | None = None
        self.response: requests.Response | None = None
        self.body = b""
        self._raw: Any = None  # of the response that was received last

    def run(self) -> None:
        """Send the request and read the response."""
        try:
            with self._open_session() as session:
                self._send(session)
        finally:
            self.sockets.release()

    def sent_texts(self) -> tuple[str, ...]:
        """Return the secrets in the request that was sent, outside its body."""
        last = None if self.response is None else self.response.request
        request = last or self.prepared
        from .sent import sent_texts  # noqa: PLC0415 - at the first request

        return () if request is None else tuple(sent_texts(request))

    @property
    def secrets(self) -> tuple[str, ...] | None:
        """The secrets in the request, in its body too; None if it is not on its way."""
        if self.prepared is None:
            return None
        from .sent import body_texts  # noqa: PLC0415 - few requests fail

        return (*self._way.secrets, *self.sent_texts(), *body_texts(self.prepared))

    def _send(self, session: requests.Session) -> None:
        way = self._way
        prepared = (plain_session() if way.bare else session).prepare_request(self._request)
        # Before and after each of the hooks, which may replace the response (HTTP Digest) or
        # raise (raise_for_status): each of them sees one that is read, within its limit.
        around = [each for hook in prepared.hooks["response"] for each in (self._receive, hook)]
        prepared.hooks["response"] = [*around, self._receive]
        settings = self._settings(session, str(prepared.url))
        if not way.allow_http and str(prepared.url).lower().startswith("http:"):
            from .proxies import check_proxy  # noqa: PLC0415 - for plain http

            check_proxy(str(prepared.url), settings["proxies"])
        self.prepared = prepared
        self.sockets.use()
        self.sockets.are_watched = watch(
            session.get_adapter(str(prepared.url)), prepared, settings, is_own=way.session is None
        )
        under_way = token_exchange_under_way.set(True)
        try:
            session.send(prepared, timeout=way.timeout, allow_redirects=False, **settings)
        except (requests.HTTPError, _Redirected):
            if self.response is None:
                raise
        finally:
            token_exchange_under_way.reset(under_way)

    def _settings(self, session: requests.Session, url: str) -> dict[str, Any]:
        # Passed here, since the environment would otherwise override the session's settings.
        settings: Mapping[str, Any] = session.merge_environment_settings(
            url, dict(session.proxies), True, session.verify, self._way.cert
        )
        return {**settings, "cert": None} if self._way.bare else dict(settings)

    @contextmanager
    def _open_session(self) -> Iterator[requests.Session]:
        if self._way.session is not None:
            yield self._way.session
        else:
            with plain_session() as session:
                yield session

    def _receive(self, response: requests.Response, **_: Any) -> requests.Response:
        if response is not self.response or response.raw is not self._raw:
            self.body = _bounded_body(response)
            response.raw = self._raw = with_body(response.raw, io.BytesIO(self.body), decoded=True)
        else:
            self.body = _content(response, self.body)  # a hook may have replaced it in place
        self.response = response
        if 300 <= response.status_code < 400:  # noqa: PLR2004 - RFC 9110 §15.4
            raise _Redirected  # before requests reads the Location
        return response


class _Redirected(Exception):
    """The response is a redirect, which is not followed."""


def plain_session() -> requests.Session:
    """Return a session of requests itself, whatever class has been put in its place.

    ``requests_cache.install_cache()`` puts one there that would keep tokens, and hand one client's
    to another.
    """
    classes = requests.sessions.Session.__mro__
    plain: type[requests.Session] = next(
        each for each in classes if each.__module__ == "requests.sessions"
    )
    return plain()


def _content(response: requests.Response, otherwise: bytes) -> bytes:
    """Return the content of a response, if it has been read or set."""
    content = getattr(response, "_content", False)
    return content if isinstance(content, bytes) else otherwise


def _bounded_body(response: requests.Response) -> bytes:
    raw = response.raw
    if raw is None or getattr(raw, "closed", False) or _content(response, b""):
        # Empty, or read to its end by a user's own adapter.
        body, whole = response.content or b"", True
    elif response.headers.get("Content-Encoding", "identity").lower() not in ENCODINGS:
        response.close()
        raise InvalidTokenResponse(
            "the response has a Content-Encoding that was not requested; check the proxies in "
            "front of the authorization server"
        )
    else:
        try:
            body, whole = read_body(raw, MAX_RESPONSE, decode=True)
        except BaseException:
            response.close()  # urllib3 does not, after every error
            raise
    if not whole or len(body) > MAX_RESPONSE:
        response.close()
        raise InvalidTokenResponse(f"the response is larger than {MAX_RESPONSE} bytes")
    return body
