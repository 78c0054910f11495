"""Asking about a token (RFC 7662), and what that has in common with revoking one (RFC 7009)."""

from __future__ import annotations

import base64
import json
import logging
import math
import pickle
import ssl
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
import trustme
from hypothesis import example, given, strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from requests.auth import HTTPBasicAuth, HTTPDigestAuth

from requests_cc import (
    AccessToken,
    AssertionFile,
    AuthorizationServer,
    ClientCredentials,
    ConfigurationError,
    DPoPKey,
    Introspection,
    InvalidClient,
    InvalidTokenResponse,
    OAuthError,
    PrivateKeyJWT,
    TemporarilyUnavailable,
    TLSClientAuth,
    TokenEndpointTimeout,
    TokenEndpointUnreachable,
    TokenRequestError,
)
from requests_cc.credentials.introspection import introspection_in
from requests_cc.http.exchange import Response
from tests.support.scripts import Request, Script, answer, drop, hang, token
from tests.support.server import Server

TOKEN = "0p4que.t0ken/with+signs"
URL = "https://auth.example.com/token"
SECRET = "a secret of the client's"
ACTIVE = answer({"active": True})
BOTH = ["introspect", "revoke"]
ENDPOINTS = {"introspect": "introspection_endpoint", "revoke": "revocation_endpoint"}
SETTINGS = tuple(ENDPOINTS.values())

both = pytest.mark.parametrize("ask", BOTH)


def client(server: Server | str, secret: object = SECRET, **settings: object) -> ClientCredentials:
    """A client of a server whose endpoints have one origin; some settings are the server's."""
    url = server if isinstance(server, str) else server.url
    of_server: dict[str, object] = {
        "introspection_endpoint": url.replace("/token", "/introspect"),
        "revocation_endpoint": url.replace("/token", "/revoke"),
        "timeout": (5.0, 5.0),
    }
    for name in ("session", "body_format", "timeout", "mtls_endpoint_aliases"):
        if name in settings:
            of_server[name] = settings.pop(name)
    return ClientCredentials(AuthorizationServer(url, **of_server), "me", secret, **settings)  # type: ignore[arg-type]


def failure(ask: str, server: Server | str, **settings: object) -> TokenRequestError:
    with pytest.raises(TokenRequestError) as raised:
        getattr(client(server, **settings), ask)(AccessToken(TOKEN))
    return raised.value


# --- what the server says ----------------------------------------------------------------------


def told(members: object) -> Introspection:
    with Server(answer(members)) as server:
        return client(server).introspect(TOKEN)


def test_what_the_server_says_of_an_active_token() -> None:
    said = told(
        {
            "active": True,
            "scope": "read write",
            "client_id": "other",
            "exp": 1_800_000_000,
            "aud": "https://api.example.com",
            "iss": "https://auth.example.com",
            "cnf": {"jkt": "x"},
        }
    )
    assert said == Introspection(
        active=True,
        scope="read write",
        client_id="other",
        exp=1_800_000_000,
        aud="https://api.example.com",
        extra={"iss": "https://auth.example.com", "cnf": {"jkt": "x"}},
    )


def test_an_inactive_token_is_an_answer() -> None:
    assert told({"active": False}) == Introspection(active=False)


@pytest.mark.parametrize("audience", [["a", "b"], ["a"], [], "a"])
def test_the_audience_is_kept_as_the_server_wrote_it(audience: object) -> None:
    said = told({"active": True, "aud": audience})
    assert said.aud == audience
    assert said.extra == {}


@pytest.mark.parametrize(
    ("written", "read"), [(1_800_000_000.0, 1_800_000_000), (0, 0), (10**400, 10**400)]
)
def test_an_expiry_is_a_whole_number(written: float, read: int) -> None:
    said = told({"active": True, "exp": written})
    assert said.exp == read
    assert type(said.exp) is int


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scope", ["read"]),
        ("client_id", 7),
        ("exp", "tomorrow"),
        ("exp", True),
        ("exp", [1]),
        ("aud", ["a", 7]),
        ("aud", {"a": 1}),
    ],
)
def test_a_member_of_another_form_is_kept_as_it_is(name: str, value: object) -> None:
    said = told({"active": True, name: value, "sub": "s"})
    assert getattr(said, name) is None
    assert said.extra == {name: value, "sub": "s"}


