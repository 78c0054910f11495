"""What a user's adapters and auth objects raise: nothing that was sent is shown."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
import requests
import urllib3
from urllib3.util.ssl_match_hostname import CertificateError

from requests_cc import (
    AccessToken,
    AuthorizationServer,
    ClientCredentials,
    ClientCredentialsError,
    TokenEndpointUnreachable,
)

from .endpoint import SECRET, TOKEN as TOKEN_TEXT, Endpoint, client


def _ssl_error(text: str) -> requests.exceptions.SSLError:
    reason = ssl.SSLCertVerificationError(1, text)
    reason.verify_message = text
    return requests.exceptions.SSLError(reason)


#: What an adapter may raise with a text of its own, of which our message shows the text.
RAISED: dict[str, Callable[[str], Exception]] = {
    "RuntimeError": RuntimeError,
    "OSError": OSError,
    "KeyError": KeyError,
    "AssertionError": AssertionError,
    "a missing file": lambda text: OSError(f"Could not find {text}"),
    "a number and a text": lambda text: requests.ConnectionError(OSError(5, text)),
    "a proxy": lambda text: requests.exceptions.ProxyError(OSError(text)),
    "a certificate": _ssl_error,
    "a name in a certificate": lambda text: requests.ConnectionError(CertificateError(text)),
    "InvalidURL": requests.exceptions.InvalidURL,
    "InvalidSchema": requests.exceptions.InvalidSchema,
    "LocationValueError": urllib3.exceptions.LocationValueError,
}


@pytest.mark.parametrize("kind", RAISED)
@pytest.mark.parametrize("auth", ["client_secret_basic", "client_secret_post"])
def test_of_what_a_users_adapter_raises_nothing_is_shown_that_was_sent(
    endpoint: Endpoint, kind: str, auth: str, session: requests.Session
) -> None:
    spelled = f"{SECRET} {quote(SECRET, safe='')} {SECRET!r} {base64.b64encode(SECRET.encode())!r}"

    class Broken(requests.adapters.HTTPAdapter):
        def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
            sent = f"{request.headers.get('Authorization')} {request.body!r} {request.url}"
            raise RAISED[kind](f"the VPN is down: {spelled} {sent}")

    session.mount("https://", Broken())
    url = "https://localhost:1/token?code=c0de-in-query"
    settings = {"session": session, "auth": auth, "params": {"a": "l0ng-secret"}}
    with pytest.raises(ClientCredentialsError, match="the VPN is down") as raised:
        endpoint.call(client(url, **settings), AccessToken(TOKEN_TEXT))
    error = raised.value
    assert "[hidden]" in str(error)
    for secret in (SECRET, "s3cr3t", "l0ng-secret", "c0de-in-query", TOKEN_TEXT):
        assert secret not in str(error)
    assert error.__cause__ is error.__context__ is None


@pytest.mark.parametrize("kind", RAISED)
def test_what_a_users_auth_object_raises_is_left_to_the_user(endpoint: Endpoint, kind: str) -> None:
    raised_by_user = RAISED[kind]("the vault is sealed")

    def auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
        raise raised_by_user

    with pytest.raises(type(raised_by_user)) as raised:
        endpoint.call(client("https://localhost:1/token", None, auth=auth))
    assert raised.value is raised_by_user


def test_a_clients_short_settings_take_nothing_out_of_a_networks_words(
    session: requests.Session,
) -> None:
    with pytest.raises(TokenEndpointUnreachable, match="Connection refused"):
        ClientCredentials(
            AuthorizationServer("http://127.0.0.1:1/token", session=session),
            "ref",
            SECRET,
            scope="use",
            params={"p": "Con"},
        ).request_token()
