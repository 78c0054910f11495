"""One token for another (RFC 8693)."""

from __future__ import annotations

import base64
import dataclasses
import pickle
import time
from typing import Any

import pytest
import requests
from requests.auth import HTTPBasicAuth

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    ClientCredentialsAdapter,
    ClientSecretBasic,
    ConfigurationError,
    InvalidClient,
    InvalidRequest,
    InvalidTokenResponse,
    PrivateKeyJWT,
    TLSClientAuth,
    TokenCache,
    TokenEndpointUnreachable,
    TokenExchange,
    mount,
)
from requests_cc.protocols import TokenSource
from requests_cc.testing import LocalServer
from tests.support.plain_stores import DictStore
from tests.support.scripts import answer, drop, token
from tests.support.server import Server
from tests.support.sources import ManualClock

from .helpers import RSA_PEM, Other, assert_hidden, failure, in_an_hour, unsigned_jwt

URL = "https://auth.example.com/token"
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
TYPE = "urn:ietf:params:oauth:token-type:"
SUBJECT = "accVkjcJyb4BWCxGsndESCJQbdFMogUC5PbRDqceLTC"


def exchange(server: str = URL, *client: Any, **settings: Any) -> TokenExchange:
    return TokenExchange(server, *client, **{"subject": SUBJECT, **settings})


def test_the_request_is_that_of_the_rfc_to_the_byte() -> None:
    # RFC 8693 §2.3
    with Server(token()) as server:
        source = exchange(server.url, resource="https://backend.example.com/api")
        assert source.request_token().value == "token-1"
        (request,) = server.requests
    assert request.body.decode() == (
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange"
        "&resource=https%3A%2F%2Fbackend.example.com%2Fapi"
        "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token"
        f"&subject_token={SUBJECT}"
    )
    assert "Authorization" not in request.headers


def test_each_setting_is_in_the_request() -> None:
    with Server(token()) as server:
        exchange(
            server.url,
            "me",
            "secret",
            subject_type="id_token",
            actor="the actor's",
            actor_type=f"{TYPE}jwt",
            audience=["one", "two"],
            resource=["urn:a", "urn:b"],
            scope=["read", "write"],
            requested_type="jwt",
            params={"tenant": "t"},
        ).request_token()
        (request,) = server.requests
    assert request.form == {
        "grant_type": [GRANT],
        "subject_token": [SUBJECT],
        "subject_token_type": [f"{TYPE}id_token"],
        "actor_token": ["the actor's"],
        "actor_token_type": [f"{TYPE}jwt"],
        "audience": ["one", "two"],
        "resource": ["urn:a", "urn:b"],
        "scope": ["read write"],
        "requested_token_type": [f"{TYPE}jwt"],
        "tenant": ["t"],
    }
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"me:secret").decode()


@pytest.mark.parametrize(
    ("client", "settings", "sent"),
    [
        ((), {}, {}),
        (("me",), {}, {"client_id": ["me"]}),
        (("me",), {"auth": "none"}, {"client_id": ["me"]}),
        (
            ("me", "s"),
            {"auth": "client_secret_post"},
            {"client_id": ["me"], "client_secret": ["s"]},
        ),
        ((), {"auth": HTTPBasicAuth("me", "s")}, {}),
    ],
)
def test_the_client_authenticates_if_it_can(
    client: tuple[str, ...], settings: dict[str, Any], sent: dict[str, list[str]]
) -> None:
    with Server(token()) as server:
        exchange(server.url, *client, **settings).request_token()
        (request,) = server.requests
    grant = {"grant_type", "subject_token", "subject_token_type"}
    assert {name: value for name, value in request.form.items() if name not in grant} == sent
    assert ("Authorization" in request.headers) == isinstance(settings.get("auth"), HTTPBasicAuth)


def test_a_subject_is_read_anew_for_each_request_and_each_attempt() -> None:
    subjects = iter(["one", "two", "three"])
    with Server(drop, token(), token("token-2")) as server:
        source = exchange(server.url, subject=lambda: next(subjects))
        source.request_token()
        source.request_token()
        sent = [request.form["subject_token"] for request in server.requests]
    assert sent == [["one"], ["two"], ["three"]]


def test_subject_and_actor_may_be_other_sources() -> None:
    with LocalServer({"workload": "w"}) as identity, Server(token()) as server:
        workload = ClientCredentials(identity.token_url, "workload", "w")
        exchange(server.url, subject=workload, actor=Other("actor")).request_token()
        (request,) = server.requests
        (subject,) = request.form["subject_token"]
        asked = requests.get(
            identity.api_url, headers={"Authorization": f"Bearer {subject}"}, timeout=20
        )
        assert asked.status_code == 200
    assert request.form["actor_token"] == ["actor-1"]


