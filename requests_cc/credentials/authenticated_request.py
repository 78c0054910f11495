"""A client-authenticated request to an endpoint of the authorization server, and its attempts.

RFC 6749 §2.3; the same for token requests, introspection (RFC 7662 §2.1) and revocation (RFC 7009
§2.1).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import requests

from ..client_auth.basic import spellings
from ..client_auth.secret import Candidate, ClientSecret
from ..errors import (
    InvalidClient,
    InvalidTokenResponse,
    OAuthError,
    TokenEndpointTimeout,
    TokenEndpointUnreachable,
    TokenRequestError,
)
from ..http.exchange import Answer, exchange, is_transient, without_authorization
from ..protocols import Authentication, ClientAuthentication, ClientIdentity, ProofKey
from ..server.authorization_server import AuthorizationServer
from ..server.error_response import refusal

ATTEMPTS = 3  # of one request, the first included
RETRY_BUDGET = 5.0  # seconds since the first attempt within which another may begin, at the most
FIRST_PAUSE = 0.2  # seconds before the second attempt; doubled before the next; jittered
LONG_ENOUGH_TO_HIDE = 8  # characters: a shorter parameter is more likely a number than a secret
# Parameters that are no secret, and that the server's words are about.
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


@dataclass(frozen=True, repr=False)
class AuthenticatedRequest:
    """A request that can be sent again with a fresh proof of who the client is.

    :param server: where the endpoint is, and how it is reached.
    :param endpoint: str, its name (RFC 8414 §2), such as ``token_endpoint``.
    :param client_id: str.
    :param authentication: how the client proves who it is.
    :param params: pairs of str, what it asks; client authentication adds its own.
    :param dpop: the key that the token is to be bound to, or None.
    """

    server: AuthorizationServer
    endpoint: str
    client_id: str
    authentication: ClientAuthentication
    params: tuple[tuple[str, str], ...]
    dpop: ProofKey | None = None

    def send(self, secret: ClientSecret) -> Answer:
        """Sends it with each of the client's secrets in turn, until one is accepted.

        :param secret: the client's secret or secrets.
        :returns: an :class:`Answer` that reports success.
        :raises TokenRequestError: when there is none.
        """
        result: Answer | TokenRequestError | None = None
        # Who sets short timeouts is in a hurry: the pauses take no longer than one exchange may.
        budget = min(RETRY_BUDGET, sum(self.server.reach.timeout))
        until = time.monotonic() + budget
        for candidate in secret.candidates():
            result = self._in_a_few_attempts(candidate, until)
            if isinstance(result, Answer):
                secret.accepted(candidate)
                return result
            if not isinstance(result, InvalidClient):
                break
        assert isinstance(result, TokenRequestError)  # noqa: S101 - there is a candidate
        if isinstance(result, _MOVED):
            self.server.look_up_again()  # perhaps the endpoint has moved
        raise result

    def _in_a_few_attempts(self, candidate: Candidate, until: float) -> Answer | TokenRequestError:
        attempt = 1
        while True:
            result = self._attempt(candidate)
            pause = None if isinstance(result, Answer) else _pause_before_another(result, attempt)
            if pause is None or time.monotonic() + pause > until:
                return result
            time.sleep(pause)
            attempt += 1

    def _attempt(self, candidate: Candidate) -> Answer | TokenRequestError:
        result, keep_nonce = self._exchange(candidate)
        # "... MUST be used ... in the DPoP proof" of another request (RFC 9449 §8); once, since a
        # server that wants a new one each time would never be content.
        wants_nonce = isinstance(result, OAuthError) and result.error == "use_dpop_nonce"
        # Kept once more: an answer to another source with this key may have brought an older one.
        if wants_nonce and keep_nonce():
            result, _ = self._exchange(candidate)
        return result

    def _exchange(
        self, candidate: Candidate
    ) -> tuple[Answer | TokenRequestError, Callable[[], bool]]:
        """One exchange: what came of it, and what keeps its nonce, if any, for the next proof."""
        server = self.server
        try:
            identity = ClientIdentity(
                self.client_id, candidate.secret, server.token_endpoint, server.issuer
            )
            authentication = self.authentication.authenticate(identity)
            method = self.authentication.method  # now: it may have to be looked up
            session = server.session
            has_cert = authentication.cert or (session and session.cert)
            # No variable holds the URL while users' code runs, whose tracebacks would show it.
            request = self._request(
                server.endpoint(self.endpoint, mutual_tls=bool(has_cert)), authentication
            )
            answer = exchange(request, session, server.reach.timeout, authentication.cert)
        except TokenRequestError as error:
            return error, lambda: False
        url = str(request.url)
        keep_nonce = partial(self._keep_nonce, url, answer.headers)
        keep_nonce()
        secrets = (*authentication.secrets, *self._further_secrets(url))
        return refusal(answer, url, method, secrets) or answer, keep_nonce

    def _keep_nonce(self, url: str, headers: Mapping[str, str]) -> bool:
        return self.dpop is not None and self.dpop.take_nonce(url, headers)

    def _request(self, url: str, authentication: Authentication) -> requests.Request:
        params = (*self.params, *authentication.params.items())
        session, body_format = self.server.session, self._body_format
        # "identity": what is not compressed cannot be a compression bomb.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        headers["Content-Type"] = _CONTENT_TYPES[body_format]  # a session may have one of its own
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
            # Never empty, for requests would then look into netrc.
            auth=authentication.auth or (session and session.auth) or without_authorization,
        )

    @property
    def _body_format(self) -> str:
        """What else a client asks of a server goes as a form everywhere (RFC 7662, RFC 7009)."""
        return self.server.body_format if self.endpoint == "token_endpoint" else "form"

    def _further_secrets(self, url: str) -> Iterator[str]:
        yield urlsplit(url).query
        for name, value in self.params:
            long_enough = len(value) >= LONG_ENOUGH_TO_HIDE or name == "token"
            if name not in SHOWN and long_enough:
                yield from spellings(value)

    def __repr__(self) -> str:
        # Shown by whoever prints the variables of a traceback: params and queries hold secrets.
        return f"AuthenticatedRequest({self.server.given_url!r}, {self.client_id!r})"


_CONTENT_TYPES = {"form": "application/x-www-form-urlencoded", "json": "application/json"}

# How an endpoint that is not where it was looks from here; a host that is gone may never answer.
_MOVED = (TokenEndpointUnreachable, TokenEndpointTimeout, InvalidTokenResponse)


def _pause_before_another(error: TokenRequestError, attempt: int) -> float | None:
    """Seconds to wait before another attempt; None where there is none, or it would not help."""
    if attempt >= ATTEMPTS:
        return None
    if isinstance(error, OAuthError):
        worth_it = is_transient(error.status_code or 0)
    else:
        # A hang is not among these: it has cost one timeout already.
        worth_it = isinstance(error, TokenEndpointUnreachable) and not error.permanent
    if not worth_it:
        return None
    back_off = FIRST_PAUSE * 2.0 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311 - jitter
    return max(back_off, error.retry_after or 0.0)


def _json_object(params: Iterable[tuple[str, str]]) -> dict[str, str | list[str]]:
    """Parameters as a JSON object; one that is repeated becomes a list."""
    members: dict[str, str | list[str]] = {}
    for name, value in params:
        present = members.get(name)
        if present is None:
            members[name] = value
        else:
            members[name] = [*present, value] if isinstance(present, list) else [present, value]
    return members
