"""``header=`` and ``scheme=``: where in a request the token goes."""

from __future__ import annotations

import pytest
import requests

from requests_cc import (
    ClientCredentialsAdapter,
    ConfigurationError,
    DPoPKey,
    TokenCache,
)
from requests_cc.adapter.token_header import TokenHeader
from tests.support.api import Api, session_for
from tests.support.scripts import Reply, Request
from tests.support.sources import OneToken


def fine(_: Request) -> Reply:
    return Reply()


@pytest.mark.rule(3)
@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        ({"header": "X-Shopify-Access-Token", "scheme": ""}, "X-Shopify-Access-Token", "{}"),
        ({"scheme": "Zoho-oauthtoken"}, "Authorization", "Zoho-oauthtoken {}"),
        ({"header": "Txn-Token", "scheme": ""}, "Txn-Token", "{}"),
        ({"header": "X-Serverless-Authorization"}, "X-Serverless-Authorization", "Bearer {}"),
        ({}, "Authorization", "Bearer {}"),
    ],
)
def test_the_token_goes_where_the_api_wants_it(server, options, name, value):
    with Api(fine) as api, session_for(server, api.origin, **options) as session:
        session.get(api.origin, headers={name.lower(): "the caller's"})
        arrived = api.requests[0].headers
    token = arrived[name].rpartition(" ")[2]
    assert arrived.get_all(name) == [value.format(token)]
    assert sum(token in field for field in arrived.values()) == 1


@pytest.mark.rule(3)
def test_the_callers_authorization_stays_if_the_token_goes_elsewhere(server):
    with Api(fine) as api, session_for(server, api.origin, header="X-Token", scheme="") as session:
        session.get(api.origin, auth=("user", "password"))
        assert api.requests[0].headers["Authorization"].startswith("Basic ")
        assert api.requests[0].headers["X-Token"]


@pytest.mark.rule(5)
def test_a_rejection_is_renewed_in_that_header(server):
    dead: list[str] = []

    def answer(arrived: Request) -> Reply:
        token = arrived.headers["X-Token"]
        dead[:] = dead or [token]
        return Reply(401) if token in dead else Reply()

    with (
        Api(answer) as api,
        session_for(server, api.origin, header="X-Token", scheme="") as session,
    ):
        assert session.get(api.origin).status_code == 200
    assert len(server.token_requests) == 2


@pytest.mark.rule(2)
def test_neither_a_redirect_nor_the_response_carries_the_header(server):
    with Api(fine) as other:
        away = Reply(302, (("Location", other.origin + "/"),))
        with (
            Api(lambda _: away) as api,
            session_for(server, api.origin, header="X-Token", scheme="") as session,
        ):
            response = session.get(api.origin)
            assert response.status_code == 200
        assert "X-Token" not in other.requests[0].headers
        assert "X-Token" not in response.history[0].request.headers


def test_an_error_of_the_call_carries_the_callers_request(server):
    with (
        Api(lambda _: None) as api,
        session_for(server, api.origin, header="X-Token", scheme="") as session,
        pytest.raises(requests.ConnectionError) as caught,
    ):
        session.get(api.origin)
    assert "X-Token" not in caught.value.request.headers


@pytest.mark.parametrize("options", [{"header": "X-Token"}, {"scheme": "Bearer"}, {"scheme": ""}])
def test_a_token_that_is_bound_to_a_key_goes_nowhere_else(options):
    with pytest.raises(ConfigurationError, match=r"header and scheme .*dpop"):
        ClientCredentialsAdapter(
            OneToken("bound", "DPoP", DPoPKey.generate()),
            origins="https://api.example.com",
            cache=TokenCache(),
            **options,
        )


@pytest.mark.parametrize(
    "header",
    [
        "",
        "X Token",
        "X-Token:",
        "X\n",
        None,
        "Host",
        "cookie",
        "Proxy-Authorization",
        "Content-Type",
        3,
    ],
)
def test_a_header_that_cannot_carry_a_token_is_refused(header):
    with pytest.raises(ConfigurationError, match=r"^header .*pass"):
        ClientCredentialsAdapter(OneToken(), origins="https://api.example.com", header=header)


@pytest.mark.parametrize("scheme", ["Bearer ", "two words", "a\r\n", 3, "ä"])
def test_a_scheme_that_is_not_one_word_is_refused(scheme):
    with pytest.raises(ConfigurationError, match=r"^scheme .*pass"):
        ClientCredentialsAdapter(OneToken(), origins="https://api.example.com", scheme=scheme)


def test_its_repr_shows_its_settings():
    assert repr(TokenHeader("X-Token", "")) == "TokenHeader('X-Token', '')"
