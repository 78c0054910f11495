"""A loopback authorization server and a protected API in one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Literal

from requests_cc.testing.api import IssuedTokens, fail_api_request, respond_to_api_request
from requests_cc.testing.connection import ConnectionHandler
from requests_cc.testing.endpoint import Endpoint, Failure
from requests_cc.testing.listener import Listener
from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.response import Response, json_response
from requests_cc.testing.token_request import fail_token_request, respond_to_token_request


class Loopback:
    """A listener on 127.0.0.1 that restarts on the same port; safe to share between threads.

    :param respond: called with each request, in many threads at once; returns the response, or None
        to drop the connection.
    """

    def __init__(self, respond: Callable[[RecordedRequest], Response | None]) -> None:
        self._respond = respond
        self._lock = threading.Lock()  # guards the three below
        self._listener: Listener | None = None
        self._port = 0
        self._stopping = threading.Event()

    @property
    def origin(self) -> str:
        """Scheme, host and port.

        :raises RuntimeError: if it was never started.
        """
        if not self._port:
            raise RuntimeError(
                "LocalServer has no URL before its start: use it in a with statement or start()"
            )
        return f"http://127.0.0.1:{self._port}"

    @property
    def running(self) -> bool:
        """Whether it listens."""
        return self._listener is not None

    def start(self) -> None:
        """Start to listen; no effect if it listens already.

        :raises OSError: if another process took the port since the last stop.
        """
        with self._lock:
            if self._listener is None:
                self._stopping = threading.Event()
                self._listener = Listener(
                    self._port, ConnectionHandler, self._respond, self._stopping
                )
                self._port = self._listener.server_address[1]

    def stop(self) -> None:
        """Cut off all connections and wait for their threads; no effect if it is stopped."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def stops_within(self, seconds: float) -> bool:
        """Wait; return True as soon as the listener stops, False after this many seconds."""
        return self._stopping.wait(seconds)


_TOKEN_PATH = "/oauth/token"
_API_PATH = "/api/"
_DEFAULT_LIFETIME = 3600


class LocalServer:
    """An authorization server, and an API that accepts its tokens, on a free port of 127.0.0.1.

    Real sockets and threads: any client, in this process or another, uses it through its URLs.
    All methods and attributes are safe to use from several threads, while requests arrive too::

        with LocalServer({"me": "secret"}) as server:
            response = requests.post(
                server.token_url, data={"grant_type": "client_credentials"}, auth=("me", "secret")
            )
            bearer = {"Authorization": "Bearer " + response.json()["access_token"]}
            assert requests.get(server.api_url + "orders", headers=bearer).status_code == 200
            server.revoke_tokens()
            assert requests.get(server.api_url + "orders", headers=bearer).status_code == 401
            assert [request.path for request in server.api_requests] == ["/api/orders"] * 2

    :mod:`requests_cc.testing` describes the endpoints.

    :param clients: secrets by client id; a secret of None makes a public client, which sends only
        its ``client_id``. Without ``clients`` every client is accepted, however it authenticates.
        Client assertions (RFC 7523) are not checked.
    """

    token_lifetime: float | None = _DEFAULT_LIFETIME
    """Seconds: the lifetime of tokens issued from now on, and their ``expires_in``; 3600 at first.
    None: they do not expire, and ``expires_in`` is left out. The server's clock is monotonic."""

    token_delay: float = 0.0
    """How long a token request takes, a failing one too, in seconds; 0 at first. A token's lifetime
    starts after the delay."""

    def __init__(self, clients: Mapping[str, str | None] | None = None) -> None:
        self._clients = None if clients is None else dict(clients)
        self._tokens = IssuedTokens()
        self._token_endpoint = Endpoint()
        self._api = Endpoint()
        self._loopback = Loopback(self._respond)

    def start(self) -> LocalServer:
        """Start to listen; after :meth:`stop`, at the same URLs. No effect on a running server.

        :returns: this server.
        :raises OSError: if another process took the port since it was stopped.
        """
        self._loopback.start()
        return self

    def stop(self) -> None:
        """Cut off all connections, delayed requests included, and refuse new ones.

        Recorded requests, tokens and planned failures stay, so that a stop and a start make an
        outage. No effect on a stopped server; in a forked child the parent's server keeps running.
        """
        self._loopback.stop()

    def __enter__(self) -> LocalServer:  # noqa: PYI034 - typing.Self is new in Python 3.11
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = f"running at {self.origin}" if self._loopback.running else "stopped"
        counts = f"{self._token_endpoint.received} token and {self._api.received} API requests"
        return f"<{type(self).__name__} {state}, {counts}>"

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
        """The protected API's URL; it ends with a slash, and every path below it is protected."""
        return self.origin + _API_PATH

    @property
    def token_requests(self) -> tuple[RecordedRequest, ...]:
        """The requests that arrived at the token endpoint, oldest first: a snapshot.

        Each endpoint keeps its newest 10,000 requests, with at most 64 MiB of bodies.
        """
        return self._token_endpoint.requests()

    @property
    def api_requests(self) -> tuple[RecordedRequest, ...]:
        """The requests that arrived at the API, oldest first: a snapshot."""
        return self._api.requests()

    def revoke_tokens(self) -> None:
        """Revoke all tokens issued so far: the API rejects them with a 401 from now on."""
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
        """Let the next requests fail, after the failures that are already planned.

        A failing request is recorded like any other, and otherwise ignored.

        :param times: how many requests; 0 discards the planned failures.
        :param status: the HTTP status, 200 to 599. A 401 has a challenge if the RFCs require one.
        :param error: the code in a JSON error (RFC 6749 §5.2) and, at the API, in the challenge
            (RFC 6750 §3); None: the body is empty.
        :param retry_after: the ``Retry-After`` header: seconds, or an HTTP date.
        :param drop: close the connection without a response; the other parameters are ignored.
        :param at: the token endpoint or the API.
        :raises ValueError: if ``times``, ``status`` or ``at`` is not valid.
        """
        endpoints = {"token": self._token_endpoint, "api": self._api}
        if at not in endpoints:
            raise ValueError(f"at must be 'token' or 'api', not {at!r}")
        endpoints[at].plan(times, Failure(status, error, retry_after, drop))

    def reset(self) -> None:
        """Return to the state of a new server, at the same URLs.

        Recorded requests, tokens and planned failures are discarded; ``token_lifetime`` and
        ``token_delay`` have their first values again.
        """
        self._token_endpoint.reset()
        self._api.reset()
        self._tokens.forget()
        self.token_lifetime = _DEFAULT_LIFETIME
        self.token_delay = 0.0

    def _respond(self, request: RecordedRequest) -> Response | None:
        path = request.path.partition("?")[0]
        if path == _TOKEN_PATH:
            return self._token_response(request)
        if path.startswith(_API_PATH):
            failure = self._api.receive(request)
            if failure:
                return fail_api_request(failure)
            return respond_to_api_request(request, self._tokens)
        urls = {"token_url": self.token_url, "api_url": self.api_url}
        return json_response(HTTPStatus.NOT_FOUND, urls)

    def _token_response(self, request: RecordedRequest) -> Response | None:
        failure = self._token_endpoint.receive(request)
        if self._loopback.stops_within(self.token_delay):
            return None
        if failure:
            return fail_token_request(request, failure)
        return respond_to_token_request(request, self._clients, self._tokens, self.token_lifetime)
