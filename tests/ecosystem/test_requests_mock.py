"""requests-mock: its Adapter as transport=, since its Mocker bypasses every mounted adapter."""

from __future__ import annotations

import requests

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    ClientCredentialsAdapter,
    TokenCache,
    mount,
)

from .journey import CLIENT_ID, SECRET
from .packages import needed

requests_mock = needed("requests_mock", "requests-mock")

TOKEN_URL = "https://auth.example.com/oauth/token"
API = "https://api.example.com/"


def test_its_adapter_as_transport_sees_a_revoked_token_renewed() -> None:
    mock = requests_mock.Adapter()
    tokens = [{"access_token": token, "token_type": "Bearer"} for token in ("first", "second")]
    mock.register_uri("POST", TOKEN_URL, [{"json": token} for token in tokens])
    mock.register_uri("PUT", API, [{"status_code": status} for status in (200, 401, 200)])
    with requests.Session() as to_server, requests.Session() as session:
        to_server.mount("https://", mock)
        server = AuthorizationServer(TOKEN_URL, session=to_server)
        credentials = ClientCredentials(server, CLIENT_ID, SECRET)
        adapter = ClientCredentialsAdapter(
            credentials, origins=API, cache=TokenCache(), transport=mock
        )
        mount(session, adapter)
        assert [session.put(API, data=b"whole").status_code for _ in range(2)] == [200, 200]

    sent = [request for request in mock.request_history if request.url == API]
    authorizations = [request.headers["Authorization"] for request in sent]
    assert authorizations == ["Bearer first", "Bearer first", "Bearer second"]
    assert [request.body for request in sent] == [b"whole"] * 3


def test_its_mocker_bypasses_the_adapter() -> None:
    credentials = ClientCredentials(TOKEN_URL, CLIENT_ID, SECRET)
    session = requests.Session()
    mount(session, ClientCredentialsAdapter(credentials, origins=API, cache=TokenCache()))
    with requests_mock.Mocker() as mocker:
        mocker.get(API)
        assert "Authorization" not in session.get(API).request.headers
