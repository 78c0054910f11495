"""What real servers do, row by row: each from a caller's session to a server and an API."""

from __future__ import annotations

import base64
import dataclasses
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

import pytest
import requests
from joserfc.jwk import ECKey

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    ClientCredentialsAdapter,
    ClientSecretBasic,
    DPoPKey,
    InvalidClient,
    InvalidScope,
    InvalidTokenResponse,
    PrivateKeyJWT,
    TokenCache,
    TokenRequestError,
    mount,
    providers,
)
from tests.client_auth.test_assertion_members import RSA, certificate, pem
from tests.client_auth.test_client_assertion import claims_of, header_of
from tests.support.addresses import resolve_to
from tests.support.scripts import Reply, Request, answer, token
from tests.support.server import Server

ID, SECRET = "sb-app!b1|xsuaa!t2", "s3cret/of+this=client"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        running.routes["/token"] = token()
        running.routes["/api"] = Reply(200, body=b"{}")
        yield running


def session_of(server: Server, secret: Any = SECRET, **settings: Any) -> requests.Session:
    names = ("header", "scheme", "rejects")
    of_adapter = {name: settings.pop(name) for name in names if name in settings}
    credentials = ClientCredentials(settings.pop("reached", server.url), ID, secret, **settings)
    adapter = ClientCredentialsAdapter(
        credentials, origins=server.origin, cache=TokenCache(), **of_adapter
    )
    session = requests.Session()
    mount(session, adapter)
    return session


def api(server: Server, session: requests.Session) -> requests.Response:
    with session:
        return session.get(f"{server.origin}/api", timeout=10)


def last(server: Server, target: str) -> Request:
    return [request for request in server.requests if request.target == target][-1]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("401 No", {"error": "invalid_client"}),
        ("401 No", {"error": "unauthorized_client"}),  # Keycloak
        ("401 No", {"error": "access_denied"}),  # Auth0
        ("401 No", {"error": "unauthorized"}),  # UAA
        ("401 No", {"errorCode": "invalid_client", "errorSummary": "Invalid value"}),  # Okta
        ("403 No", {"error": "unauthorized_client"}),
        ("401 No", {"fault": {"faultstring": "Invalid ApiKey"}}),  # a gateway
        ("401 No", "<html>gateway</html>"),
        ("401 No", b""),
    ],
)
def test_a_wrong_secret_leads_to_the_next_one(server: Server, status: str, body: Any) -> None:
    def replaced(request: Request) -> Any:
        return token() if request.form["client_secret"] == [SECRET] else answer(body, status)

    server.routes["/token"] = replaced
    session = session_of(server, ["old", SECRET], auth="client_secret_post")
    assert api(server, session).status_code == 200
    with pytest.raises(InvalidClient, match="client_secret"):
        api(server, session_of(server, "old", auth="client_secret_post"))


def test_a_gateway_that_forbids_is_quoted(server: Server) -> None:
    server.routes["/token"] = answer({"fault": {"faultstring": "IP not allowed"}}, "403 No")
    with pytest.raises(TokenRequestError, match=r"403.*\(IP not allowed\)") as raised:
        api(server, session_of(server))
    assert not isinstance(raised.value, InvalidClient)
    assert "/api" not in server.targets


def test_a_server_that_wants_the_secret_in_the_body_leads_to_that(server: Server) -> None:
    def in_the_body(request: Request) -> Any:
        return token() if "client_secret" in request.form else answer(b"", "401 No")

    server.routes["/token"] = in_the_body
    with pytest.raises(InvalidClient, match='auth="client_secret_post"'):
        api(server, session_of(server))
    assert api(server, session_of(server, auth="client_secret_post")).status_code == 200


def test_a_server_that_decodes_basic_finds_what_was_meant(server: Server) -> None:
    def decodes(request: Request) -> Any:
        encoded = base64.b64decode(request.headers["Authorization"].partition(" ")[2]).decode()
        sent = [unquote(part) for part in encoded.split(":")]  # which leaves a "+" as it is
        return token() if sent == [ID, "a secret"] else answer(b"", "401 No")

    server.routes["/token"] = decodes
    assert api(server, session_of(server, "a secret")).status_code == 200


