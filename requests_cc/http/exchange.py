"""One bounded HTTP exchange with an authorization server.

No redirect is followed, netrc is not read, at most 1 MiB of answer is read, and whoever waits has
an outcome by a deadline, however slowly names resolve, handshakes proceed or answers trickle in.
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

MAX_ANSWER = 1024 * 1024  # bytes; a token response has a few thousand
MAX_HANGING = 32  # threads left behind by one server that trickles without end
# Asked for is identity. A chunk of these grows a thousandfold at the most, one of others, or of two
# on top of each other, without end.
ENCODINGS = ("identity", "gzip", "x-gzip", "deflate")

#: Whether the caller runs inside an exchange with an authorization server: how an adapter notices
#: that a token request is about to travel through it, behind whatever routers and transports.
token_exchange_under_way = contextvars.ContextVar("token_exchange_under_way", default=False)
hanging = Hanging(MAX_HANGING)


class Answer(NamedTuple):
    """What the authorization server answered.

    :param status_code: int.
    :param headers: mapping, its names in any letter case.
    :param body: bytes, decoded.
    :param requested_at: float, seconds since the epoch, read before the request was sent.
    """

    status_code: int
    headers: Mapping[str, str]
    body: bytes
    requested_at: float

    def __repr__(self) -> str:
        return f"Answer({self.status_code})"  # headers and body can hold tokens

    def json_object(self) -> dict[str, Any] | None:
        """The JSON object in the body, or None where it holds none."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None


def exchange(
    request: requests.Request,
    session: requests.Session | None,
    timeout: tuple[float, float],
    cert: Cert | None = None,
) -> Answer:
    """Sends one request to an authorization server and reads its answer.

    :param request: an unprepared request; its ``auth`` decides over the session's.
    :param session: the session that sends it; None: one of its own, closed afterwards.
    :param timeout: the connect and the read timeout, seconds; their sum is the deadline.
    :param cert: the client certificate, as in requests; None: the session's.
    :returns: an :class:`Answer`, whatever its status.
    :raises TokenEndpointTimeout: when there is no whole answer by then.
    :raises TokenEndpointUnreachable: when the connection is refused, dropped, or TLS fails.
    :raises InvalidTokenResponse: when the answer is larger than 1 MiB.
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
        error: BaseException = requests.Timeout()
    elif call.error is None:
        return sending.answer
    else:
        error = call.error
    has_certificate = bool(cert or (session and session.cert))
    raise failure(str(request.url), error, mutual_tls=has_certificate)


def without_authorization(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """A requests auth object that adds nothing: where there is none, requests looks into netrc."""
    return request


class _Sending:
    """One exchange as its own thread makes it.

    ``answer`` is there once :meth:`run` has returned.
    """

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
        self._response: requests.Response | None = None
        self._answer: Answer | None = None

    @property
    def answer(self) -> Answer:
        assert self._answer is not None  # noqa: S101 - _receive sets it or raises
        return self._answer

    def cut_off(self) -> None:
        """Ends the reading of an answer whose time is up, where urllib3 (2.3 and later) can."""
        shutdown = getattr(getattr(self._response, "raw", None), "shutdown", None)
        if shutdown is not None:
            # Whoever loses the race against the answer's own end hears of it here.
            with suppress(ValueError, OSError, RuntimeError):
                shutdown()

    def run(self) -> None:
        with self._open_session() as session:
            prepared = session.prepare_request(self._request)
            # Around each of the hooks, which may put another answer in place of the one they are
            # given (HTTP Digest) or raise (raise_for_status): whatever they see is read already,
            # and within its limit.
            around = [each for hook in prepared.hooks["response"] for each in (self._receive, hook)]
            prepared.hooks["response"] = [*around, self._receive]
            # Given here, or else the environment would go before what the session sets.
            settings = session.merge_environment_settings(
                str(prepared.url),
                dict(session.proxies),
                True,
                session.verify,
                self._cert,
            )
            under_way = token_exchange_under_way.set(True)
            try:
                session.send(prepared, timeout=self._timeout, allow_redirects=False, **settings)
            except (requests.HTTPError, _Redirected):
                if self._answer is None:
                    raise
            finally:
                token_exchange_under_way.reset(under_way)

    @contextmanager
    def _open_session(self) -> Iterator[requests.Session]:
        if self._session is not None:
            yield self._session
        else:
            with requests.Session() as session:
                yield session

    def _receive(self, response: requests.Response, **_: Any) -> requests.Response:
        if response is self._response:
            return response
        self._response = response
        body = _bounded_body(response)
        response.raw = with_body(response.raw, body, decoded=True)
        self._answer = Answer(response.status_code, response.headers, body, self._requested_at)
        if 300 <= response.status_code < 400:  # noqa: PLR2004 - RFC 9110 §15.4
            raise _Redirected  # before requests reads where to
        return response


class _Redirected(Exception):
    """The answer is a redirect, which is not followed."""


def _bounded_body(response: requests.Response) -> bytes:
    if response.raw.closed:  # empty, or read to its end by an adapter of the user's
        return response.content
    if response.headers.get("Content-Encoding", "identity").lower() not in ENCODINGS:
        response.close()
        raise InvalidTokenResponse(
            "the answer has a Content-Encoding that was not asked for: check what stands before "
            "the authorization server"
        )
    body, whole = read_body(response.raw, MAX_ANSWER, decode=True)
    if not whole:
        response.close()
        raise InvalidTokenResponse(f"the answer is larger than {MAX_ANSWER} bytes")
    return body


LONGEST_RETRY_AFTER = 10**9  # seconds: thirty years, which is for ever


def retry_after(answer: Answer) -> float | None:
    """The seconds that an answer asks to be left alone (RFC 9110 §10.2.3), or None."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:20]), LONGEST_RETRY_AFTER))
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000": UTC without a claim to a place
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, moment.timestamp() - time.time())


def is_transient(status: int) -> bool:
    """Whether a status speaks of this moment, and not of the request."""
    return status == 429 or status >= 500  # noqa: PLR2004 - RFC 6585 §4, RFC 9110 §15.6
