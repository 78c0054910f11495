"""Why a token request failed, and what to change; other places for the secret are tried."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from ..client_auth.basic import ClientSecretBasic
from ..credentials.auth_setting import preferred
from ..credentials.client_credentials import ClientCredentials
from ..errors import (
    ClientCredentialsError,
    InvalidClient,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    InvalidTokenResponse,
    OAuthError,
    TokenEndpointTimeout,
    TokenRequestError,
    UnauthorizedClient,
    UnsupportedGrantType,
)
from .output import TRY_AGAIN, safe, status_of
from .probe import StepError
from .settings import Settings
from .wire import Exchange

_BASIC, _POST = "client_secret_basic", "client_secret_post"
_LATER = "nothing here: try again later"
_ADVICE: dict[type[TokenRequestError], str] = {
    InvalidScope: "pass --scope with what this client may ask for, or leave it out",
    InvalidTarget: "pass --resource or --audience with an API that this client may use",
    InvalidRequest: "check --audience, --resource and --param: the server wants another, or more",
    UnauthorizedClient: "have the client_credentials grant allowed for this client at the server",
    UnsupportedGrantType: "check the token URL; or have the server allow the grant",
    TokenEndpointTimeout: "pass a longer --timeout, or have somebody look at the server",
}


def discovery_failure(error: TokenRequestError, settings: Settings) -> StepError:
    """Return the failure of a look-up of the server's metadata."""
    change = (
        f"check {settings.named('ISSUER')}: requests-cc discover tries it alone; or pass "
        f"--token-url URL in its place"
    )
    return StepError(safe(error), change, status_of(error))


def token_failure(
    error: TokenRequestError,
    credentials: ClientCredentials,
    settings: Settings,
    last: Exchange | None,
) -> StepError:
    """Return the failure of a token request.

    :param credentials: the client; other places for its secret are tried if it was refused.
    :param last: the last exchange with the server.
    """
    error.retry_at = None  # the cool-down of this run's cache, which ends with it
    if isinstance(error, InvalidTokenResponse):
        return _not_a_token_endpoint(error, settings, last)
    if not isinstance(error, OAuthError):
        return StepError(safe(error), _ADVICE.get(type(error), _LATER), status_of(error))
    code = error.error if error.error and error.error.isprintable() else ""
    described = f" ({safe(error.error_description)})" if error.error_description else ""
    what = f"the server responded {error.status_code} {safe(code)}{described}"
    if isinstance(error, InvalidClient):
        elsewhere = _accepted_elsewhere(credentials, settings.variable("AUTH"))
        if elsewhere is not None:
            return StepError(f"{what}; it accepts the secret elsewhere", elsewhere)
        change = _about_the_client(credentials, settings)
        if code == "unauthorized_client":
            change += f"; or {_ADVICE[UnauthorizedClient]}"
        return StepError(what, change)
    if not error.permanent:
        return StepError(what, _LATER, TRY_AGAIN)
    return StepError(what, _ADVICE.get(type(error), "see the authorization server's manual"))


def _not_a_token_endpoint(
    error: TokenRequestError, settings: Settings, last: Exchange | None
) -> StepError:
    change = f"check the path in {settings.named('TOKEN_URL')}: it is not a token endpoint"
    if settings.value("ISSUER"):
        change = "have somebody look at the server: its metadata names this token endpoint"
    if last is not None and 300 <= last.status < 400:  # noqa: PLR2004 - RFC 9110 §15.4
        what, _, change = str(error).partition(": ")  # it says where the redirect leads
        return StepError(safe(what), change)
    if last is None or "json" in last.content_type.lower():
        return StepError(safe(error), change)
    kind = last.content_type.partition(";")[0] or "nothing"
    what = f"{last.url} responded {last.status} {last.reason} with {kind}, not with JSON"
    return StepError(what, change)


def _about_the_client(credentials: ClientCredentials, settings: Settings) -> str:
    client_id = settings.named("CLIENT_ID")
    if credentials.client_secret is None:
        return f"check {client_id}, and which key or certificate the server has for this client"
    tried = "Basic and in the body" if _uses_a_place(credentials) else "as --auth says"
    return (
        f"check {client_id} and {settings.named('CLIENT_SECRET')}: the secret was sent {tried}, "
        f"and refused"
    )


def _uses_a_place(credentials: ClientCredentials) -> bool:
    return credentials.auth in (None, _BASIC, _POST)


def _accepted_elsewhere(credentials: ClientCredentials, variable: str) -> str | None:
    """Return what to change, if the secret is accepted in another place than the used one."""
    if credentials.client_secret is None or not _uses_a_place(credentials):
        return None
    for auth, advice in _other_places(credentials, variable):
        try:
            dataclasses.replace(credentials, auth=auth).request_token()
        except ClientCredentialsError:
            continue
        return advice
    return None


def _other_places(credentials: ClientCredentials, variable: str) -> Iterator[tuple[Any, str]]:
    # A server that accepts no secret has raised before now.
    used = credentials.auth or preferred(credentials.server.auth_methods).method
    for place in (_POST, _BASIC):
        if place != used:
            yield place, f"pass --auth {place}, or set {variable}={place}"
    secret = credentials.client_secret
    text = f"{credentials.client_id}{secret() if callable(secret) else secret}"
    if quote(text, safe="") != text:  # otherwise it makes no difference
        loose = 'ClientSecretBasic(encoding="loose")'
        yield (
            ClientSecretBasic(encoding="loose"),
            f"use auth={loose}: the server does not decode what RFC 6749 §2.3.1 encodes",
        )
