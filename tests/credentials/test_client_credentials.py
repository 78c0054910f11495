"""The client-credentials grant as a value."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import textwrap
import traceback
from collections import deque

import pytest
import requests
from requests.auth import HTTPBasicAuth

from requests_cc import (
    AccessToken,
    AuthorizationServer,
    ClientCredentials,
    ClientSecretBasic,
    ConfigurationError,
    DPoPKey,
    TokenSource,
)
from requests_cc.client_auth.secret import SecretFile
from requests_cc.testing import LocalServer
from tests.support.fresh_interpreter import printed_by

URL = "https://auth.example.com/token"
FULL = ClientCredentials(
    AuthorizationServer(f"{URL}?key=qu3ry", timeout=3),
    "me",
    ["s3cret", SecretFile("/run/secret")],
    auth=ClientSecretBasic("loose"),
    scope=["read", "write"],
    audience="https://api.example.com",
    resource=["urn:a", "urn:b"],
    grant_type="password",
    params={"password": "hunter2", "n": [1, 2]},
)


def test_a_token_request_sends_every_setting() -> None:
    with LocalServer() as server:
        credentials = dataclasses.replace(FULL, server=f"{server.token_url}?key=1")
        token = credentials.request_token()
        (request,) = server.token_requests
    assert isinstance(token, AccessToken)
    assert request.path.endswith("?key=1")
    assert request.headers["Accept"] == "application/json"
    assert request.form == {
        "grant_type": ["password"],
        "scope": ["read write"],
        "audience": ["https://api.example.com"],
        "resource": ["urn:a", "urn:b"],
        "n": ["1", "2"],
        "password": ["hunter2"],
    }


def test_optional_parts_are_imported_when_they_are_used() -> None:
    program = """
        import sys
        from requests_cc import ClientCredentials
        ClientCredentials("https://auth.example.com/token", "me", "secret").cache_key
        print(*[name for name in sys.modules if name.startswith("requests_cc.")])
        """
    loaded = set(printed_by(textwrap.dedent(program)).split())
    for name in (
        "server.discovery",
        "server.well_known",
        "server.provider_table",
        "providers",
        "credentials.introspection",
        "credentials.jwt_bearer",
        "credentials.environment",
        "credentials.from_environment",
        "credentials.google_service_account",
        "client_auth.assertion",
        "client_auth.signing_key",
        "client_auth.dpop",
        "client_auth.certificate",
    ):
        assert f"requests_cc.{name}" not in loaded
    assert "requests_cc.server.authorization_server" in loaded


def test_it_is_a_source_of_tokens() -> None:
    assert isinstance(FULL, TokenSource)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("server", "https://other.example.com/token"),
        ("client_id", "you"),
        ("client_secret", "other"),
        ("auth", "client_secret_post"),
        ("scope", "other"),
        ("audience", None),
        ("resource", None),
        ("grant_type", "client_credentials"),
        ("params", {"x": "y"}),
    ],
)
def test_each_setting_can_be_replaced(name: str, value: object) -> None:
    other = dataclasses.replace(FULL, **{name: value})
    assert other != FULL
    assert other.cache_key != FULL.cache_key
    back = dataclasses.replace(other, **{name: getattr(FULL, name)})
    assert back == FULL
    assert back.cache_key == FULL.cache_key
    assert hash(back) == hash(FULL)


@pytest.mark.parametrize(
    "duplicated",
    [lambda value: pickle.loads(pickle.dumps(value)), copy.copy, copy.deepcopy],
    ids=["pickle", "copy", "deepcopy"],
)
@pytest.mark.parametrize(
    "credentials",
    [
        FULL,
        ClientCredentials(URL, "public", auth="none"),
        ClientCredentials(URL, "me", auth=HTTPBasicAuth("me", "s3cret")),
    ],
    ids=["full", "public", "auth object"],
)
def test_a_copy_is_equal(credentials: ClientCredentials, duplicated) -> None:
    credentials.cache_key  # noqa: B018 - what was worked out already must not travel
    twin = duplicated(credentials)
    assert twin == credentials
    assert twin.cache_key == credentials.cache_key
    assert hash(twin) == hash(credentials)
    assert repr(twin) == repr(credentials)


def test_a_subclass_survives_a_pickle() -> None:
    assert type(pickle.loads(pickle.dumps(Theirs(URL, "me", "s3cret")))) is Theirs


class Theirs(ClientCredentials):
    """A user's subclass."""


def test_what_cannot_be_hashed_does_not_keep_credentials_out_of_a_set() -> None:
    class Vault:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self) -> str:
            return "s3cret"

    assert {ClientCredentials(URL, "me", Vault(), params={"a": "b"})}
    assert {ClientCredentials(URL, "me", auth=HTTPBasicAuth("me", "s3cret"))}