def test_a_server_that_takes_basic_raw_leads_to_that(server: Server) -> None:
    loose = requests.auth._basic_auth_str(ID, SECRET)

    def raw(request: Request) -> Any:
        return token() if request.headers["Authorization"] == loose else answer(b"", "401 No")

    server.routes["/token"] = raw
    with pytest.raises(InvalidClient, match=r'ClientSecretBasic\(encoding="loose"\)'):
        api(server, session_of(server))
    assert api(server, session_of(server, auth=ClientSecretBasic("loose"))).status_code == 200


@pytest.mark.parametrize(
    ("status", "body", "rejects"),
    [
        (401, b"", 401),
        (403, b"", (401, 403)),  # Fabric, Databricks
        (400, b"", 400),
        (498, b"", 498),  # Esri
        (200, b'{"error": "601"}', lambda response: b"601" in response.content),  # Marketo
    ],
)
def test_a_token_that_the_api_says_is_dead_is_renewed(
    server: Server, status: int, body: bytes, rejects: Any
) -> None:
    tokens = iter([token("dead"), token("alive")])
    server.routes["/token"] = lambda request: next(tokens)

    def dead(request: Request) -> Reply:
        is_dead = request.headers["Authorization"] == "Bearer dead"
        return Reply(status, body=body) if is_dead else Reply(200, body=b"fine")

    server.routes["/api"] = dead
    assert api(server, session_of(server, rejects=rejects)).content == b"fine"


@pytest.mark.parametrize(
    ("settings", "header", "value"),
    [
        ({}, "Authorization", "Bearer token-1"),
        ({"header": "X-Shopify-Access-Token", "scheme": ""}, "X-Shopify-Access-Token", "token-1"),
        ({"scheme": "Zoho-oauthtoken"}, "Authorization", "Zoho-oauthtoken token-1"),
        ({"header": "x-amz-access-token", "scheme": ""}, "x-amz-access-token", "token-1"),
        ({"header": "Txn-Token", "scheme": ""}, "Txn-Token", "token-1"),
        (
            {"header": "X-Serverless-Authorization"},
            "X-Serverless-Authorization",
            "Bearer token-1",
        ),
    ],
)
def test_the_token_goes_where_the_api_reads_it(
    server: Server, settings: dict[str, str], header: str, value: str
) -> None:
    api(server, session_of(server, **settings))
    assert last(server, "/api").headers[header] == value


@pytest.mark.rule(21)
@pytest.mark.parametrize(
    "token_type",
    ["Bearer", "bearer", "BEARER ", None, "BearerToken", "", "JWT", "Application Access Token"],
)
def test_any_type_that_needs_no_other_scheme_is_sent_as_bearer(
    server: Server, token_type: str | None
) -> None:
    server.routes["/token"] = token("t0ken", token_type=token_type)
    api(server, session_of(server))
    assert last(server, "/api").headers["Authorization"] == "Bearer t0ken"


@pytest.mark.rule(14)
@pytest.mark.parametrize(
    ("members", "lasts"),
    [
        ({"expires_in": 3600}, True),
        ({"expires_in": "3600"}, True),
        ({"expires_in": 3_600_000_0}, True),  # milliseconds: Zoho, Adobe
        ({"expires_in": None, "expires_on": lambda: str(int(time.time()) + 3600)}, True),  # Azure
        ({"expires_in": None, "expires_on": lambda: int(time.time()) - 1}, False),
        ({"expires_in": "2099-01-01T00:00:00Z"}, True),
        ({"expires_in": None}, True),  # Salesforce
    ],
)
def test_an_expiry_is_read_in_whatever_form_it_comes(
    server: Server, members: dict[str, Any], lasts: bool
) -> None:
    def now(request: Request) -> Any:
        values = {n: v() if isinstance(v, Callable) else v for n, v in members.items()}  # type: ignore[arg-type]
        return token("t0ken", **values)

    server.routes["/token"] = now
    session = session_of(server)
    with session:
        for _ in range(2):
            assert session.get(f"{server.origin}/api", timeout=10).status_code == 200
    assert server.targets.count("/token") == (1 if lasts else 2)


def test_a_scope_that_is_not_known_is_refused_or_dropped(server: Server) -> None:
    server.routes["/token"] = answer({"error": "invalid_scope"}, "400 Bad")
    with pytest.raises(InvalidScope):
        api(server, session_of(server, scope="read write"))
    server.routes["/token"] = token(scope="read")
    credentials = ClientCredentials(server.url, ID, SECRET, scope="read write")
    assert credentials.request_token().scope == "read"


OKTA = providers.okta("example.okta.com")
ENTRA = providers.entra("contoso.onmicrosoft.com")


