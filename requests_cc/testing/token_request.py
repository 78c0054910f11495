"""The token endpoint: RFC 6749 §3.2, §4.4 and §5, RFC 7523 §2.1, RFC 8693."""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from typing import Any, NamedTuple

from requests_cc.testing import jose
from requests_cc.testing.claims import check_audience, check_times
from requests_cc.testing.client_authentication import ClientRegistry
from requests_cc.testing.parameters import Parameters
from requests_cc.testing.proof import InvalidProofError, ProofChecker, bound_to_certificate
from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.response import (
    NO_STORE,
    Response,
    bad_request,
    invalid_client,
    json_response,
)
from requests_cc.testing.settings import Settings
from requests_cc.testing.tokens import Grant, IssuedToken, IssuedTokens

CLIENT_CREDENTIALS = "client_credentials"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


class Policy(NamedTuple):
    """The limits that the server sets to its clients.

    :param scopes: None: every scope; otherwise a request without ``scope`` is granted all of them.
    :param grants: None: every grant type.
    """

    scopes: tuple[str, ...] | None
    grants: tuple[str, ...] | None


class TokenEndpoint:
    """Issues tokens; safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        policy: Policy,
        registry: ClientRegistry,
        tokens: IssuedTokens,
        proofs: ProofChecker,
    ) -> None:
        self._settings = settings
        self._policy = policy
        self._registry = registry
        self._tokens = tokens
        self._proofs = proofs

    def respond(self, request: RecordedRequest) -> Response:
        """Issue a token.

        :raises RefusedError: if the request is refused.
        """
        parameters = Parameters(request)
        grant_type = parameters.require("grant_type")
        client_id = self._registry.authenticate(request, parameters, self._audiences())
        self._check_grant_type(client_id, grant_type)
        subject = None
        if grant_type == JWT_BEARER:
            client_id, subject = self._assertion_grant(client_id, parameters)
        elif grant_type == TOKEN_EXCHANGE:
            _check_exchange(parameters)
        # RFC 6749 §4.4: "MUST only be used by confidential clients". With an assertion as the grant
        # a client need not be named (RFC 7523 §3.1), nor with the server's other grants.
        elif not client_id and (
            self._registry.clients is not None or grant_type == CLIENT_CREDENTIALS
        ):
            raise invalid_client(request, "The request names no client.")
        grant = Grant(
            client_id=client_id,
            scope=self._scope(client_id, parameters.get("scope")),
            audience=parameters.all("audience"),
            resource=parameters.all("resource"),
            subject=subject,
            bound_to=self._bound_to(request),
        )
        lifetime = self._settings.token_lifetime
        token = self._tokens.issue(grant, lifetime)
        return self._response(token, lifetime, exchanged=grant_type == TOKEN_EXCHANGE)

    def _response(self, token: IssuedToken, lifetime: float | None, *, exchanged: bool) -> Response:
        content: dict[str, Any] = {
            "access_token": token.value,
            "token_type": token.grant.token_type,
            "expires_in": lifetime,
            "scope": token.grant.scope,
            "issued_token_type": ACCESS_TOKEN if exchanged else None,
        }
        sent = {name: value for name, value in content.items() if value is not None}
        return json_response(HTTPStatus.OK, sent, (NO_STORE, *self._proofs.headers()))

    def _audiences(self) -> Collection[str]:
        return {self._settings.issuer, self._settings.token_url}

    def _check_grant_type(self, client_id: str | None, grant_type: str) -> None:
        if self._policy.grants is not None and grant_type not in self._policy.grants:
            allowed = ", ".join(self._policy.grants)
            raise bad_request("unsupported_grant_type", f"grant_type must be of: {allowed}.")
        client = (self._registry.clients or {}).get(client_id or "")
        if client is not None and client.grants is not None and grant_type not in client.grants:
            raise bad_request(
                "unauthorized_client", f"This client may not use the grant type {grant_type}."
            )

    def _scope(self, client_id: str | None, requested: str | None) -> str | None:
        client = (self._registry.clients or {}).get(client_id or "")
        allowed = self._policy.scopes
        if client is not None and client.scopes is not None:
            allowed = client.scopes
        if allowed is None:
            return requested
        if requested is None:
            return " ".join(allowed) or None
        if refused := [scope for scope in requested.split() if scope not in allowed]:
            raise bad_request("invalid_scope", f"scope {refused[0]} is not allowed.")
        return requested

    def _assertion_grant(
        self, client_id: str | None, parameters: Parameters
    ) -> tuple[str | None, str | None]:
        assertion = parameters.require("assertion")
        if self._registry.clients is None:
            return client_id, None
        try:
            issuer, subject = self._verified_assertion(assertion)
        except jose.InvalidJWTError as error:
            raise bad_request("invalid_grant", f"The assertion is not valid: {error}.") from None
        return client_id or issuer, subject

    def _verified_assertion(self, assertion: str) -> tuple[str, str]:
        _, claims = jose.read(assertion)
        issuer = claims.get("iss")
        client = (self._registry.clients or {}).get(issuer) if isinstance(issuer, str) else None
        if client is None or not client.keys:
            raise jose.InvalidJWTError("its iss must be a client that has keys")
        jose.verify_key(assertion, client.keys)
        check_times(claims)
        check_audience(claims, self._audiences())
        if "jti" in claims:
            self._registry.replays.check("grant", issuer, claims["jti"])
        # RFC 7523 §3 requires sub; Google's service accounts leave it out for themselves.
        return str(issuer), str(claims.get("sub", issuer))

    def _bound_to(self, request: RecordedRequest) -> dict[str, str]:
        if "DPoP" not in request.headers:
            return bound_to_certificate(request)
        try:
            return {"jkt": self._proofs.key_thumbprint(request)}
        except InvalidProofError as error:
            raise bad_request(error.error, error.description, *self._proofs.headers()) from None


def _check_exchange(parameters: Parameters) -> None:
    # RFC 8693 §2.1
    parameters.require("subject_token")
    parameters.require("subject_token_type")
    actor, actor_type = parameters.get("actor_token"), parameters.get("actor_token_type")
    if (actor is None) != (actor_type is None):
        raise bad_request(
            "invalid_request", "actor_token and actor_token_type must be sent together."
        )
    requested = parameters.get("requested_token_type")
    if requested not in (None, ACCESS_TOKEN):
        raise bad_request("invalid_request", f"requested_token_type must be {ACCESS_TOKEN}.")
