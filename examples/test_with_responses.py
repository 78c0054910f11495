"""Tests of code that uses the adapter, as a project would write them.

Run them: python examples/test_with_responses.py, or pytest examples/test_with_responses.py
"""

from __future__ import annotations

import subprocess
import sys

import pytest
import requests
import responses

from requests_cc import (
    ClientCredentials,
    ClientCredentialsAdapter,
    InvalidClient,
    TokenCache,
    mount,
)
from requests_cc.testing import LocalServer

# --- the code under test; in a project: from shop import client ---------------------------------

TOKEN_URL = "https://auth.example.com/oauth/token"
API_URL = "https://api.example.com/"


def client(token_url: str = TOKEN_URL, api_url: str = API_URL) -> requests.Session:
    credentials = ClientCredentials(token_url, "shop", "a secret", scope="orders")
    session = requests.Session()
    mount(session, ClientCredentialsAdapter(credentials, origins=api_url))
    return session


# --- to copy ----------------------------------------------------------------------------------

# Each test gets a clean default cache. (The two fixtures below include it; the ini option
# requests_cc_clean_cache = true gives it to every test.)
pytestmark = pytest.mark.usefixtures("oauth_cache")


def token_response(value: str) -> None:
    token = {"access_token": value, "token_type": "Bearer", "expires_in": 3600}
    responses.post(TOKEN_URL, json=token)


@responses.activate
def test_the_token_request_has_the_scope() -> None:
    responses.post(
        TOKEN_URL,
        json={"access_token": "token-1", "token_type": "Bearer", "expires_in": 3600},
        match=[
            responses.matchers.urlencoded_params_matcher(
                {"grant_type": "client_credentials", "scope": "orders"}
            )
        ],
    )
    orders = responses.get(API_URL + "orders", json=[])
    client().get(API_URL + "orders")
    assert orders.calls[0].request.headers["Authorization"] == "Bearer token-1"


@responses.activate
def test_a_rejected_token_is_renewed() -> None:
    token_response("token-1")
    token_response("token-2")
    responses.get(API_URL + "orders", status=401)
    responses.get(API_URL + "orders", json=["the order"])
    assert client().get(API_URL + "orders").json() == ["the order"]
    assert responses.calls[-1].request.headers["Authorization"] == "Bearer token-2"


@responses.activate
def test_a_wrong_secret_raises_an_error_that_says_so() -> None:
    responses.post(TOKEN_URL, status=401, json={"error": "invalid_client"})
    with pytest.raises(InvalidClient, match="check client_secret and client_id"):
        client().get(API_URL + "orders")


def test_many_calls_need_one_token(oauth_responses: responses.RequestsMock) -> None:
    oauth_responses.get(API_URL + "orders", json=[])
    for _ in range(10):
        client().get(API_URL + "orders")
    sent_with = {call.request.headers["Authorization"] for call in oauth_responses.calls[1:]}
    assert sent_with == {"Bearer token-1"}


def test_a_revoked_token_is_renewed(oauth_server: LocalServer) -> None:
    session = client(oauth_server.token_url, oauth_server.api_url)
    session.get(oauth_server.api_url + "orders")
    oauth_server.revoke_tokens()
    assert session.get(oauth_server.api_url + "orders").status_code == 200


def test_ten_calls_make_one_token_request(
    oauth_server: LocalServer, oauth_cache: TokenCache
) -> None:
    session = client(oauth_server.token_url, oauth_server.api_url)
    for _ in range(10):
        session.get(oauth_server.api_url + "orders")
    assert oauth_cache.stats().requests == len(oauth_server.token_requests) == 1


# --- what runs it here ------------------------------------------------------------------------

if __name__ == "__main__":
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    sys.exit(subprocess.call(command))