@pytest.mark.rule(25)
@pytest.mark.parametrize(
    ("reached", "audience"),
    [
        (AuthorizationServer("https://x/t", issuer="https://issuer.example"), "the issuer"),
        (OKTA, "the endpoint"),
        (ENTRA, "the endpoint"),
        (AuthorizationServer("https://x/t"), "the endpoint"),  # nobody knows an issuer
    ],
)
def test_an_assertion_is_for_whom_the_server_expects_and_was_made_some_seconds_ago(
    server: Server, reached: AuthorizationServer, audience: str
) -> None:
    reached = dataclasses.replace(reached, token_endpoint=server.url)
    auth = PrivateKeyJWT(ECKey.generate_key("P-256"))
    before = int(time.time())
    scope = "https://api.example/.default"
    api(server, session_of(server, None, reached=reached, auth=auth, scope=scope))
    claims = claims_of(last(server, "/token").form["client_assertion"][0])
    assert claims["aud"] == (reached.issuer if audience == "the issuer" else server.url)
    assert before - 10 <= claims["iat"] <= time.time() - 2


@pytest.mark.rule(25)
def test_an_assertion_with_a_certificate_is_as_entra_wants_it(server: Server) -> None:
    auth = PrivateKeyJWT(RSA, certificate=pem(certificate()))
    reached = dataclasses.replace(ENTRA, token_endpoint=server.url)
    scope = "https://api.example/.default"
    api(server, session_of(server, None, reached=reached, auth=auth, scope=scope))
    header = header_of(last(server, "/token").form["client_assertion"][0])
    assert (header["alg"], header["typ"]) == ("PS256", "JWT")
    assert header["x5t#S256"]


@pytest.mark.parametrize("status", ["400 Bad", "401 No"])
def test_a_dpop_nonce_is_used_whatever_the_status_that_demands_it(
    server: Server, status: str
) -> None:
    wanted = answer({"error": "use_dpop_nonce"}, status, {"DPoP-Nonce": "n0nce"})
    good = token("t0ken", token_type="DPoP")

    def with_nonce(request: Request) -> Any:
        return good if claims_of(request.headers["DPoP"]).get("nonce") == "n0nce" else wanted

    server.routes["/token"] = with_nonce
    api(server, session_of(server, dpop=DPoPKey.generate()))
    assert last(server, "/api").headers["Authorization"] == "DPoP t0ken"
    assert server.targets.count("/token") == 2


def test_a_dpop_nonce_that_comes_with_a_success_is_used_next_and_may_change(
    server: Server,
) -> None:
    nonces = itertools.count()
    wanted: list[str] = []

    def rotates(request: Request) -> Reply:
        sent, due = claims_of(request.headers["DPoP"]).get("nonce"), wanted[-1:] or [None]
        wanted.append(f"n{next(nonces)}")
        header = ("DPoP-Nonce", wanted[-1])
        if [sent] == due:
            return Reply(200, (header,), b"{}")
        return Reply(401, (header, ("WWW-Authenticate", 'DPoP error="use_dpop_nonce"')))

    server.routes["/token"] = token("t0ken", token_type="DPoP")
    server.routes["/api"] = rotates
    with session_of(server, dpop=DPoPKey.generate()) as session:
        for _ in range(3):
            assert session.get(f"{server.origin}/api", timeout=10).status_code == 200
        wanted.append("n-new")  # the server forgot all nonces: one resend
        assert session.get(f"{server.origin}/api", timeout=10).status_code == 200
    assert server.targets.count("/api") == 5
    assert server.targets.count("/token") == 1


def test_a_redirect_for_a_missing_slash_is_shown(server: Server) -> None:
    server.routes["/token"] = answer(b"", "301 Moved", {"Location": "/token/"})
    with pytest.raises(InvalidTokenResponse, match=f"a redirect to {server.url}/"):
        api(server, session_of(server))
    assert "/token/" not in server.targets


def test_eight_addresses_that_swallow_packets_leave_time_for_the_one_that_works(
    server: Server, swallowing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, "localhost", *[swallowing] * 8, server.port)
    reached = AuthorizationServer("http://localhost/token", timeout=(0.8, 5.0))
    began = time.monotonic()
    assert api(server, session_of(server, reached=reached)).status_code == 200
    assert time.monotonic() - began < 4.0
    assert server.targets == ["/token", "/api"]