def test_an_expiry_that_is_not_finite_is_none() -> None:
    assert told('{"active": true, "exp": 1e999}').exp is None
    assert told('{"active": true, "exp": NaN}').exp is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["scope", "client_id", "exp", "aud", "iss"]) | st.text()


@example(False, {"exp": math.nan})
@example(True, {"exp": math.inf})
@example(True, {"exp": 1.5})
@given(st.booleans(), st.dictionaries(NAMES, JSON, max_size=6))
def test_whatever_the_server_says_none_of_it_is_lost(active: bool, members: dict) -> None:
    members.pop("active", None)
    body = json.dumps({"active": active, **members}).encode()

    said = introspection_in(Response(200, {}, body, 0.0), client(URL)._request)
    assert said.active is active
    assert "active" not in said.extra
    written = json.loads(body)
    for name in members:
        kept = said.extra[name] if name in said.extra else getattr(said, name)
        # By repr, since NaN is equal to nothing.
        same = kept == written[name] or repr(kept) == repr(written[name])
        assert same or (name == "exp" and kept == int(written[name]))


def test_it_is_a_value_whose_repr_leaves_out_the_rest() -> None:
    said = Introspection(active=True, aud=["a"], extra={"username": "jane"})
    assert said == pickle.loads(pickle.dumps(said))
    assert hash(said) == hash(Introspection(active=True))
    assert "jane" not in repr(said)
    with pytest.raises(AttributeError):
        said.active = False  # type: ignore[misc]


@pytest.mark.parametrize(
    "rubbish",
    [
        answer(b""),
        answer(b"", "204 No Content"),
        answer("<html>Welcome</html>"),
        answer([{"active": True}]),
        answer("true"),
        answer({}),
        answer({"active": None}),
        answer({"active": "true"}),
        answer({"active": 1}),
        token(),
    ],
)
def test_an_answer_without_the_boolean_names_the_setting(rubbish: bytes) -> None:
    with Server(rubbish) as server:
        error = failure("introspect", server)
        assert type(error) is InvalidTokenResponse
        assert 'without the boolean "active"' in str(error)
        assert str(error).endswith("check introspection_endpoint")
        assert f"http://127.0.0.1:{server.port}/" in str(error)
        assert len(server.requests) == 1


# --- what both send ----------------------------------------------------------------------------


@both
@pytest.mark.parametrize("given_token", [TOKEN, AccessToken(TOKEN)], ids=["str", "AccessToken"])
@pytest.mark.parametrize("body_format", ["form", "json"])
def test_the_request_is_a_form_wherever_the_token_came_from(
    ask: str, given_token: AccessToken | str, body_format: str
) -> None:
    with Server(ACTIVE) as server:
        credentials = client(
            server, body_format=body_format, scope="read", audience="a", params={"more": "x"}
        )
        getattr(credentials, ask)(given_token)
        (request,) = server.requests
    assert (request.method, request.target) == ("POST", f"/{ask}")
    assert request.headers.get("Content-Type") == "application/x-www-form-urlencoded"
    assert request.headers.get("Accept") == "application/json"
    assert request.form == {"token": [TOKEN], "token_type_hint": ["access_token"]}


@both
@pytest.mark.parametrize("given_token", [None, "", 7, b"bytes", "\ud800"])
def test_what_is_no_token_is_refused(ask: str, given_token: object) -> None:
    with pytest.raises(ConfigurationError, match=r"^token must be|^token cannot"):
        getattr(client("http://127.0.0.1:1/token"), ask)(given_token)