def test_it_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        FULL.scope = "other"  # type: ignore[misc]


@pytest.mark.rule(24)
def test_its_repr_and_label_show_no_secret() -> None:
    assert repr(FULL) == (
        f"ClientCredentials({URL!r}, client_id='me', auth='client_secret_basic', "
        "scope='read write', audience='https://api.example.com', resource=('urn:a', 'urn:b'))"
    )
    assert FULL.label == f"me at {URL}"
    for part in (FULL, FULL._request, FULL._secret, FULL._request.server, FULL.cache_key):
        for hidden in ("s3cret", "hunter2", "qu3ry"):
            assert hidden not in repr(part)


def test_a_sequence_of_secrets_is_kept_as_it_was() -> None:
    secrets = ["one", "two"]
    credentials = ClientCredentials(URL, "me", secrets)
    secrets.clear()
    assert credentials.client_secret == ("one", "two")
    assert ClientCredentials(URL, "me", deque(["one", "two"])) == credentials


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"server": None}, "server must be a non-empty str; it is missing"),
        ({"server": ""}, "server must be a non-empty str; it is empty"),
        ({"server": 7}, "server"),
        ({"server": "auth.example.com"}, "token_endpoint is not a valid URL"),
        ({"server": "http://auth.example.com/t"}, "allow_http"),
        ({"client_id": None}, "client_id must be a non-empty str; it is missing"),
        ({"client_id": ""}, "client_id must be a non-empty str; it is empty"),
        ({"client_id": 7}, "client_id"),
        ({"client_id": "\ud800"}, "client_id"),
        ({"client_secret": None}, "client_secret is missing: client_secret_basic needs it"),
        ({"client_secret": None, "auth": "client_secret_post"}, "client_secret_post needs it"),
        ({"client_secret": ""}, "client_secret"),
        ({"client_secret": b"s3cret"}, "client_secret .* not bytes"),
        ({"client_secret": 7}, "client_secret"),
        ({"client_secret": []}, "client_secret"),
        ({"auth": "none"}, 'auth="none" sends no client_secret'),
        ({"auth": "bearer"}, "auth is not a known client authentication method"),
        ({"auth": 7}, "auth must be"),
        ({"auth": ClientSecretBasic}, "auth is the class"),
        ({"client_id": "a:b", "auth": ClientSecretBasic("loose")}, 'client_id holds a ":"'),
        ({"scope": 7}, "scope"),
        ({"audience": ""}, "audience"),
        ({"audience": [7]}, "each part of audience must be a non-empty str; it is int"),
        ({"resource": "api"}, "resource 'api' must be an absolute URI"),
        ({"grant_type": ""}, "grant_type"),
        ({"grant_type": None}, "grant_type"),
        ({"params": "a=b"}, "params"),
        ({"params": {"scope": "x"}}, "params repeats 'scope': use scope= instead"),
    ],
)
def test_a_wrong_setting_is_named_at_construction(settings, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as raised:
        ClientCredentials(
            **{"server": URL, "client_id": "me", "client_secret": "s3cret", **settings}
        )
    assert "s3cret" not in str(raised.value)


def test_a_colon_in_a_client_id_is_accepted_if_it_is_encoded() -> None:
    with LocalServer({"a:b": "c:d"}) as server:
        ClientCredentials(server.token_url, "a:b", "c:d").request_token()


def test_the_traceback_of_a_failure_holds_no_frame_that_sent_something() -> None:
    with LocalServer({"me": "other"}) as server:
        credentials = ClientCredentials(server.token_url, "me", "s3cret")
        with pytest.raises(requests.RequestException) as raised:
            credentials.request_token()
    names = [frame.f_code.co_name for frame, _ in traceback.walk_tb(raised.value.__traceback__)]
    assert names[1:] == ["run"]


@pytest.mark.rule(22)
def test_the_apis_own_options_stay_out_of_the_token_request() -> None:
    session = requests.Session()
    session.headers["X-Api"] = "1"
    session.params = {"api": "1"}  # type: ignore[assignment]
    session.cookies.set("api", "1")
    with LocalServer() as server:
        ClientCredentials(server.token_url, "me", "s3cret").request_token()
        (request,) = server.token_requests
    assert request.path == "/oauth/token"
    assert request.headers["X-Api"] is None
    assert request.headers["Cookie"] is None


@pytest.mark.parametrize("dpop", ["key.pem", [], 1, DPoPKey])
def test_a_dpop_that_is_not_a_key_is_refused(dpop: object) -> None:
    with pytest.raises(ConfigurationError, match=r"dpop must be a DPoPKey: DPoPKey\(key\) or"):
        ClientCredentials("https://auth.example.com/token", "me", "s3cret", dpop=dpop)  # type: ignore[arg-type]
