"""The metadata documents: RFC 8414, OpenID Connect Discovery, RFC 9728 and RFC 7517 §5."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from requests_cc.testing import jose
from requests_cc.testing.client_authentication import ClientRegistry
from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.response import Response, error_response, json_response
from requests_cc.testing.settings import JWKS_PATH, PATHS, Settings
from requests_cc.testing.token_request import (
    CLIENT_CREDENTIALS,
    JWT_BEARER,
    TOKEN_EXCHANGE,
    Policy,
)
from requests_cc.testing.tokens import IssuedTokens

WELL_KNOWN = "/.well-known/"
RESOURCE_PATH = f"{WELL_KNOWN}oauth-protected-resource"


class Metadata:
    """The documents under ``/.well-known/``; safe to share between threads."""

    def __init__(
        self, settings: Settings, policy: Policy, registry: ClientRegistry, tokens: IssuedTokens
    ) -> None:
        self._settings = settings
        self._policy = policy
        self._registry = registry
        self._tokens = tokens

    def respond(self, request: RecordedRequest) -> Response:
        """Return the document at the request's path, or a 404."""
        path = request.path.partition("?")[0]
        if request.method not in ("GET", "HEAD"):
            return error_response(
                HTTPStatus.METHOD_NOT_ALLOWED,
                "invalid_request",
                "A metadata request must be a GET.",
                (("Allow", "GET, HEAD"),),
            )
        if path in (
            f"{WELL_KNOWN}oauth-authorization-server",
            f"{WELL_KNOWN}openid-configuration",
        ):
            return json_response(HTTPStatus.OK, self._authorization_server())
        if path == JWKS_PATH:
            key = self._tokens.signing_key
            return json_response(HTTPStatus.OK, {"keys": [key.public_jwk] if key else []})
        resource = path.removeprefix(RESOURCE_PATH)
        # RFC 9728 §3.1: the path of the resource follows; the API's may be any below api_url.
        if path != resource and f"{resource}/".startswith(PATHS["api"]):
            return json_response(HTTPStatus.OK, self._protected_resource(resource))
        return error_response(HTTPStatus.NOT_FOUND, "not_found", "There is no such document.")

    def _authorization_server(self) -> dict[str, Any]:
        server = self._settings
        secure = server.origin.startswith("https:")
        methods = self._registry.methods(tls=secure)
        algorithms = [
            *(jose.SYMMETRIC if "client_secret_jwt" in methods else ()),
            *(jose.ASYMMETRIC if "private_key_jwt" in methods else ()),
        ]
        document: dict[str, Any] = {
            "issuer": server.issuer,
            "jwks_uri": server.jwks_url,
            "scopes_supported": self._policy.scopes,
            "response_types_supported": [],
            "grant_types_supported": self._policy.grants
            or (CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE),
            "dpop_signing_alg_values_supported": jose.ASYMMETRIC,
            "tls_client_certificate_bound_access_tokens": secure,
        }
        for name in ("token", "introspection", "revocation"):
            document[f"{name}_endpoint"] = server.origin + PATHS[name]
            document[f"{name}_endpoint_auth_methods_supported"] = methods
            document[f"{name}_endpoint_auth_signing_alg_values_supported"] = algorithms or None
        return {name: value for name, value in document.items() if value is not None}

    def _protected_resource(self, path: str) -> dict[str, Any]:
        return {
            "resource": self._settings.origin + path,
            "authorization_servers": [self._settings.issuer],
            "jwks_uri": self._settings.jwks_url,
            "bearer_methods_supported": ["header"],
        }
