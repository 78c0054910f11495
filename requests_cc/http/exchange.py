"""One bounded HTTP exchange with an authorization server.

No redirect is followed, netrc is not read, at most 1 MiB of the response is read. The caller has a
result by a deadline, at which the exchange ends, however long name look-up, TLS handshake and
response take.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from ..errors import TokenEndpointTimeout
from ..threads import Call, Hanging
from .body import json_in
from .sending import Sending, Way

MAX_HANGING = 32  # timed-out requests to one server that still run
LONGEST_RETRY_AFTER = 3600.0  # seconds: more is an epoch that was sent for a number, or a mistake

hanging = Hanging(MAX_HANGING)


class Response:
    """A response of the authorization server, read to its end.

    :param status_code: int.
    :param headers: mapping, its names in any letter case.
    :param body: bytes, decoded.
    :param requested_at: float, seconds since the epoch, read before the request was sent.
    :param sent: tuple of str, the secrets that the request held outside its body.

    ``words`` are the server's own words, fit to be shown, once somebody has looked for them. Not a
    tuple: crash reporters show the variables of frames, and of a tuple each member.
    """

    __slots__ = ("body", "headers", "requested_at", "sent", "status_code", "words")

    def __init__(
        self,
        status_code: int,
        headers: Mapping[str, str],
        body: bytes,
        requested_at: float,
        sent: tuple[str, ...] = (),
    ) -> None:
        self.status_code = status_code
        self.headers = headers
        self.body = body
        self.requested_at = requested_at
        self.sent = sent
        self.words = ""

    def json_object(self) -> dict[str, Any] | None:
        """Return the JSON object in the body, or None if it holds none."""
        try:
            value = json_in(self.body)
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}]>"  # headers and body can hold a token


def exchange(request: requests.Request, way: Way) -> Response:
    """Send one request to an authorization server and read the response.

    :param request: an unprepared request; its ``auth`` takes precedence over the session's.
    :returns: a :class:`Response`, whatever its status.
    :raises ConfigurationError: if a setting of the session or the environment is wrong.
    :raises TokenEndpointTimeout: if the response is not complete by the deadline.
    :raises TokenEndpointUnreachable: if the connection is refused or dropped, or TLS fails.
    :raises InvalidTokenResponse: if the response is larger than 1 MiB, or not valid HTTP.
    :raises TokenRequestError: if the session's own adapter or hook raises anything else.
    """
    server = urlsplit(str(request.url)).netloc
    if hanging.is_full(server):
        raise TokenEndpointTimeout(
            f"{hanging.limit} timed-out requests to {server} still run; another one is sent when "
            f"one of them ends, or in a while"
        )
    sending = Sending(request, way)
    call = Call(sending.run, "requests-cc exchange")
    if not call.start():
        call.run()
    if not call.ends_within(sum(way.timeout)):
        hanging.add(call, server)
        sending.sockets.end()
        error: BaseException | None = sending.sockets.timeout
    else:
        error = call.error
    if error is not None:
        from .failure import failure  # noqa: PLC0415 - few requests fail

        raise failure(str(request.url), error, sending.secrets, mutual_tls=way.has_certificate)
    response = sending.response
    assert response is not None  # noqa: S101 - or run() has raised
    return Response(
        response.status_code,
        response.headers,
        sending.body,
        sending.requested_at,
        sending.sent_texts(),
    )


def without_authorization(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Add nothing: a requests auth object for requests that have none, or netrc would be read."""
    return request


def retry_after(response: Response) -> float | None:
    """Return the seconds of ``Retry-After`` (RFC 9110 §10.2.3), an hour at the most, or None."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:20]), LONGEST_RETRY_AFTER))
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000": UTC, from a place that is not known
        moment = moment.replace(tzinfo=timezone.utc)
    return min(max(0.0, moment.timestamp() - time.time()), LONGEST_RETRY_AFTER)


def is_transient(status: int, busy: tuple[int, ...] = ()) -> bool:
    """Return whether the same request may succeed later.

    :param busy: int, further statuses with which this server says so.
    """
    return status == 429 or status >= 500 or status in busy  # noqa: PLR2004 - RFC 6585 §4, RFC 9110 §15.6
