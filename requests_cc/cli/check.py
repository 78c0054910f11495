"""``requests-cc check``: every step from the settings to the API, one line each."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import requests

from ..adapter.adapter import ClientCredentialsAdapter
from ..adapter.challenge import Challenge
from ..adapter.mounting import mount
from ..cache.token_cache import TokenCache
from ..credentials.client_credentials import ClientCredentials
from ..errors import ClientCredentialsError, ConfigurationError, TokenRequestError
from ..server.authorization_server import AuthorizationServer
from ..url import Origin, without_query
from .get_token import in_words
from .options import add_client_options
from .output import (
    DONE,
    TRY_AGAIN,
    UsageError,
    painted,
    result,
    safe,
    silent_log,
    status_of,
)
from .probe import Probe, StepError, Trust
from .refused_token_request import discovery_failure, token_failure
from .settings import Settings, cache_for
from .wire import Wire, watched_session

API_TIMEOUT = (5.0, 10.0)  # seconds to connect, and to wait for a response
_NAME_WIDTH = 13
_INDENT = " " * 8
_TOO_MANY, _FIRST_ERROR, _FIRST_OF_SERVER = 429, 400, 500  # RFC 6585 §4, RFC 9110 §15
_UNAUTHORIZED, _FORBIDDEN = 401, 403


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    parser.add_argument("--url", metavar="API", help="of the API: it is called with the token")
    add_client_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the steps until one fails that makes the rest pointless."""
    api_url: str | None = arguments.url
    if api_url is not None and _origin(api_url) is None:
        raise UsageError("--url is not an absolute http or https URL")
    check = Check(Settings(arguments), verbose=arguments.verbose)
    try:
        with silent_log():
            check.settings()
            check.server()
            check.token()
            if api_url is not None:
                check.api(api_url)
    except StepError as error:
        return error.status
    return DONE


class Check:
    """The steps, in their order.

    :param settings: of the client.
    :param verbose: bool, whether each request and response is shown.
    """

    def __init__(self, settings: Settings, *, verbose: bool) -> None:
        self._settings = settings
        self._wire = Wire(verbose=verbose)
        self._api_wire = Wire(verbose=verbose)
        self._session = watched_session(self._wire)
        self._credentials: ClientCredentials
        self._cache: TokenCache = cache_for(None)
        self._probed: set[Origin] = set()

    def settings(self) -> None:
        """Read the settings, and list them."""
        self._step("settings", self._read)
        for label, value, origin in self._settings.shown():
            result(f"{_INDENT}{label:<{_NAME_WIDTH}} {value} ({origin})")

    def server(self) -> None:
        """Reach the authorization server, and look its endpoints up."""
        discovers = self._settings.value("ISSUER") or self._settings.value("ISSUER_FILE")
        name = "ISSUER" if discovers else "TOKEN_URL"
        self._probe(self._server.given_url, self._settings.named(name))
        if discovers:
            self._step("discovery", self._discover)
            self._probe(self._endpoint, "the metadata")

    def token(self) -> None:
        """Request a token."""
        self._step("token request", self._request_token)

    def api(self, url: str) -> None:
        """Call the API."""
        self._probe(url, "--url")
        self._step("API call", partial(self._call, url))

    def _read(self) -> str:
        try:
            self._credentials = self._settings.client(self._session)
        except ConfigurationError as error:
            raise StepError(*_split(str(error))) from None
        return "are complete"

    @property
    def _server(self) -> AuthorizationServer:
        return self._credentials.server

    @property
    def _endpoint(self) -> str:
        return self._server.endpoint("token_endpoint", mutual_tls=bool(self._credentials.cert))

    def _discover(self) -> str:
        try:
            endpoint = self._endpoint
        except TokenRequestError as error:
            raise discovery_failure(error, self._settings) from None
        return f"the token endpoint is {without_query(endpoint)}"

    def _request_token(self) -> str:
        try:
            token = self._cache.token(self._credentials)
        except ConfigurationError as error:
            raise StepError(*_split(str(error))) from None
        except TokenRequestError as error:
            failure = error
        else:
            return in_words(token, self._credentials.scope)
        raise token_failure(failure, self._credentials, self._settings, self._wire.last)

    def _call(self, url: str) -> str:
        shown = f"GET {without_query(url)}"
        try:
            return _judged(self._response(url), shown)
        except ConfigurationError as error:
            raise StepError(*_split(str(error))) from None
        except ClientCredentialsError as error:
            raise StepError(f"{shown}: {error}", *_permanence(error)) from None
        except requests.RequestException as error:
            what = f"{shown} got no response ({type(error).__name__})"
            raise StepError(what, "check that the API is up", TRY_AGAIN) from None

    def _response(self, url: str) -> requests.Response:
        adapter = ClientCredentialsAdapter(
            self._credentials,
            origins=url,
            cache=self._cache,
            transport=self._api_wire,
            allow_http=self._server.allow_http,
        )
        with requests.Session() as session:
            mount(session, adapter)
            response = session.get(
                url,
                timeout=API_TIMEOUT,
                stream=True,  # the body is of no interest
                allow_redirects=False,
                verify=self._settings.value("CA_BUNDLE"),
            )
            response.close()
            return response

    def _probe(self, url: str, setting: str) -> None:
        """Look into a connection, unless there was one to the same place."""
        origin = Origin.from_url(url)
        if origin not in self._probed:
            trust = Trust(self._session, self._credentials.cert)
            Probe(url, setting, trust).run(self._step)
        self._probed.add(origin)

    def _step(self, name: str, step: Callable[[], str]) -> None:
        started = time.monotonic()
        try:
            what = step()
        except StepError as error:
            _print(name, error.what, started, good=False)
            result(f"{_INDENT}to change: {error.change}")
            raise
        _print(name, what, started, good=True)


