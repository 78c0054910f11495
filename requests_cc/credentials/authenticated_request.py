"""A client-authenticated request to the authorization server, and its attempts (RFC 6749 §2.3).

Token requests, introspection (RFC 7662 §2.1) and revocation (RFC 7009 §2.1) are all made this way.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from urllib.parse import quote, urlsplit

import requests

from ..client_auth.basic import spellings
from ..client_auth.secret import Candidate, ClientSecret, SupplyFailedError
from ..errors import (
    InvalidClient,
    InvalidTokenResponse,
    OAuthError,
    TokenEndpointTimeout,
    TokenEndpointUnreachable,
    TokenRequestError,
)
from ..http.exchange import Response, exchange, is_transient, without_authorization
from ..http.sending import Way
from ..protocols import Authentication, ClientAuthentication, ClientIdentity, ProofKey
from ..server.authorization_server import AuthorizationServer
from ..server.error_response import Attempt, refusal, with_words
from ..threads import growing, jittered
from .auth_setting import check_session_auth
from .parameters import Pair, current

ATTEMPTS = 3  # of one request, the first included
RETRY_BUDGET = 5.0  # seconds since the first attempt within which another may begin, at the most
FIRST_PAUSE = 0.2  # seconds before the second attempt; doubled before the next; jittered
JITTER = 0.25  # of a pause, to either side
LONG_ENOUGH_TO_HIDE = 8  # characters: a shorter parameter is more likely a number than a secret
# Parameters that are not secret, and that the server's words are about.
SHOWN = {
    "grant_type",
    "scope",
    "audience",
    "resource",
    "token_type_hint",
    "subject_token_type",  # this and the next two: RFC 8693 §2.1
    "actor_token_type",
    "requested_token_type",
}

# "identity": an uncompressed body cannot be a compression bomb.
# "no-store": a response cache beneath keeps no token.
HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Cache-Control": "no-store",
}


class AuthenticatedRequest:
    """A request that can be sent again with a fresh proof of who the client is.

    :param server: the server that has the endpoint.
    :param endpoint: str, its name (RFC 8414 §2), such as ``token_endpoint``.
    :param client_id: str.
    :param authentication: how the client authenticates.
    :param params: pairs of a name and a str, or a callable that returns one and is called for each
        attempt; client authentication adds its own.
    :param dpop: the key that the token is to be bound to, or None.

    ``busy`` may be set before the first request: further statuses of a server that is busy, beside
    429 and 5xx. It does not change after that, so safe to share between threads.
    """

    __slots__ = ("authentication", "busy", "client_id", "dpop", "endpoint", "params", "server")

    def __init__(
        self,
        server: AuthorizationServer,
        endpoint: str,
        client_id: str,
        authentication: ClientAuthentication,
        params: tuple[Pair, ...],
        dpop: ProofKey | None = None,
    ) -> None:
        self.server = server
        self.endpoint = endpoint
        self.client_id = client_id
        self.authentication = authentication
        self.params = params
        self.dpop = dpop
        self.busy: tuple[int, ...] = ()

    def to(self, endpoint: str, params: tuple[Pair, ...]) -> AuthenticatedRequest:
        """Return a request of the same client to another endpoint, without a DPoP proof."""
        at = getattr(self.authentication, "at", None)  # the metadata's choice may be another one
        authentication = self.authentication if at is None else at(endpoint)
        return AuthenticatedRequest(self.server, endpoint, self.client_id, authentication, params)

    def send(self, secret: ClientSecret) -> Response:
        """Send it with each of the client's secrets in turn, until one is accepted.

        :returns: an :class:`Response` that reports success.
        :raises TokenRequestError: if there is none.
        """
        try:
            return self._send(secret)
        except SupplyFailedError as failed:
            error = failed.error
        raise error

    def _send(self, secret: ClientSecret) -> Response:
        result: Response | TokenRequestError | None = None
        # Short timeouts mean short waits: the pauses take no longer than one exchange may.
        deadline = time.monotonic() + min(RETRY_BUDGET, sum(self.server.reach.timeout))
        for candidate in secret.candidates():
            result = self._in_a_few_attempts(candidate, deadline)
            if isinstance(result, Response):
                secret.accepted(candidate)
                return result
            if not isinstance(result, InvalidClient):
                break
        assert isinstance(result, TokenRequestError)  # noqa: S101 - there is a candidate
        if isinstance(result, _MOVED):
            self.server.look_up_again()  # the endpoint may have moved
        if result.retry_after is not None:
            result.retry_at = time.time() + result.retry_after
        raise result

    def _in_a_few_attempts(
        self, candidate: Candidate, deadline: float
    ) -> Response | TokenRequestError:
        sent: set[str] = set()  # assertions; each may be good once
        result = self._attempt(candidate, sent)
        for attempt in range(1, ATTEMPTS):
            if isinstance(result, Response) or not _is_worth_a_retry(result, self.busy):
                return result
            pause = max(_back_off(attempt), result.retry_after or 0.0)
            if time.monotonic() + pause > deadline:
                return result
            time.sleep(pause)
            try:
                result = self._attempt(candidate, sent)
            except _SentBeforeError:
                return result
        return result

    def _attempt(self, candidate: Candidate, sent: set[str]) -> Response | TokenRequestError:
        result, keep_nonce = self._exchange(candidate, sent)
        # "... MUST be used ... in the DPoP proof" of another request (RFC 9449 §8); once, since a
        # server may demand a new one each time.
        wants_nonce = isinstance(result, OAuthError) and result.error == "use_dpop_nonce"
        # Kept once more: a response to another source with this key may have brought an older one.
        if wants_nonce and keep_nonce():
            result, _ = self._exchange(candidate, set())
        return result

    def _exchange(
        self, candidate: Candidate, sent: set[str]
    ) -> tuple[Response | TokenRequestError, Callable[[], bool]]:
        """Make one exchange.

        :param sent: the assertions of earlier attempts; this one's is added.
        :returns: the response or the error, and a function that keeps the response's nonce, if
            any, for the next proof.
        """
        try:
            identity = self._identity(candidate)
            authentication = self.authentication.authenticate(identity)
            _check_unsent(authentication.params.get("client_assertion"), sent)
            params = tuple(current(self.params))
            method = self.authentication.method  # here, since it may have to be looked up
            way = self._way(authentication, params)
            # No variable holds the URL while a user's code runs: its query can hold keys.
            request = self._request(
                self.server.endpoint(self.endpoint, mutual_tls=way.has_certificate),
                authentication,
                params,
            )
            response = exchange(request, way)
        except TokenRequestError as error:
            return error, lambda: False
        url = str(request.url)
        keep_nonce = partial(self._keep_nonce, url, response.headers)
        keep_nonce()
        of_session = chain.from_iterable(map(spellings, response.sent))
        attempt = Attempt(
            url,
            self.endpoint,
            method,
            loose_may_help=self._loose_may_help(method, identity),
            has_proof=self.dpop is not None,
            secrets=(*way.secrets, urlsplit(url).query, *of_session),
        )
        attempt.busy = self.busy
        return refusal(response, attempt) or with_words(response, attempt), keep_nonce

    def _way(self, authentication: Authentication, params: Iterable[tuple[str, str]]) -> Way:
        server, secrets = self.server, (*authentication.secrets, *_secrets_in(params))
        return Way(
            server.session,
            server.timeout,
            authentication.cert,
            allow_http=server.allow_http,
            secrets=secrets,
        )

    def _loose_may_help(self, method: str, identity: ClientIdentity) -> bool:
        """Return whether a server that does not decode Basic credentials reads other ones."""
        encoding = getattr(self.authentication, "encoding", "strict")
        sent = f"{identity.client_id}{identity.client_secret}"
        return (method, encoding) == ("client_secret_basic", "strict") and quote(sent, "") != sent

    @property
    def _token_endpoint(self) -> str:
        """The token endpoint's URL; this endpoint's at a server that has none."""
        server = self.server
        has_one = self.endpoint == "token_endpoint" or server.names("token_endpoint")
        return server.endpoint("token_endpoint" if has_one else self.endpoint)

    def _identity(self, candidate: Candidate) -> ClientIdentity:
        server = self.server
        names = {"endpoint": self.endpoint, "token_endpoint": "token_endpoint"}
        wanted = None if server.habits is None else server.habits.assertion_audience
        return ClientIdentity(
            self.client_id,
            candidate.secret,
            self._token_endpoint,
            server.issuer,
            None if wanted is None else server.endpoint(names[wanted]),
            server.assertion_algorithms,
        )

    def _keep_nonce(self, url: str, headers: Mapping[str, str]) -> bool:
        return self.dpop is not None and self.dpop.take_nonce(url, headers)

    def _request(
        self, url: str, authentication: Authentication, params: tuple[tuple[str, str], ...]
    ) -> requests.Request:
        params = (*params, *authentication.params.items())
        session, body_format = self.server.session, self._body_format
        if self._proves_itself(authentication):
            check_session_auth(session, self.authentication)
        # The type is this one, whatever a session sets.
        headers = {**HEADERS, "Content-Type": _CONTENT_TYPES[body_format]}
        if self.dpop is not None:
            headers["DPoP"] = self.dpop.proof("POST", url)
        if session is not None and authentication.cert is not None:
            headers["Connection"] = "close"  # a connection that is kept keeps its certificate
        return requests.Request(
            "POST",
            url,
            data=params if body_format == "form" else None,
            json=_json_object(params) if body_format == "json" else None,
            headers=headers,
            # Never empty, since requests would then read netrc.
            auth=authentication.auth or (session and session.auth) or without_authorization,
        )

    def _proves_itself(self, authentication: Authentication) -> bool:
        proofs = ("client_secret", "client_assertion")
        return bool(authentication.auth) or any(name in authentication.params for name in proofs)

    @property
    def _body_format(self) -> str:
        """The server's for a token request; a form for all others (RFC 7662, RFC 7009)."""
        return self.server.body_format if self.endpoint == "token_endpoint" else "form"

    def __repr__(self) -> str:
        # Params and queries hold secrets, and debuggers print the variables of a traceback.
        return f"AuthenticatedRequest({self.server.given_url!r}, {self.client_id!r})"