def assertion_is_from(key: ECKey | OctKey, request: Request, server: Server) -> bool:
    (assertion,) = request.form["client_assertion"]
    claims = jwt.decode(assertion, key, algorithms=["ES256", "HS256"]).claims
    assert request.form["client_assertion_type"] == [
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    ]
    assert claims["exp"] > time.time()
    return (claims["iss"], claims["sub"], claims["aud"]) == ("me", "me", server.url)


@both
def test_basic_authenticates_it(ask: str) -> None:
    with Server(ACTIVE) as server:
        getattr(client(server), ask)(TOKEN)
        (request,) = server.requests
    pair = f"me:{quote(SECRET, safe='')}".encode()
    assert request.headers.get("Authorization") == f"Basic {base64.b64encode(pair).decode()}"


@both
def test_post_authenticates_it(ask: str) -> None:
    with Server(ACTIVE) as server:
        getattr(client(server, auth="client_secret_post"), ask)(TOKEN)
        (request,) = server.requests
    assert request.headers.get("Authorization") is None
    assert request.form["client_id"] == ["me"]
    assert request.form["client_secret"] == [SECRET]


@both
def test_a_public_client_names_itself(ask: str) -> None:
    with Server(ACTIVE) as server:
        getattr(client(server, None, auth="none"), ask)(TOKEN)
        (request,) = server.requests
    assert request.headers.get("Authorization") is None
    assert request.form["client_id"] == ["me"]


@both
def test_client_secret_jwt_authenticates_it(ask: str) -> None:
    secret = "a secret that is long enough for HS256"
    with Server(ACTIVE) as server:
        getattr(client(server, secret, auth="client_secret_jwt"), ask)(TOKEN)
        assert assertion_is_from(OctKey.import_key(secret), server.requests[0], server)


@both
def test_private_key_jwt_authenticates_it_anew_for_each_attempt(ask: str) -> None:
    key = ECKey.generate_key("P-256")
    with Server(answer(b"", "503 Busy"), ACTIVE) as server:
        getattr(client(server, None, auth=PrivateKeyJWT(key)), ask)(TOKEN)
        assert all(assertion_is_from(key, request, server) for request in server.requests)
        first, second = (request.form["client_assertion"] for request in server.requests)
    assert first != second


@both
def test_an_assertion_file_authenticates_it(ask: str, tmp_path: Path) -> None:
    path = tmp_path / "assertion"
    path.write_text("a.b.c\n")
    with Server(ACTIVE) as server:
        getattr(client(server, None, auth=AssertionFile(path)), ask)(TOKEN)
        (request,) = server.requests
    assert request.form["client_assertion"] == ["a.b.c"]


@both
def test_a_requests_auth_object_authenticates_it(ask: str) -> None:
    challenge = answer(b"", "401 No", {"WWW-Authenticate": 'Digest realm="r", nonce="n"'})
    with Server(ACTIVE) as server:
        getattr(client(server, None, auth=HTTPBasicAuth("me", "pw")), ask)(TOKEN)
        assert server.requests[0].headers.get("Authorization") == "Basic bWU6cHc="
    with Server(challenge, ACTIVE) as server:
        getattr(client(server, None, auth=HTTPDigestAuth("me", "pw")), ask)(TOKEN)
        _, second = server.requests
        assert (second.headers.get("Authorization") or "").startswith('Digest username="me"')
        assert second.form["token"] == [TOKEN]