def test_the_error_of_a_subjects_source_reaches_the_caller_as_it_is() -> None:
    """It would mean another secret if it were this client's, or be worth a retry."""
    for error in (InvalidClient("its own"), TokenEndpointUnreachable("its own")):
        subject = Other()
        subject.error = error
        with Server(token()) as server:
            raised = failure(
                exchange(server.url, "me", ["new", "old"], subject=subject).request_token
            )
            assert server.requests == []
        assert type(raised) is type(error)
        assert str(raised) == "its own"
        assert subject.calls == 1
        assert raised.__traceback__ is not None
        assert_hidden("new", raised)


def test_what_else_a_callable_raises_is_passed_on() -> None:
    def subject() -> str:
        raise KeyError("vault")

    with pytest.raises(KeyError):
        exchange(subject=subject).request_token()
    with pytest.raises(ConfigurationError, match="the value that subject returned"):
        exchange(subject=lambda: "").request_token()


def test_another_token_than_an_access_token_is_accepted_with_its_type() -> None:
    expiry = in_an_hour()
    value = unsigned_jwt(exp=expiry)
    members = {"token_type": "N_A", "issued_token_type": f"{TYPE}id_token"}
    with Server(answer({"access_token": value, **members})) as server:
        issued = exchange(server.url, requested_type="id_token").request_token()
    assert issued.authorization == f"Bearer {value}"
    assert issued.extra == {"issued_token_type": f"{TYPE}id_token"}
    assert issued.expires_at == pytest.approx(expiry, abs=0.01)


def test_the_servers_expiry_counts_before_the_jwts() -> None:
    members = {"token_type": "n_a", "issued_token_type": f"{TYPE}jwt", "expires_in": 60}
    value = unsigned_jwt(exp=in_an_hour())
    with Server(answer({"access_token": value, **members})) as server:
        issued = exchange(server.url).request_token()
    assert issued.expires_at == pytest.approx(time.time() + 60, abs=5)


def test_a_token_that_is_bound_to_a_key_says_where_a_key_can_be_passed() -> None:
    with Server(answer({"access_token": "t", "token_type": "DPoP"})) as server:
        error = failure(TokenExchange(server.url, subject="s").request_token)
    assert "pass dpop=DPoPKey(key) to ClientCredentials, or have the server issue" in str(error)


def test_an_untyped_token_without_issued_token_type_is_refused() -> None:
    with Server(answer({"access_token": "t", "token_type": "N_A"})) as server:
        assert isinstance(failure(exchange(server.url).request_token), InvalidTokenResponse)


def test_a_servers_words_about_the_subject_hide_it() -> None:
    refused = {"error": "invalid_request", "error_description": f"{SUBJECT} and act0r-t0ken-1"}
    with Server(answer(refused, "400 Bad Request")) as server:
        error = failure(exchange(server.url, actor="act0r-t0ken-1").request_token)
    assert isinstance(error, InvalidRequest)
    assert "[hidden]" in str(error)
    for secret in (SUBJECT, "act0r-t0ken-1"):
        assert_hidden(secret, error)


@pytest.mark.rule(10)
def test_a_user_has_one_exchange_and_another_user_another() -> None:
    cache = TokenCache()
    with LocalServer({"gateway": "secret"}) as server:

        def call(user: str) -> int:
            source = exchange(
                server.token_url, "gateway", "secret", subject=user, audience=server.api_url
            )
            with requests.Session() as session:
                mount(session, ClientCredentialsAdapter(source, cache=cache))
                return session.get(server.api_url + "orders", timeout=20).status_code

        assert [call(user) for user in ("jane", "joe", "jane", "joe")] == [200] * 4
        assert len(server.token_requests) == 2
        server.revoke_tokens()
        assert call("jane") == 200
        assert len(server.token_requests) == 3


def test_a_discovered_server_says_how_the_client_authenticates() -> None:
    with LocalServer({"gateway": "secret"}) as server:
        found = AuthorizationServer.discover(server.issuer)
        source = TokenExchange(found, "gateway", "secret", subject=SUBJECT)
        assert source.request_token().extra["issued_token_type"] == f"{TYPE}access_token"
        (request,) = server.token_requests
    assert request.form["subject_token"] == [SUBJECT]


def test_every_audience_and_resource_is_an_origin() -> None:
    source = exchange(audience=["https://a.example", "urn:x"], resource="https://b.example/c")
    adapter = ClientCredentialsAdapter(source)
    assert adapter.origins == ("https://a.example", "https://b.example")


