"""Introspection (RFC 7662) and revocation (RFC 7009)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from requests_cc.testing.client_authentication import ClientRegistry
from requests_cc.testing.parameters import Parameters
from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.response import (
    NO_STORE,
    Response,
    bad_request,
    invalid_client,
    json_response,
)
from requests_cc.testing.settings import Settings
from requests_cc.testing.tokens import IssuedTokens


class TokenStatus:
    """The introspection and the revocation endpoint; safe to share between threads."""

    def __init__(self, settings: Settings, registry: ClientRegistry, tokens: IssuedTokens) -> None:
        self._settings = settings
        self._registry = registry
        self._tokens = tokens

    def introspect(self, request: RecordedRequest) -> Response:
        """Describe a token: RFC 7662 §2.2.

        :raises RefusedError: if the request is refused.
        """
        value, _ = self._parameters(request, self._settings.introspection_url)
        token = self._tokens.find(value)
        content: dict[str, Any] = {"active": False}
        if token is not None:
            content = {**token.claims, "active": True, "token_type": token.grant.token_type}
        return json_response(HTTPStatus.OK, content, (NO_STORE,))

    def revoke(self, request: RecordedRequest) -> Response:
        """Revoke a token: RFC 7009 §2.

        :raises RefusedError: if the request is refused, or the token is another client's.
        """
        value, client_id = self._parameters(request, self._settings.revocation_url)
        token = self._tokens.find(value)
        if token is not None and token.grant.client_id not in (None, client_id):
            raise bad_request("invalid_request", "The token was issued to another client.")
        self._tokens.revoke(value)
        # RFC 7009 §2.2: an unknown token is not an error.
        return Response(HTTPStatus.OK, (NO_STORE,))

    def _parameters(self, request: RecordedRequest, url: str) -> tuple[str, str]:
        parameters = Parameters(request)
        value = parameters.require("token")
        audiences = {self._settings.issuer, self._settings.token_url, url}
        client_id = self._registry.authenticate(request, parameters, audiences)
        if not client_id:
            raise invalid_client(request, "The request names no client.")
        return value, client_id