@both
def test_a_certificate_authenticates_it_at_its_own_endpoint(ask: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    bundle, certificate = tmp_path / "ca.pem", tmp_path / "client.pem"
    authority.cert_pem.write_to_path(str(bundle))
    authority.issue_cert("me").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    with Server(ACTIVE, tls=context) as server, requests.Session() as session:
        session.verify = str(bundle)
        credentials = client(
            "https://localhost:1/token",
            None,
            auth=TLSClientAuth(str(certificate)),
            session=session,
            mtls_endpoint_aliases={ENDPOINTS[ask]: server.url.replace("/token", "/mtls")},
        )
        getattr(credentials, ask)(TOKEN)
        (request,) = server.requests
    assert (request.method, request.target) == ("POST", "/mtls")
    assert request.form["client_id"] == ["me"]


@both
def test_no_proof_of_possession_goes_along(ask: str) -> None:
    with Server(ACTIVE) as server:
        getattr(client(server, dpop=DPoPKey.generate()), ask)(TOKEN)
        assert server.requests[0].headers.get("DPoP") is None


@pytest.mark.rule(3)
@both
def test_netrc_is_never_used(ask: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login they password theirs\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with Server(ACTIVE) as server:
        requests.get(server.url, timeout=10)
        assert server.requests[0].headers.get("Authorization")  # that netrc works at all
        getattr(client(server, auth="client_secret_post"), ask)(TOKEN)
        assert server.requests[1].headers.get("Authorization") is None


@both
def test_secrets_are_tried_in_order_and_the_accepted_one_goes_first_next_time(ask: str) -> None:
    refused = answer({"error": "invalid_client"}, "401 No")
    with Server(refused, ACTIVE, ACTIVE, token()) as server:
        credentials = client(server, ["old", "new"], auth="client_secret_post")
        getattr(credentials, ask)(TOKEN)
        getattr(credentials, ask)(TOKEN)
        credentials.request_token()
        sent = [request.form["client_secret"] for request in server.requests]
    assert sent == [["old"], ["new"], ["new"], ["new"]]


# --- what both do with a failure ---------------------------------------------------------------


@both
@pytest.mark.parametrize("members", [{"error": "invalid_client"}, b""])
def test_a_client_that_is_not_known_is_told_so(ask: str, members: object) -> None:
    with Server(answer(members, "401 No")) as server:
        error = failure(ask, server, secret=["old", "new"])
        assert type(error) is InvalidClient
        assert f"/{ask} returned 401" in str(error)
        assert len(server.requests) == 2


@both
@pytest.mark.parametrize(
    ("bad", "error_type", "attempts"),
    [
        (answer(b"", "503 Busy"), TemporarilyUnavailable, 3),
        (answer(b"", "429 Slow"), TemporarilyUnavailable, 3),
        (drop, TokenEndpointUnreachable, 3),
        (hang, TokenEndpointTimeout, 1),
        (answer("<html>", "404 No"), InvalidTokenResponse, 1),
        (answer("<html>", "403 No"), InvalidTokenResponse, 1),
        (answer({"error": "unsupported_token_type"}, "400 Bad"), OAuthError, 1),
        (answer({"error": "unsupported_token_type"}, "503 Busy"), OAuthError, 3),
    ],
)
def test_a_failure_is_retried_where_that_may_help(
    ask: str, bad: Script, error_type: type, attempts: int
) -> None:
    with Server(bad) as server:
        error = failure(ask, server, timeout=(1.0, 1.0) if bad is hang else (5.0, 5.0))
        assert type(error) is error_type
        assert len(server.requests) == attempts
    assert f"/{ask} " in str(error)


@both
def test_a_hiccup_is_no_failure(ask: str) -> None:
    with Server(answer(b"", "503 Busy"), drop, ACTIVE) as server:
        getattr(client(server), ask)(TOKEN)
        assert [request.form["token"] for request in server.requests] == [[TOKEN]] * 3


@both
def test_a_retry_after_beyond_the_budget_is_handed_on(ask: str) -> None:
    with Server(answer(b"", "503 Busy", {"Retry-After": "60"})) as server:
        error = failure(ask, server)
        assert len(server.requests) == 1
    assert error.retry_after == 60
    assert error.retry_at == pytest.approx(time.time() + 60, abs=5)


@both
def test_a_retry_after_within_the_budget_is_waited_for(
    ask: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with Server(answer(b"", "503 Busy", {"Retry-After": "1"}), ACTIVE) as server:
        getattr(client(server), ask)(TOKEN)
    assert pauses == [1.0]


@pytest.mark.rule(18)
@both
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(ask: str, status: int) -> None:
    with Server(ACTIVE) as target:
        redirect = answer(b"", f"{status} Elsewhere", {"Location": target.url})
        with Server(redirect) as server:
            error = failure(ask, server)
            assert len(server.requests) == 1
        assert target.requests == []
    assert type(error) is InvalidTokenResponse
    assert f"/{ask} returned {status}, a redirect" in str(error)


@both
def test_an_endpoint_that_is_not_known_says_what_to_write(ask: str) -> None:
    setting = ENDPOINTS[ask]
    credentials = ClientCredentials("https://auth.example.com/token", "me", "s3cret")
    with pytest.raises(ConfigurationError) as raised:
        getattr(credentials, ask)(TOKEN)
    assert str(raised.value) == (
        f"{setting} of https://auth.example.com/token is not known: pass "
        f"AuthorizationServer(..., {setting}=...), or use dataclasses.replace(server, "
        f"{setting}=...)"
    )


@pytest.mark.rule(18)
@pytest.mark.parametrize("setting", SETTINGS)
def test_plain_http_beyond_loopback_is_refused_when_it_is_set(setting: str) -> None:
    url = "http://auth.example.com/about?key=k3y"
    with pytest.raises(ConfigurationError, match=f"^{setting} .*plain http") as raised:
        AuthorizationServer("https://auth.example.com/token", **{setting: url})
    assert "k3y" not in str(raised.value)
    AuthorizationServer("https://auth.example.com/token", **{setting: url}, allow_http=True)


OTHER_PAGE = answer("<html>Welcome</html>")
GONE = {"refuses": drop, "hangs": hang, "is not found": answer(b"", "404 No")}


@pytest.mark.parametrize(
    ("ask", "gone"),
    [
        *((ask, gone) for ask in ("request_token", *BOTH) for gone in GONE.values()),
        # Not a revocation: any success is its answer (RFC 7009 §2.2).
        ("request_token", OTHER_PAGE),
        ("introspect", OTHER_PAGE),
    ],
    ids=[*(f"{ask} {gone}" for ask in ("request_token", *BOTH) for gone in GONE), "page", "page"],
)
def test_an_endpoint_that_has_moved_is_looked_up_again(ask: str, gone: Script) -> None:
    arguments = [] if ask == "request_token" else [TOKEN]
    well_known = "/.well-known/oauth-authorization-server"
    moved = token(active=True)
    with Server(gone) as old, Server(moved) as new, Server(path="") as server:

        def metadata(url: str) -> dict[str, str]:
            return {"issuer": server.url, **dict.fromkeys(["token_endpoint", *SETTINGS], url)}

        server.routes[well_known] = metadata(old.url)
        credentials = ClientCredentials(
            AuthorizationServer.discover(server.url, timeout=(1.5, 1.5)), "me", SECRET
        )
        with pytest.raises(TokenRequestError):
            getattr(credentials, ask)(*arguments)
        server.routes[well_known] = metadata(new.url)
        getattr(credentials, ask)(*arguments)
        assert server.targets == [well_known, well_known]
        assert len(new.requests) == 1


@pytest.mark.parametrize("ask", ["request_token", *BOTH])
@pytest.mark.parametrize("refused", [{"error": "invalid_client"}, {"error": "invalid_request"}])
def test_an_endpoint_that_refuses_is_where_it_was(ask: str, refused: dict[str, str]) -> None:
    arguments = [] if ask == "request_token" else [TOKEN]
    with Server(path="") as server:
        urls = dict.fromkeys(["token_endpoint", *SETTINGS], f"{server.url}/all")
        well_known = "/.well-known/oauth-authorization-server"
        server.routes[well_known] = {"issuer": server.url, **urls}
        server.routes["/all"] = answer(json.dumps(refused).encode(), "400 X")
        credentials = ClientCredentials(AuthorizationServer.discover(server.url), "me", SECRET)
        for _ in range(2):
            with pytest.raises(OAuthError):
                getattr(credentials, ask)(*arguments)
        assert server.targets == [well_known, "/all", "/all"]


# --- the token stays hidden --------------------------------------------------------------------

FORMS = {"plain": TOKEN, "percent": quote(TOKEN, safe=""), "lower": "0p4que.t0ken%2fwith%2bsigns"}
HIDDEN = [*FORMS.values(), SECRET, quote(SECRET, safe=""), "k3yk3y"]


def _shown_by(error: BaseException) -> Iterator[str]:
    yield str(error)
    yield repr(error)
    yield repr(vars(error))
    yield repr(pickle.dumps(error))
    yield "".join(traceback.format_exception(error))
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_globals["__name__"].startswith("requests_cc"):
            yield repr(frame.f_locals)


def show_nothing(error: BaseException, logged: str) -> None:
    assert error.__cause__ is None
    assert error.__context__ is None
    for text in [*_shown_by(error), logged]:
        assert not [hidden for hidden in HIDDEN if hidden in text]


REPEATED = [
    answer({"error": "x", member: f"no {form} here"}, "400 Bad")
    for form in FORMS.values()
    for member in ("error", "error_description", "error_uri")
]
FOR_BOTH = [
    drop,
    hang,
    answer(b"", "500 Oops"),
    answer(b"", "302 Found", {"Location": f"/{TOKEN}"}),
    answer({"error": {"token": TOKEN}}),
    *REPEATED,
]


@pytest.mark.parametrize(
    ("ask", "bad"),
    [
        *((ask, bad) for ask in BOTH for bad in FOR_BOTH),
        ("introspect", answer(TOKEN)),
        ("introspect", answer({"active": TOKEN})),
    ],
)
def test_no_error_shows_the_token(ask: str, bad: Script, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Server(bad) as server:
        error = failure(ask, f"{server.url}?key=k3yk3yk3y", timeout=(1.0, 1.0))
    # At this level urllib3 itself logs each URL, query and all.
    show_nothing(error, caplog.text.replace("?key=k3yk3yk3y", ""))


@both
def test_a_short_token_is_hidden_as_well(ask: str) -> None:
    words = {"error": "x", "error_description": "no t0k here"}
    with Server(answer(words, "400 Bad")) as server, pytest.raises(OAuthError) as raised:
        getattr(client(server), ask)("t0k")
    assert raised.value.error_description == "no [hidden] here"


@both
def test_the_words_about_its_type_are_shown(ask: str) -> None:
    words = {"error": "unsupported_token_type", "error_description": "no access_token here"}
    with Server(answer(words, "400 Bad")) as server:
        error = failure(ask, server)
    assert "unsupported_token_type (no access_token here)" in str(error)


@both
def test_a_setting_that_is_wrong_shows_no_token(ask: str) -> None:
    credentials = ClientCredentials("https://auth.example.com/token?key=k3yk3yk3y", "me", SECRET)
    with pytest.raises(ConfigurationError) as raised:
        getattr(credentials, ask)(AccessToken(TOKEN))
    show_nothing(raised.value, "")


@both
def test_an_error_of_the_users_own_shows_no_token(ask: str) -> None:
    def vault() -> str:
        raise LookupError("the vault is sealed")

    def broken(request: requests.PreparedRequest) -> requests.PreparedRequest:
        raise LookupError("the vault is sealed")

    url = "http://127.0.0.1:1/token"
    for credentials in (client(url, vault), client(url, None, auth=broken)):
        with pytest.raises(LookupError, match="the vault is sealed") as raised:
            getattr(credentials, ask)(AccessToken(TOKEN))
        show_nothing(raised.value, "")


@both
def test_a_token_that_is_a_text_is_in_no_frame_of_ours(ask: str) -> None:
    def vault() -> str:
        raise LookupError("the vault is sealed")

    with Server(answer(b"", "400 Bad")) as server:
        calls: list[Callable[[], object]] = [
            lambda: getattr(client(server), ask)(TOKEN),
            lambda: getattr(client(server, vault), ask)(TOKEN),
        ]
        for call in calls:
            with pytest.raises((TokenRequestError, LookupError)) as raised:
                call()
            show_nothing(raised.value, "")