def _print(name: str, what: str, started: float, *, good: bool) -> None:
    word = painted("ok    " if good else "FAILED", good=good)
    milliseconds = (time.monotonic() - started) * 1000
    result(f"{word}  {name:<{_NAME_WIDTH}} {what} ({milliseconds:.0f} ms)")


def _judged(response: requests.Response, shown: str) -> str:
    """Return the step's words, if the API accepted the call.

    :raises StepError: if it did not.
    """
    status = response.status_code
    responded = f"{shown} responded {status} {safe(response.reason or '')}".rstrip()
    if status < _FIRST_ERROR:
        return responded
    challenges = Challenge.parse(response.headers.get("WWW-Authenticate", ""))
    parameters = {name: value for c in challenges for name, value in c.parameters.items()}
    said = " ".join(filter(None, map(parameters.get, ("error", "error_description"))))
    responded += f" ({safe(said)})" if said else ""
    if status == _UNAUTHORIZED:
        again = ", and to a second token too" if response.history else ""
        raise StepError(
            f"{responded}{again}",
            "ask for a token that this API accepts: --audience, --resource or --scope, as its "
            "manual says; requests-cc token | requests-cc decode shows whom the token is for",
        )
    if status == _FORBIDDEN or parameters.get("error") == "insufficient_scope":
        wanted = parameters.get("scope")
        scope = f"--scope {safe(wanted)!r}" if wanted else "--scope with what this API wants"
        raise StepError(
            responded, f"pass {scope}, or have this client allowed to do that at the API"
        )
    if status == _TOO_MANY or status >= _FIRST_OF_SERVER:
        raise StepError(responded, "nothing here: try again later", TRY_AGAIN)
    raise StepError(responded, "check the path in --url; the token was not refused")


def _split(message: str) -> tuple[str, str]:
    """Return what is wrong, and what to change: our messages have a colon between them."""
    what, _, change = message.partition(": ")
    return what, change or "see https://requests-cc.readthedocs.io/page/troubleshooting.html"


def _permanence(error: ClientCredentialsError) -> tuple[str, int]:
    status = status_of(error)
    later = "nothing here: try again later"
    return (later if status == TRY_AGAIN else "see the message above"), status


def _origin(url: str) -> Origin | None:
    try:
        return Origin.from_url(url)
    except ValueError:
        return None