class _SentBeforeError(Exception):
    """The assertion of this attempt was sent in an earlier one."""


def _check_unsent(assertion: str | None, sent: set[str]) -> None:
    if assertion in sent:
        raise _SentBeforeError
    if assertion is not None:
        sent.add(assertion)


def _secrets_in(params: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, value in params:
        long_enough = len(value) >= LONG_ENOUGH_TO_HIDE or name == "token"
        if name not in SHOWN and long_enough:
            yield from spellings(value)


_CONTENT_TYPES = {"form": "application/x-www-form-urlencoded", "json": "application/json"}

# The errors that a request to an endpoint's old URL ends with; a host that is gone may be silent.
_MOVED = (TokenEndpointUnreachable, TokenEndpointTimeout, InvalidTokenResponse)


def _is_worth_a_retry(error: TokenRequestError, busy: tuple[int, ...]) -> bool:
    if isinstance(error, OAuthError):
        return is_transient(error.status_code or 0, busy)
    # Not a timeout: it has taken the time of one attempt already.
    return isinstance(error, TokenEndpointUnreachable) and not error.permanent


def _back_off(attempt: int) -> float:
    """Return the seconds to wait after an attempt that failed, counted from 1."""
    spread = random.random()  # noqa: S311 - jitter
    return jittered(growing(FIRST_PAUSE, RETRY_BUDGET, attempt), JITTER, spread)


def _json_object(params: Iterable[tuple[str, str]]) -> dict[str, str | list[str]]:
    """Return parameters as a JSON object; a repeated one becomes a list."""
    members: dict[str, str | list[str]] = {}
    for name, value in params:
        present = members.get(name)
        if present is None:
            members[name] = value
        else:
            members[name] = [*present, value] if isinstance(present, list) else [present, value]
    return members
