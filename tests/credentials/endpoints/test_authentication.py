"""How a client authenticates, which of its secrets it uses, and what else a request carries."""

from __future__ import annotations

import base64
import itertools
import ssl
import time
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
import trustme
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from requests.auth import HTTPBasicAuth, HTTPDigestAuth

from requests_cc import (
    AccessToken,
    AssertionFile,
    ClientSecretPost,
    ConfigurationError,
    DPoPKey,
    InvalidClient,
    OAuthError,
    PrivateKeyJWT,
    TLSClientAuth,
)
from requests_cc.client_auth.secret import SecretFile
from tests.support.certificates import server_context
from tests.support.scripts import Request, answer
from tests.support.server import Server

from .endpoint import ENDPOINTS, GOOD, SECRET, TOKEN, Endpoint, client, failure

REFUSED = answer({"error": "invalid_client"}, "401 No")


def sent(endpoint: Endpoint, secret: object = SECRET, **settings: object) -> Request:
    """Return the one request that a client makes."""
    with Server(GOOD) as server:
        endpoint.call(client(server, secret, **settings))
        (request,) = server.requests
    return request


@pytest.mark.rule(20, 24)
def test_basic_authenticates_it(endpoint: Endpoint) -> None:
    request = sent(endpoint)
    pair = f"me:{quote(SECRET, safe='')}".encode()
    assert request.headers["Authorization"] == f"Basic {base64.b64encode(pair).decode()}"
    assert not {"client_id", "client_secret"} & {*request.form}


@pytest.mark.rule(24)
@pytest.mark.parametrize("auth", ["client_secret_post", ClientSecretPost()], ids=["name", "object"])
def test_post_authenticates_it(endpoint: Endpoint, auth: object) -> None:
    request = sent(endpoint, auth=auth)
    assert "Authorization" not in request.headers
    assert (request.form["client_id"], request.form["client_secret"]) == (["me"], [SECRET])


def test_a_public_client_names_itself(endpoint: Endpoint) -> None:
    request = sent(endpoint, None, auth="none")
    assert "Authorization" not in request.headers
    assert request.form["client_id"] == ["me"]
    assert "client_secret" not in request.form


@pytest.mark.rule(19)
@pytest.mark.parametrize("method", ["client_secret_jwt", "private_key_jwt"])
def test_an_assertion_authenticates_each_attempt_anew(endpoint: Endpoint, method: str) -> None:
    key: ECKey | OctKey = OctKey.import_key(SECRET)
    secret, auth = SECRET, method
    if method == "private_key_jwt":
        key = ECKey.generate_key("P-256")
        secret, auth = None, PrivateKeyJWT(key)
    busy = answer(b"", "503 Busy")
    with Server(busy, busy, GOOD) as server:
        endpoint.call(client(server, secret, auth=auth))
        forms = [request.form for request in server.requests]
    made: set[str] = set()
    for form in forms:
        (assertion,) = form["client_assertion"]
        claims = jwt.decode(assertion, key, algorithms=["ES256", "HS256"]).claims
        assert form["client_assertion_type"] == [
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        ]
        assert (claims["iss"], claims["sub"], claims["aud"]) == ("me", "me", server.url)
        assert claims["exp"] > time.time()
        assert form["client_id"] == ["me"]
        assert "client_secret" not in form
        made.add(claims["jti"])
    assert len(made) == 3


def test_an_assertion_file_authenticates_it(endpoint: Endpoint, tmp_path: Path) -> None:
    path = tmp_path / "assertion"
    path.write_text("a.b.c\n")
    assert sent(endpoint, None, auth=AssertionFile(path)).form["client_assertion"] == ["a.b.c"]


def test_a_requests_auth_object_authenticates_it(endpoint: Endpoint) -> None:
    request = sent(endpoint, None, auth=HTTPBasicAuth("me", "pw"))
    assert request.headers["Authorization"] == "Basic bWU6cHc="
    assert "client_id" not in request.form


