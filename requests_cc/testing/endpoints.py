"""The server's work for each request: it finds the endpoint, records, and responds."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from requests_cc.testing.api import Api, api_failure
from requests_cc.testing.client_authentication import ClientRegistry
from requests_cc.testing.endpoint import Endpoint, Failure
from requests_cc.testing.extras import MissingExtraError
from requests_cc.testing.metadata import WELL_KNOWN, Metadata
from requests_cc.testing.proof import ProofChecker
from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.response import (
    RefusedError,
    Response,
    basic_challenge,
    error_response,
    json_response,
)
from requests_cc.testing.settings import PATHS, Settings
from requests_cc.testing.token_request import Policy, TokenEndpoint
from requests_cc.testing.token_status import TokenStatus
from requests_cc.testing.tokens import IssuedTokens


class Endpoints:
    """The endpoints of a local server by name; safe to share between threads.

    :param waits: called with a number of seconds; waits and returns True if the server stops
        meanwhile.
    """

    def __init__(
        self,
        settings: Settings,
        policy: Policy,
        registry: ClientRegistry,
        tokens: IssuedTokens,
        waits: Callable[[float], bool],
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._proofs = ProofChecker(settings)
        self._waits = waits
        self.tokens = tokens
        self.api = Api(settings, tokens, self._proofs)
        status = TokenStatus(settings, registry, tokens)
        token = TokenEndpoint(settings, policy, registry, tokens, self._proofs)
        self._respond: dict[str, Callable[[RecordedRequest], Response]] = {
            "token": token.respond,
            "introspection": status.introspect,
            "revocation": status.revoke,
            "metadata": Metadata(settings, policy, registry, tokens).respond,
            "api": self.api.respond,
        }
        self.by_name = {name: Endpoint() for name in self._respond}

    def respond(self, request: RecordedRequest) -> Response | None:
        """Record the request and return its response; None drops the connection."""
        response = self._response(request)
        if self._settings.on_response is not None:
            self._settings.on_response(request, response)
        return response

    def reset(self) -> None:
        """Discard all records, failures, tokens and responses that were added."""
        for endpoint in self.by_name.values():
            endpoint.reset()
        self.tokens.revoke_all()
        self.api.reset()
        self._registry.replays.forget()
        self._proofs.replays.forget()

    def _response(self, request: RecordedRequest) -> Response | None:
        name = _endpoint_at(request.path.partition("?")[0])
        if name is None:
            server = self._settings
            urls = {"token_url": server.token_url, "api_url": server.api_url}
            return json_response(HTTPStatus.NOT_FOUND, {**urls, "issuer": server.issuer})
        failure = self.by_name[name].receive(request)
        if name == "token" and self._waits(self._settings.token_delay):
            return None
        if failure is not None:
            return _failure(name, request, failure)
        try:
            return self._respond[name](request)
        except RefusedError as refused:
            return refused.response
        except MissingExtraError as error:
            return error_response(HTTPStatus.INTERNAL_SERVER_ERROR, "server_error", str(error))


def _endpoint_at(path: str) -> str | None:
    if path.startswith(PATHS["api"]):
        return "api"
    if path.startswith(WELL_KNOWN):
        return "metadata"
    return next((name for name, where in PATHS.items() if path == where), None)


def _failure(name: str, request: RecordedRequest, failure: Failure) -> Response | None:
    if name == "api":
        return api_failure(failure)
    unauthorized = failure.status == HTTPStatus.UNAUTHORIZED
    return failure.response(*basic_challenge(request) if unauthorized else ())
