"""A loopback authorization server and a protected API in one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Literal

from requests_cc.testing.api import IssuedTokens, answer_api_request, fail_api_request
from requests_cc.testing.connection import ConnectionHandler
from requests_cc.testing.endpoint import Answer, Endpoint, Failure, json_answer
from requests_cc.testing.listener import Listener
from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.token_request import answer_token_request, fail_token_request


class Loopback:
    """Listens on 127.0.0.1, each time on the port it had the first time; safe to share.

    :param answer: called in many threads at once with each request; None as its answer drops the
        connection.
    """

    def __init__(self, answer: Callable[[RecordedRequest], Answer | None]) -> None:
        self._answer = answer
        self._lock = threading.Lock()  # guards the three below
        self._listener: Listener | None = None
        self._port = 0
        self._stopping = threading.Event()

    @property
    def origin(self) -> str:
        """Scheme, host and port.

        :raises RuntimeError: before the first start.
        """
        if not self._port:
            raise RuntimeError("LocalServer has no URLs yet: use it in a with statement or start()")
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, unless it does.

        :raises OSError: if another process took the port since the last stop.
        """
        with self._lock:
            if self._listener is None:
                self._stopping = threading.Event()
                self._listener = Listener(
                    self._port, ConnectionHandler, self._answer, self._stopping
                )
                self._port = self._listener.server_address[1]

    def stop(self) -> None:
        """Cut all connections off and wait for their threads, unless that was done."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def stops_within(self, seconds: float) -> bool:
        """Wait this long, or until it is being stopped: only then return True."""
        return self._stopping.wait(seconds)


_TOKEN_PATH = "/oauth/token"
_API_PATH = "/api/"
_DEFAULT_LIFETIME = 3600


class LocalServer:
    """An authorization server and an API that wants its tokens, on 127.0.0.1 and a free port.

    Real sockets and threads: any client, in this process or another, uses it through its URLs.
    All methods and attributes are safe to use from several threads, while requests arrive too::

        with LocalServer({"me": "secret"}) as server:
            answer = requests.post(
                server.token_url, data={"grant_type": "client_credentials"}, auth=("me", "secret")
            )
            bearer = {"Authorization": "Bearer " + answer.json()["access_token"]}
            assert requests.get(server.api_url + "orders", headers=bearer).status_code == 200
            server.revoke_tokens()
            assert requests.get(server.api_url + "orders", headers=bearer).status_code == 401
            assert [request.path for request in server.api_requests] == ["/api/orders"] * 2

    What the endpoints take and answer stands in :mod:`requests_cc.testing`. All that arrives is
    kept, bodies included, until :meth:`reset`.

    :param clients: secrets by client id; a secret of None makes a public client, which sends its
        ``client_id`` only. Without ``clients`` every client is known, whatever it authenticates
        with. Client assertions (RFC 7523) are not checked.
    """

    token_lifetime: float | None = _DEFAULT_LIFETIME
    """Seconds that a token issued from now on is good for, and its ``expires_in``; 3600 at first.
    None: it does not expire, and ``expires_in`` is left out. The server's clock is monotonic."""

    token_delay: float = 0.0
    """Seconds that a token request takes, a failing one too; 0 at first. A token's lifetime starts
    after them."""

    def __init__(self, clients: Mapping[str, str | None] | None = None) -> None:
        self._clients = None if clients is None else dict(clients)
        self._tokens = IssuedTokens()
        self._token_endpoint = Endpoint()
        self._api = Endpoint()
        self._loopback = Loopback(self._answer)

    def start(self) -> LocalServer:
        """Start to listen; after :meth:`stop`, at the same URLs again. Running already: no effect.

        :returns: this server.
        :raises OSError: if another process took the port since it was stopped.
        """
        self._loopback.start()
        return self

    def stop(self) -> None:
        """Cut all connections off, delayed requests included, and refuse new ones.

        Records, tokens and planned failures stay, so that stopping and starting again makes an
        outage. Stopped already: no effect. In a forked child it leaves the parent's server running.
        """
        self._loopback.stop()

    def __enter__(self) -> LocalServer:  # noqa: PYI034 - typing.Self is new in Python 3.11
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def origin(self) -> str:
        """Scheme, host and port: ``http://127.0.0.1:PORT``.

        :raises RuntimeError: if the server was never started.
        """
        return self._loopback.origin

    @property
    def token_url(self) -> str:
        """The token endpoint's URL."""
        return self.origin + _TOKEN_PATH

    @property
    def api_url(self) -> str:
        """The protected API's URL; it ends with a slash, and any path below it is the API too."""
        return self.origin + _API_PATH

    @property
    def token_requests(self) -> tuple[RecordedRequest, ...]:
        """What arrived at the token endpoint so far, in order: a snapshot."""
        return self._token_endpoint.requests()

    @property
    def api_requests(self) -> tuple[RecordedRequest, ...]:
        """What arrived at the API so far, in order: a snapshot."""
        return self._api.requests()

    def revoke_tokens(self) -> None:
        """Forget all tokens issued so far: the API answers 401 to them from now on."""
        self._tokens.forget()

    def fail_next(
        self,
        times: int = 1,
        *,
        status: int = HTTPStatus.SERVICE_UNAVAILABLE,
        error: str | None = None,
        retry_after: float | str | None = None,
        drop: bool = False,
        at: Literal["token", "api"] = "token",
    ) -> None:
        """Let the next requests fail; those that are to fail already come first.

        A failing request is recorded like any other, and looked at no further.

        :param times: how many; 0 lets none fail any more.
        :param status: the HTTP status, 200 to 599. A 401 has a challenge where the RFCs want one.
        :param error: makes the body the JSON error of RFC 6749 section 5.2, and at the API goes
            into the challenge (RFC 6750 section 3); without it the body is empty.
        :param retry_after: the ``Retry-After`` header: seconds, or an HTTP date.
        :param drop: close the connection without an answer; what the answer would be is ignored.
        :param at: the token endpoint, or the API.
        :raises ValueError: if ``times``, ``status`` or ``at`` is none of these.
        """
        endpoints = {"token": self._token_endpoint, "api": self._api}
        if at not in endpoints:
            raise ValueError(f"at must be 'token' or 'api', not {at!r}")
        endpoints[at].plan(times, Failure(status, error, retry_after, drop))

    def reset(self) -> None:
        """Go back to the state of a new server, at the same URLs.

        Recorded requests, tokens and planned failures are forgotten; ``token_lifetime`` and
        ``token_delay`` are what they were at first.
        """
        self._token_endpoint.reset()
        self._api.reset()
        self._tokens.forget()
        self.token_lifetime = _DEFAULT_LIFETIME
        self.token_delay = 0.0

    def _answer(self, request: RecordedRequest) -> Answer | None:
        path = request.path.partition("?")[0]
        if path == _TOKEN_PATH:
            return self._answer_token_request(request)
        if path.startswith(_API_PATH):
            failure = self._api.receive(request)
            if failure:
                return fail_api_request(failure)
            return answer_api_request(request, self._tokens)
        urls = {"token_url": self.token_url, "api_url": self.api_url}
        return json_answer(HTTPStatus.NOT_FOUND, urls)

    def _answer_token_request(self, request: RecordedRequest) -> Answer | None:
        failure = self._token_endpoint.receive(request)
        if self._loopback.stops_within(self.token_delay):
            return None
        if failure:
            return fail_token_request(request, failure)
        return answer_token_request(request, self._clients, self._tokens, self.token_lifetime)