@pytest.mark.parametrize("status_hook", [False, True])
@pytest.mark.parametrize("accepted", [True, False])
def test_http_digest_authenticates_it(
    endpoint: Endpoint, status_hook: bool, accepted: bool
) -> None:
    wants = {"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5'}
    then = GOOD if accepted else answer({"error": "invalid_scope"}, "400 Bad")
    session = requests.Session()
    if status_hook:
        session.hooks["response"].append(lambda response, **_: response.raise_for_status())
    with Server(answer(b"", "401 No", wants), then) as server:
        credentials = client(server, None, auth=HTTPDigestAuth("me", SECRET), session=session)
        if accepted:
            endpoint.call(credentials)
        else:
            with pytest.raises(OAuthError, match="invalid_scope"):
                endpoint.call(credentials)
        first, second = server.requests
    assert "Authorization" not in first.headers
    assert second.headers["Authorization"].startswith('Digest username="me"')
    assert second.form == first.form
    assert "client_id" not in second.form


def test_a_certificate_authenticates_it_at_its_own_endpoint(
    endpoint: Endpoint, authority: trustme.CA, ca_bundle: str, tmp_path: Path
) -> None:
    certificate = tmp_path / "client.pem"
    authority.issue_cert("me").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    with (
        Server(
            GOOD, path="/mtls", tls=server_context(authority, verify=ssl.CERT_REQUIRED)
        ) as server,
        requests.Session() as session,
    ):
        session.verify = ca_bundle
        credentials = client(
            "https://localhost:1/token",
            None,
            auth=TLSClientAuth(str(certificate)),
            session=session,
            mtls_endpoint_aliases={endpoint.setting: server.url},
        )
        endpoint.call(credentials)
        (request,) = server.requests
    assert (request.method, request.target) == ("POST", "/mtls")
    assert request.form["client_id"] == ["me"]


# --- what else is sent -------------------------------------------------------------------------


@pytest.mark.parametrize("given", [TOKEN, AccessToken(TOKEN)], ids=["str", "AccessToken"])
@pytest.mark.parametrize("body_format", ["form", "json"])
@pytest.mark.parametrize("name", ["introspection", "revocation"])
def test_a_token_is_sent_as_a_form(name: str, given: AccessToken | str, body_format: str) -> None:
    endpoint = ENDPOINTS[name]
    with Server(GOOD) as server:
        settings = {"scope": "read", "audience": "a", "params": {"more": "x"}}
        endpoint.call(client(server, body_format=body_format, **settings), given)
        (request,) = server.requests
    assert (request.method, request.target) == ("POST", endpoint.path)
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["Accept"] == "application/json"
    assert request.form == {"token": [TOKEN], "token_type_hint": ["access_token"]}


@pytest.mark.parametrize("given", [None, "", 7, b"bytes", "\ud800"])
@pytest.mark.parametrize("name", ["introspection", "revocation"])
def test_an_invalid_token_is_refused(name: str, given: object) -> None:
    with pytest.raises(ConfigurationError, match=r"^token must be|^token cannot"):
        ENDPOINTS[name].call(client("http://127.0.0.1:1/token"), given)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["introspection", "revocation"])
def test_no_proof_of_possession_goes_along(name: str) -> None:
    assert "DPoP" not in sent(ENDPOINTS[name], dpop=DPoPKey.generate()).headers


# --- several secrets, and secrets that change --------------------------------------------------


def test_secrets_are_tried_in_order_and_the_accepted_one_goes_first_next_time(
    endpoint: Endpoint,
) -> None:
    with Server(REFUSED, GOOD, GOOD, GOOD) as server:
        credentials = client(server, ["old", "new"], auth="client_secret_post")
        endpoint.call(credentials)
        endpoint.call(credentials)
        credentials.request_token()  # whichever endpoint it was that accepted it
        used = [request.form["client_secret"] for request in server.requests]
    assert used == [["old"], ["new"], ["new"], ["new"]]


def test_the_next_secret_is_tried_after_invalid_client_only(endpoint: Endpoint) -> None:
    with Server(answer({"error": "invalid_scope"}, "400 Bad")) as server:
        failure(endpoint, server, secret=["old", "new"])
        assert len(server.requests) == 1


@pytest.mark.parametrize("members", [{"error": "invalid_client"}, b""])
def test_if_no_secret_is_accepted_the_refusal_is_raised(
    endpoint: Endpoint, members: object
) -> None:
    with Server(answer(members, "401 No")) as server:
        error = failure(endpoint, server, secret=["old", "new"])
        assert type(error) is InvalidClient
        assert f"{endpoint.path} returned 401" in str(error)
        assert len(server.requests) == 2


@pytest.mark.parametrize("kind", ["callable", "file"])
def test_a_secret_is_read_anew_for_each_request(
    endpoint: Endpoint, kind: str, tmp_path: Path
) -> None:
    path, numbers = tmp_path / "secret", itertools.count(1)
    secret = SecretFile(path) if kind == "file" else lambda: path.read_text().strip()
    with Server(GOOD) as server:
        credentials = client(server, secret, auth="client_secret_post")
        for _ in range(2):
            path.write_text(f"secret {next(numbers)}\n")
            endpoint.call(credentials)
        used = [request.form["client_secret"] for request in server.requests]
    assert used == [["secret 1"], ["secret 2"]]


def test_what_a_users_callable_raises_is_raised_as_it_is(endpoint: Endpoint) -> None:
    error = LookupError("the vault is sealed")

    def vault() -> str:
        raise error

    with pytest.raises(LookupError) as raised:
        endpoint.call(client("http://127.0.0.1:1/token", vault))
    assert raised.value is error


@pytest.mark.parametrize("value", ["", None, 7, b"bytes", "\ud800"])
def test_a_callable_that_returns_no_secret_is_a_configuration_error(
    endpoint: Endpoint, value: object
) -> None:
    with pytest.raises(ConfigurationError, match="the client_secret callable"):
        endpoint.call(client("http://127.0.0.1:1/token", lambda: value))
