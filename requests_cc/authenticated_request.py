"""A client-authenticated request to an endpoint of the authorization server, and its attempts.

RFC 6749 §2.3; the same for token requests, introspection (RFC 7662 §2.1) and revocation (RFC 7009
§2.1).
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests

from .authorization_server import AuthorizationServer
from .client_auth import spellings
from .client_secret import Candidate, ClientSecret
from .error_response import is_transient, refusal
from .errors import InvalidClient, OAuthError, TokenEndpointUnreachable, TokenRequestError
from .exchange import Answer, exchange
from .exchange_failure import without_query
from .protocols import Authentication, ClientAuthentication, ClientIdentity

ATTEMPTS = 3  # of one request, the first included
RETRY_BUDGET = 5.0  # seconds since the first attempt within which another may begin, at the most
FIRST_PAUSE = 0.2  # seconds before the second attempt; doubled before the next; jittered
LONG_ENOUGH_TO_HIDE = 8  # characters: a shorter parameter is more likely a number than a secret
# Parameters that are no secret, and that the server's words are about.
SHOWN = {"grant_type", "scope", "audience", "resource", "token_type_hint"}


@dataclass(frozen=True, repr=False)
class AuthenticatedRequest:
    """A request that can be sent again with a fresh proof of who the client is.

    :param server: how the endpoint is reached.
    :param url: str, the endpoint.
    :param client_id: str.
    :param authentication: how the client proves who it is.
    :param params: pairs of str, what it asks; client authentication adds its own.
    """

    server: AuthorizationServer
    url: str
    client_id: str
    authentication: ClientAuthentication
    params: tuple[tuple[str, str], ...]

    def send(self, secret: ClientSecret) -> Answer:
        """Sends it with each of the client's secrets in turn, until one is accepted.

        :param secret: the client's secret or secrets.
        :returns: an :class:`Answer` that reports success.
        :raises TokenRequestError: when there is none.
        """
        result: Answer | TokenRequestError | None = None
        # Who sets short timeouts is in a hurry: the pauses take no longer than one exchange may.
        budget = min(RETRY_BUDGET, sum(self.server.connect_and_read_timeout))
        until = time.monotonic() + budget
        for candidate in secret.candidates():
            result = self._in_a_few_attempts(candidate, until)
            if isinstance(result, Answer):
                secret.accepted(candidate)
                return result
            if not isinstance(result, InvalidClient):
                break
        assert isinstance(result, TokenRequestError)  # noqa: S101 - there is a candidate
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
        identity = ClientIdentity(self.client_id, candidate.secret, self.server.token_endpoint)
        authentication = self.authentication.authenticate(identity)
        request = self._request(authentication)
        try:
            answer = exchange(request, self.server.session, self.server.connect_and_read_timeout)
        except TokenRequestError as error:
            return error
        secrets = (*authentication.secrets, *self._further_secrets())
        return refusal(answer, self.url, self.authentication.method, secrets) or answer

    def _request(self, authentication: Authentication) -> requests.Request:
        params = (*self.params, *authentication.params.items())
        session = self.server.session
        return requests.Request(
            "POST",
            self.url,
            data=params if self.server.body_format == "form" else None,
            json=_json_object(params) if self.server.body_format == "json" else None,
            # "identity": what is not compressed cannot be a compression bomb.
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            # Never empty, for requests would then look into netrc.
            auth=authentication.auth or (session and session.auth) or _unchanged,
        )

    def _further_secrets(self) -> Iterator[str]:
        yield urlsplit(self.url).query
        for name, value in self.params:
            if name not in SHOWN and len(value) >= LONG_ENOUGH_TO_HIDE:
                yield from spellings(value)

    def __repr__(self) -> str:
        # Shown by whoever prints the variables of a traceback: params and queries hold secrets.
        return f"AuthenticatedRequest({without_query(self.url)!r}, {self.client_id!r})"


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


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