def test_a_key_tells_apart_what_shapes_the_token() -> None:
    key_of = {
        name: exchange(**settings).cache_key
        for name, settings in {
            "subject": {},
            "another": {"subject": "another"},
            "type": {"subject_type": "jwt"},
            "actor": {"actor": SUBJECT},
            "audience": {"audience": "a"},
            "resource": {"resource": "urn:a"},
            "scope": {"scope": "a"},
            "requested": {"requested_type": "jwt"},
            "client": {"client_id": "me"},
            "params": {"params": {"a": "b"}},
            "source": {"subject": Other()},
        }.items()
    }
    assert len(set(key_of.values())) == len(key_of)
    assert all(isinstance(key, str) for key in key_of.values())
    assert exchange().cache_key == exchange().cache_key
    assert_hidden(SUBJECT, *key_of.values())


def test_a_callable_or_a_source_of_this_process_keeps_the_token_out_of_a_store() -> None:
    store = DictStore(ManualClock())
    with Server(token()) as server:
        TokenCache(store).token(exchange(server.url, subject=lambda: "a"))
        TokenCache(store).token(exchange(server.url, subject=Other(cache_key=("own", 1))))
        assert store.entries == {}
        TokenCache(store).token(exchange(server.url))
        assert len(store.entries) == 1
    assert exchange(subject=print).cache_key == exchange(subject=print).cache_key
    assert exchange(subject=print).cache_key != exchange(subject=input).cache_key
    one, same = (exchange(subject=Other(cache_key=("own", 1))) for _ in range(2))
    assert one.cache_key == same.cache_key


@pytest.mark.parametrize(
    ("client", "settings", "message"),
    [
        ((), {"subject": None}, "subject must be a str, a callable .* not None"),
        ((), {"subject": ""}, "subject must be a non-empty str"),
        ((), {"subject": Other}, "not the class Other"),
        ((), {"actor": 1}, "actor must be a str.*not int"),
        ((), {"subject_type": "acess_token"}, "subject_type is not a known token type: use one of"),
        ((), {"requested_type": ""}, "requested_type must be a non-empty str"),
        ((), {"audience": 1}, "audience must be a str or an iterable of str, not int"),
        ((), {"resource": "no uri"}, "resource 'no uri' must be an absolute URI"),
        ((), {"params": {"subject_token": "x"}}, "params repeats 'subject_token': use subject="),
        ((), {"params": {"actor_token": "x"}}, "use actor="),
        ((None, "secret"), {}, "client_id is missing: client_secret needs it"),
        ((), {"auth": ClientSecretBasic()}, "client_id is missing: this client authentication"),
        (("me",), {"auth": ClientSecretBasic()}, "client_secret is missing"),
    ],
)
def test_a_wrong_setting_is_named(
    client: tuple[Any, ...], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        exchange(URL, *client, **settings)


def test_its_certificate_is_the_adapters(certificate: tuple[str, str]) -> None:
    assert exchange(URL, "me", auth=TLSClientAuth(certificate)).cert == certificate
    assert exchange().cert is None


def test_it_is_a_value_that_shows_no_token() -> None:
    source = exchange(URL, "me", ["s3cr3t-1", "s3cr3t-2"], scope="read", audience={"b", "a"})
    assert isinstance(source, TokenSource)
    assert source.audience == ("a", "b")
    assert dataclasses.replace(source, scope="read") == source
    assert dataclasses.replace(source, subject="other") != source
    assert hash(dataclasses.replace(source)) == hash(source)
    assert pickle.loads(pickle.dumps(source)) == source
    assert source.label == "me at https://auth.example.com/token"
    assert exchange().label == "token exchange at https://auth.example.com/token"
    assert repr(source) == (
        "TokenExchange('https://auth.example.com/token', client_id='me', subject_type='urn:ietf:"
        "params:oauth:token-type:access_token', audience=('a', 'b'), scope='read')"
    )
    for secret in (SUBJECT, "s3cr3t-1"):
        assert_hidden(secret, source, source._request, source._request.authentication)


def test_a_signed_client_assertion_is_sent_beside_the_subject() -> None:
    with Server(token()) as server:
        known = AuthorizationServer(server.url, timeout=5)
        TokenExchange(known, "me", subject=SUBJECT, auth=PrivateKeyJWT(RSA_PEM)).request_token()
        (request,) = server.requests
    assert request.form["client_id"] == ["me"]
    assert request.form["client_assertion"][0].count(".") == 2
