"""One bounded HTTP exchange with an authorization server.

No redirect is followed, netrc is not read, at most 1 MiB of the response is read. The caller has a
result by a deadline, however long name look-up, TLS handshake and response take.
"""

from __future__ import annotations

import contextvars
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests

from ..errors import InvalidTokenResponse, TokenEndpointTimeout
from ..protocols import Cert
from ..threads import Call, Hanging
from .body import read_body, with_body
from .failure import failure
from .sent import sent_texts

MAX_RESPONSE = 1024 * 1024  # bytes; a token response has a few thousand
MAX_HANGING = 32  # timed-out requests to one server that still run
# The request asks for "identity". A chunk of the others grows a thousandfold at the most; a chunk
# of any further encoding, or of two on top of each other, without limit.
ENCODINGS = ("identity", "gzip", "x-gzip", "deflate")
LONGEST_RETRY_AFTER = 10**9  # seconds: thirty years, which is for ever

#: Whether the code runs inside an exchange with an authorization server. By this an adapter notices
#: that a token request is about to travel through it, behind any routers and transports.
token_exchange_under_way = contextvars.ContextVar("token_exchange_under_way", default=False)
hanging = Hanging(MAX_HANGING)


class Response(NamedTuple):
    """A response of the authorization server, read to its end.

    :param status_code: int.
    :param headers: mapping, its names in any letter case.
    :param body: bytes, decoded.
    :param requested_at: float, seconds since the epoch, read before the request was sent.
    :param sent: tuple of str, the secrets that the request held outside its body.
    :param words: str, the server's own words, fit to be shown, if somebody has looked for them.
    """

    status_code: int
    headers: Mapping[str, str]
    body: bytes
    requested_at: float
    sent: tuple[str, ...] = ()
    words: str = ""

    def json_object(self) -> dict[str, Any] | None:
        """Return the JSON object in the body, or None if it holds none."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}]>"  # headers and body can hold a token


def exchange(
    request: requests.Request,
    session: requests.Session | None,
    timeout: tuple[float, float],
    cert: Cert | None = None,
) -> Response:
    """Send one request to an authorization server and read the response.

    :param request: an unprepared request; its ``auth`` takes precedence over the session's.
    :param session: the session that sends it; None: a new one, closed afterwards.
    :param timeout: the connect and the read timeout, seconds; their sum is the deadline.
    :param cert: the client certificate, as in requests; None: the session's.
    :returns: a :class:`Response`, whatever its status.
    :raises TokenEndpointTimeout: if the response is not complete by the deadline.
    :raises TokenEndpointUnreachable: if the connection is refused or dropped, or TLS fails.
    :raises InvalidTokenResponse: if the response is larger than 1 MiB.
    """
    server = urlsplit(str(request.url)).netloc
    if hanging.is_full(server):
        raise TokenEndpointTimeout(
            f"{hanging.limit} timed-out requests to {server} are still receiving data; no new "
            f"request is sent until they finish"
        )
    sending = _Sending(request, session, timeout, cert)
    call = Call(sending.run, "requests-cc exchange")
    if not call.start():
        call.run()
    if not call.ends_within(sum(timeout)):
        hanging.add(call, server)
        sending.cut_off()
        error: BaseException | None = requests.Timeout()
    else:
        error = call.error
    if error is not None:
        has_certificate = bool(cert or (session and session.cert))
        raise failure(str(request.url), error, mutual_tls=has_certificate)
    assert sending.received is not None  # noqa: S101 - or run() has raised
    return sending.received


def without_authorization(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Add nothing: a requests auth object for requests that have none, or netrc would be read."""
    return request


def retry_after(response: Response) -> float | None:
    """Return the seconds of ``Retry-After`` (RFC 9110 section 10.2.3), or None."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:20]), LONGEST_RETRY_AFTER))
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000": UTC, from a place that is not known
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, moment.timestamp() - time.time())


def is_transient(status: int) -> bool:
    """Return whether the same request may succeed later."""
    return status == 429 or status >= 500  # noqa: PLR2004 - RFC 6585 §4, RFC 9110 §15.6


class _Sending:
    """One exchange, as its own thread makes it; ``received`` is its response."""

    def __init__(
        self,
        request: requests.Request,
        session: requests.Session | None,
        timeout: tuple[float, float],
        cert: Cert | None,
    ) -> None:
        self._request = request
        self._session = session
        self._timeout = timeout
        self._cert = cert
        self._requested_at = time.time()
        self._reading: requests.Response | None = None
        self.received: Response | None = None

    def run(self) -> None:
        """Send the request and read the response."""
        with self._open_session() as session:
            prepared = session.prepare_request(self._request)
            # Before and after each of the hooks, which may replace the response (HTTP Digest) or
            # raise (raise_for_status): each of them sees one that is read, within its limit.
            around = [each for hook in prepared.hooks["response"] for each in (self._receive, hook)]
            prepared.hooks["response"] = [*around, self._receive]
            # Passed here, since the environment would otherwise override the session's settings.
            settings = session.merge_environment_settings(
                str(prepared.url), dict(session.proxies), True, session.verify, self._cert
            )
            under_way = token_exchange_under_way.set(True)
            try:
                session.send(prepared, timeout=self._timeout, allow_redirects=False, **settings)
            except (requests.HTTPError, _Redirected):
                if self.received is None:
                    raise
            finally:
                token_exchange_under_way.reset(under_way)

    def cut_off(self) -> None:
        """End the reading of a response whose time is up, if urllib3 can (2.3 and later)."""
        shutdown = getattr(getattr(self._reading, "raw", None), "shutdown", None)
        if shutdown is not None:
            # It raises if the response ends at this very moment.
            with suppress(ValueError, OSError, RuntimeError):
                shutdown()

    @contextmanager
    def _open_session(self) -> Iterator[requests.Session]:
        if self._session is not None:
            yield self._session
        else:
            with requests.Session() as session:
                yield session

    def _receive(self, response: requests.Response, **_: Any) -> requests.Response:
        if response is self._reading:
            return response
        self._reading = response
        body = _bounded_body(response)
        response.raw = with_body(response.raw, body, decoded=True)
        sent = tuple(sent_texts(response.request))
        self.received = Response(
            response.status_code, response.headers, body, self._requested_at, sent
        )
        if 300 <= response.status_code < 400:  # noqa: PLR2004 - RFC 9110 §15.4
            raise _Redirected  # before requests reads the Location
        return response


class _Redirected(Exception):
    """The response is a redirect, which is not followed."""


def _bounded_body(response: requests.Response) -> bytes:
    if response.raw.closed:  # empty, or read to its end by a user's own adapter
        return response.content
    if response.headers.get("Content-Encoding", "identity").lower() not in ENCODINGS:
        response.close()
        raise InvalidTokenResponse(
            "the response has a Content-Encoding that was not requested; check the proxies in "
            "front of the authorization server"
        )
    body, whole = read_body(response.raw, MAX_RESPONSE, decode=True)
    if not whole:
        response.close()
        raise InvalidTokenResponse(f"the response is larger than {MAX_RESPONSE} bytes")
    return body
