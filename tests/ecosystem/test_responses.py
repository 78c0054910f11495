"""responses: it answers below the adapter, so tests see tokens as a server does."""

from __future__ import annotations

import pytest
import requests

from requests_cc import ClientCredentials, ClientCredentialsAdapter, TokenCache, mount

from .journey import CLIENT_ID, SECRET
from .packages import needed

responses = needed("responses", "responses")

TOKEN_URL = "https://auth.example.com/oauth/token"
API = "https://api.example.com/"


@pytest.fixture
def session() -> requests.Session:
    credentials = ClientCredentials(TOKEN_URL, CLIENT_ID, SECRET)
    session = requests.Session()
    mount(session, ClientCredentialsAdapter(credentials, origins=API, cache=TokenCache()))
    return session


def test_a_revoked_token_is_renewed(session: requests.Session) -> None:
    with responses.RequestsMock() as mock:
        for token in ("first", "second"):
            mock.post(TOKEN_URL, json={"access_token": token, "token_type": "Bearer"})
        for token, status in (("first", 200), ("first", 401), ("second", 200)):
            match = [responses.matchers.header_matcher({"Authorization": f"Bearer {token}"})]
            mock.put(API, status=status, match=match)
        assert session.put(API, data=b"whole").status_code == 200
        assert session.put(API, data=b"whole").status_code == 200
        sent = [call.request for call in mock.calls if call.request.url == API]
    assert [request.body for request in sent] == [b"whole"] * 3
