"""A mocked token endpoint for tests that mock the API with ``responses`` (extra ``testing``)."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Iterable
from email.message import Message
from http import HTTPStatus
from urllib.parse import urlsplit

import requests
import responses

from requests_cc.testing.recorded_request import RecordedRequest

TOKEN_ENDPOINT = re.compile(r"https?://[^?#]*/token(\?.*)?$")


class OAuthResponses(responses.RequestsMock):
    """A ``responses`` mock with a token endpoint; the fixture ``oauth_responses`` is one.

    Add the API's responses to it, as to any ``responses`` mock. A mocked response need not be used.

    :param token: str, the token; ``{}`` in it is replaced with the number of the token: 1, 2, ...
    :param lifetime: float, ``expires_in`` in seconds; None: the response has no ``expires_in``.
    :param failures: the first token requests fail with these, one after the other: each an HTTP
        status, an OAuth error code (RFC 6749 §5.2), or an exception to raise, for example
        ``requests.ConnectTimeout()``.
    :param url: str or compiled regular expression, the token endpoint's URL; by default, each URL
        whose path ends in ``/token``.

    Not meant to be shared between threads before all mocked responses have been added.
    """

    def __init__(
        self,
        *,
        token: str = "token-{}",  # noqa: S107 - a template
        lifetime: float | None = 3600,
        failures: Iterable[int | str | Exception] = (),
        url: str | re.Pattern[str] = TOKEN_ENDPOINT,
    ) -> None:
        super().__init__(assert_all_requests_are_fired=False)
        self._token = token
        self._lifetime = lifetime
        self._failures = iter(tuple(failures))
        self._numbers = itertools.count(1)
        self._token_requests: list[RecordedRequest] = []
        self.add_callback(responses.POST, url, self._respond, content_type="application/json")

    @property
    def token_requests(self) -> tuple[RecordedRequest, ...]:
        """The token requests that were sent, oldest first, failed ones included: a snapshot."""
        return tuple(self._token_requests)

    def _respond(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        self._token_requests.append(_recorded(request))
        failure = next(self._failures, None)
        if isinstance(failure, Exception):
            raise failure
        if isinstance(failure, int):
            return failure, {}, ""
        if failure is not None:
            # RFC 6749 §5.2: invalid_client may be a 401; the other codes are a 400.
            unauthorized = failure == "invalid_client"
            status = HTTPStatus.UNAUTHORIZED if unauthorized else HTTPStatus.BAD_REQUEST
            return status, {}, json.dumps({"error": failure})
        value = self._token.replace("{}", str(next(self._numbers)))
        token: dict[str, object] = {"access_token": value, "token_type": "Bearer"}
        if self._lifetime is not None:
            token["expires_in"] = self._lifetime
        return HTTPStatus.OK, {}, json.dumps(token)


def _recorded(request: requests.PreparedRequest) -> RecordedRequest:
    headers = Message()
    headers["Host"] = urlsplit(str(request.url)).netloc
    for name, value in request.headers.items():
        headers[name] = value.decode("latin-1") if isinstance(value, bytes) else value
    body = request.body or b""
    content = body if isinstance(body, bytes) else str(body).encode()
    return RecordedRequest(str(request.method), request.path_url, headers, content, time.time())
