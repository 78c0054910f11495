"""A signed assertion as the grant (RFC 7523 §2.1), Google's service accounts, token exchange."""

from __future__ import annotations

import base64
import dataclasses
import json
import pickle
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import given, strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    ClientCredentialsAdapter,
    ConfigurationError,
    InvalidGrant,
    InvalidRequest,
    InvalidTokenResponse,
    JWTBearer,
    TokenCache,
    TokenRequestError,
    mount,
)
from requests_cc.protocols import TokenSource
from requests_cc.testing import LocalServer
from tests.support.fresh_interpreter import printed_by
from tests.support.scripts import Request, answer, token
from tests.support.server import Server

URL = "https://auth.example.com/token"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
KEY = ECKey.generate_key("P-256", {"kid": "its own"})
PEM = KEY.as_pem(private=True).decode()
JWK: dict[str, Any] = KEY.as_dict(private=True)
RSA_KEY = RSAKey.generate_key(2048)
RSA_PEM = RSA_KEY.as_pem(private=True).decode()


def source(server: AuthorizationServer | str = URL, **settings: Any) -> JWTBearer:
    return JWTBearer(server, **{"issuer": "me", "key": JWK, **settings})


def assertion(request: Request, key: Any = KEY, alg: str = "ES256") -> jwt.Token:
    """The assertion of a request, its signature checked."""
    (text,) = request.form["assertion"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # joserfc would rather have EdDSA called Ed25519
        return jwt.decode(text, key, algorithms=[alg])


def sent(**settings: Any) -> tuple[Server, Request]:
    """The one request that a source makes."""
    with Server(token()) as server:
        assert source(server.url, **settings).request_token().value == "token-1"
        (request,) = server.requests
        return server, request


# --- the request -------------------------------------------------------------------------------


def test_the_request_holds_the_grant_and_the_assertion_alone() -> None:
    before = int(time.time())
    server, request = sent()
    assert {name: len(values) for name, values in request.form.items()} == {
        "grant_type": 1,
        "assertion": 1,
    }
    assert request.form["grant_type"] == [GRANT]
    assert "Authorization" not in request.headers
    decoded = assertion(request)
    assert decoded.header == {"alg": "ES256", "typ": "JWT", "kid": "its own"}
    claims = decoded.claims
    assert set(claims) == {"iss", "sub", "aud", "iat", "exp", "jti"}
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("me", "me", server.url)
    assert before - 5 <= claims["iat"] <= time.time()
    assert claims["exp"] - claims["iat"] == 300
    assert len(claims["jti"]) >= 22  # 128 bits


def test_each_setting_is_in_the_request() -> None:
    _, request = sent(
        issuer="service",
        subject="jane",
        audience="https://auth.example.com",
        scope=["read", "write"],
        kid="k1",
        lifetime=60,
        claims={"https://example.com/tenant": "blue", "nested": {"list": [1, None]}},
    )
    claims = assertion(request).claims
    assert claims["exp"] - claims["iat"] == 60
    assert len(claims.pop("jti")) >= 22
    assert {name: claims[name] for name in claims if name not in ("iat", "exp")} == {
        "iss": "service",
        "sub": "jane",
        "aud": "https://auth.example.com",
        "https://example.com/tenant": "blue",
        "nested": {"list": [1, None]},
    }
    assert assertion(request).header["kid"] == "k1"
    assert request.form["scope"] == ["read write"]


def test_without_a_subject_there_is_no_such_claim() -> None:
    _, request = sent(subject="")
    assert "sub" not in assertion(request).claims


def test_a_jti_can_be_left_out() -> None:
    _, request = sent(claims={"jti": None})
    assert "jti" not in assertion(request).claims


@pytest.mark.parametrize(
    ("key", "settings", "alg"),
    [
        (RSA_KEY, {}, "RS256"),
        (RSA_KEY, {"alg": "PS256"}, "PS256"),
        (ECKey.generate_key("P-384"), {}, "ES384"),
        (OKPKey.generate_key("Ed25519"), {}, "EdDSA"),
    ],
)
def test_the_algorithm_fits_the_key(key: Any, settings: dict[str, str], alg: str) -> None:
    for given_key in (key, key.as_dict(private=True), key.as_pem(private=True)):
        _, request = sent(key=given_key, **settings)
        decoded = assertion(request, key, alg)
        assert decoded.header["alg"] == alg


def test_an_encrypted_key_has_a_password() -> None:
    encrypted = KEY.as_pem(private=True, password="pa55word")
    _, request = sent(key=encrypted, password="pa55word")
    assert assertion(request).claims["iss"] == "me"
    with pytest.raises(ConfigurationError, match="pass password="):
        source(key=encrypted)
    with pytest.raises(ConfigurationError) as raised:
        source(key=encrypted, password="pa55w0rd")
    assert "pa55w0rd" not in str(raised.value)


def test_a_key_without_an_id_has_none_in_the_header() -> None:
    _, request = sent(key=PEM)
    assert assertion(request).header == {"alg": "ES256", "typ": "JWT"}
    _, request = sent(key=PEM, kid="thumbprint")
    assert assertion(request).header["kid"] == KEY.thumbprint()


def test_each_attempt_has_an_assertion_of_its_own() -> None:
    with Server(answer(b"", "503 Busy"), token()) as server:
        source(server.url).request_token()
        first, second = (assertion(request).claims["jti"] for request in server.requests)
    assert first != second


def test_the_body_can_be_json() -> None:
    with LocalServer() as server:
        source(AuthorizationServer(server.token_url, body_format="json")).request_token()
        (request,) = server.token_requests
    assert set(request.json) == {"grant_type", "assertion"}  # type: ignore[call-overload]


# --- what it is --------------------------------------------------------------------------------


def test_an_adapter_takes_it_as_a_source() -> None:
    with LocalServer() as server, requests.Session() as session:
        bearer = source(server.token_url, scope="read")
        assert isinstance(bearer, TokenSource)
        mount(session, ClientCredentialsAdapter(bearer, origins=server.api_url, cache=TokenCache()))
        statuses = [session.get(server.api_url, timeout=10).status_code for _ in range(3)]
        server.revoke_tokens()
        statuses.append(session.get(server.api_url, timeout=10).status_code)
        assert statuses == [200] * 4
        assert len(server.token_requests) == 2


def test_an_adapter_asks_where_its_tokens_go() -> None:
    with pytest.raises(ConfigurationError, match=r"pass origins="):
        ClientCredentialsAdapter(source(audience=URL))


def test_a_cache_requests_once_for_sources_that_are_equal() -> None:
    cache = TokenCache()
    with LocalServer() as server:
        assert cache.token(source(server.token_url)) == cache.token(source(server.token_url))
        cache.token(source(server.token_url, subject="jane"))
        assert len(server.token_requests) == 2


DIFFERENT: list[dict[str, Any]] = [
    {},
    {"server": f"{URL}2"},
    {"issuer": "other"},
    {"key": ECKey.generate_key("P-256")},
    {"key": RSA_KEY},
    {"key": RSA_KEY, "alg": "PS256"},
    {"subject": "jane"},
    {"subject": ""},
    {"audience": "https://auth.example.com"},
    {"scope": "read"},
    {"claims": {"scope": "read"}},
    {"claims": {"a": "1"}},
    {"claims": {"a": 1}},
    {"claims": {"a": None}},
    {"claims": {"a": [1]}},
]


def test_whatever_shapes_the_token_is_in_the_key() -> None:
    keys = [source(**settings).cache_key for settings in DIFFERENT]
    assert len(set(keys)) == len(DIFFERENT)
    assert {type(key) for key in keys} == {str}


@pytest.mark.parametrize(
    "settings",
    [
        {"key": PEM},
        {"key": PEM.encode()},
        {"key": KEY},
        {"subject": "me"},
        {"kid": "another name for the same key"},
        {"lifetime": 60},
        {"scope": []},
        {"server": AuthorizationServer(URL, timeout=1)},
        {"claims": {}},
    ],
)
def test_what_does_not_shape_the_token_is_not_in_the_key(settings: dict[str, Any]) -> None:
    assert source(**settings).cache_key == source().cache_key


def test_the_order_of_claims_does_not_count() -> None:
    one = source(claims={"a": 1, "b": {"c": 1, "d": 2}})
    other = source(claims={"b": {"d": 2, "c": 1}, "a": 1})
    assert one.cache_key == other.cache_key
    assert one == other


TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), min_size=1, max_size=3
)
CLAIMS = TEXTS.filter(lambda name: name not in {"iss", "sub", "aud", "iat", "exp", "jti"})
SETTINGS = st.fixed_dictionaries(
    {"issuer": TEXTS, "subject": TEXTS},
    optional={"audience": TEXTS, "scope": TEXTS, "claims": st.dictionaries(CLAIMS, TEXTS)},
)


@given(SETTINGS, SETTINGS)
def test_keys_are_equal_for_equal_settings_alone(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    for settings in (one, other):
        if not settings.get("claims"):
            settings.pop("claims", None)  # none is as good as an empty one
    same = one == other
    assert (source(key=KEY, **one).cache_key == source(key=KEY, **other).cache_key) is same


def test_a_key_means_the_same_in_each_process() -> None:
    code = (
        "import json, sys; from requests_cc import JWTBearer; "
        "s = json.loads(sys.argv[1]); print(JWTBearer(s.pop('server'), **s).cache_key)"
    )
    settings = {"server": URL, "issuer": "me", "key": JWK, "claims": {"a": {"b": 1}}}
    there = printed_by(code, json.dumps(settings))
    assert there == source(claims={"a": {"b": 1}}).cache_key


def test_it_is_a_value() -> None:
    bearer = source(scope=["read", "write"], claims={"a": 1})
    assert bearer == source(scope="read write", claims={"a": 1})
    assert hash(bearer) == hash(source(scope="read write", claims={"a": 2}, key=KEY))
    assert bearer != source(scope="read")
    changed = dataclasses.replace(bearer, subject="jane")
    assert (changed.subject, changed.scope, changed.claims) == ("jane", "read write", {"a": 1})
    assert dataclasses.replace(changed, subject=None) == bearer
    other_key = dataclasses.replace(bearer, key=RSA_KEY)
    assert other_key == source(scope="read write", claims={"a": 1}, key=RSA_KEY)
    with pytest.raises(dataclasses.FrozenInstanceError):
        bearer.issuer = "other"  # type: ignore[misc]


def test_claims_that_are_changed_afterwards_change_nothing() -> None:
    claims: dict[str, Any] = {"roles": ["reader"]}
    bearer = source(claims=claims)
    claims["roles"].append("admin")
    claims["more"] = 1
    assert bearer == source(claims={"roles": ["reader"]})


def test_a_pickle_is_as_good_as_the_original() -> None:
    with Server(token()) as server:
        bearer = source(server.url, scope="read", claims={"a": 1})
        copy = pickle.loads(pickle.dumps(bearer))
        assert copy == bearer
        assert copy.cache_key == bearer.cache_key
        assert copy.request_token().value == "token-1"
        assert assertion(server.requests[0]).claims["a"] == 1


def test_its_repr_and_its_label_show_no_secret() -> None:
    bearer = source(f"{URL}?key=k3yk3y", key=PEM, subject="jane", claims={"a": "hunter2"})
    assert repr(bearer) == f"JWTBearer('{URL}', issuer='me', subject='jane', lifetime=300)"
    assert bearer.label == f"me at {URL}"
    for name, settings in {"scope": "read", "kid": "k1", "alg": "ES256", "audience": "aud"}.items():
        assert f"{name}={settings!r}" in repr(source(**{name: settings}))


# --- what is wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"server": None}, "server must be a non-empty str; it is missing"),
        ({"server": "http://auth.example.com/token"}, "plain http"),
        ({"issuer": ""}, "issuer must be a non-empty str; it is empty"),
        ({"issuer": 7}, "issuer must be a non-empty str; it is int"),
        ({"subject": 0}, "subject must be"),
        ({"subject": False}, "subject must be"),
        ({"audience": ""}, "audience must be"),
        ({"audience": ["a"]}, "audience must be"),
        ({"scope": 7}, "scope must be"),
        ({"kid": 7}, "kid must be"),
        ({"alg": ["ES256"]}, "alg ['ES256'] does not fit"),
        ({"alg": "RS256"}, "RS256"),
        ({"lifetime": 0}, "lifetime must be 1 to"),
        ({"lifetime": True}, "lifetime must be 1 to"),
        ({"lifetime": "60"}, "lifetime must be 1 to"),
        ({"claims": [("a", 1)]}, "claims must be a mapping"),
        ({"claims": {"iss": "x"}}, "claims repeats 'iss': use issuer= instead"),
        ({"claims": {"sub": "x"}}, "claims repeats 'sub': use subject= instead"),
        ({"claims": {"aud": ["x"]}}, "claims repeats 'aud': use audience= instead"),
        ({"claims": {"exp": 1}}, "claims repeats 'exp': use lifetime= instead"),
        ({"claims": {"exp": None}}, "claims repeats 'exp'"),
        ({"claims": {"iat": 1}}, "claims repeats 'iat': it is the time of each request"),
        ({"claims": {"jti": "x"}}, "claims repeats 'jti': it is new in each assertion"),
        ({"claims": {"a": object()}}, "claims holds something that JSON cannot"),
        ({"claims": {"a": float("nan")}}, "claims holds something that JSON cannot"),
        ({"claims": {("a",): 1}}, "claims holds something that JSON cannot"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        source(**settings)
    assert words in str(raised.value)


def test_claims_without_end_are_refused() -> None:
    claims: dict[str, Any] = {}
    claims["itself"] = claims
    with pytest.raises(ConfigurationError, match="claims holds something that JSON cannot"):
        source(claims=claims)


PRIVATE = [PEM.splitlines()[1], RSA_PEM.splitlines()[1], JWK["d"]]


def shown_by(error: BaseException) -> Iterator[str]:
    yield str(error)
    yield repr(error)
    yield repr(vars(error))
    yield repr(pickle.dumps(error))
    yield "".join(traceback.format_exception(error))


def frames_of(error: BaseException) -> Iterator[str]:
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_globals["__name__"].startswith("requests_cc"):
            yield repr(frame.f_locals)


@pytest.mark.parametrize(
    "key",
    [
        None,
        7,
        "",
        "no key",
        PEM[:100],
        PEM.replace("\n", "\\n"),
        KEY.as_pem(private=False),
        KEY.as_dict(private=False),
        ECKey.import_key(KEY.as_dict(private=False)),
        {**JWK, "x": "?"},
        {"kty": "oct", "k": JWK["d"]},
        [JWK],
    ],
    ids=[
        "None",
        "int",
        "empty",
        "text",
        "torn PEM",
        "PEM in one line",
        "public PEM",
        "public JWK",
        "public key",
        "broken JWK",
        "shared secret",
        "list",
    ],
)
def test_an_invalid_private_key_is_refused_and_not_shown(key: Any) -> None:
    with pytest.raises(ConfigurationError, match="key ") as raised:
        source(key=key)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    for text in shown_by(raised.value):
        assert not [part for part in PRIVATE if part in text]


@pytest.mark.parametrize("key", [PEM, JWK, KEY, RSA_PEM], ids=["PEM", "JWK", "key", "RSA"])
@pytest.mark.parametrize(
    ("bad", "error_type"),
    [
        (
            answer({"error": "invalid_grant", "error_description": "expired"}, "400 Bad"),
            InvalidGrant,
        ),
        (answer("<html>"), InvalidTokenResponse),
        (answer(b"", "302 Found"), InvalidTokenResponse),
    ],
)
def test_no_error_of_a_request_shows_the_key(key: Any, bad: bytes, error_type: type) -> None:
    with Server(bad) as server:
        bearer = source(server.url, key=key, claims={"a": "hunter2"})
        with pytest.raises(TokenRequestError) as raised:
            bearer.request_token()
        (text,) = server.requests[0].form["assertion"]
    assert type(raised.value) is error_type
    assert raised.value.__context__ is None
    for shown in [*shown_by(raised.value), *frames_of(raised.value)]:
        assert not [part for part in (*PRIVATE, text, "hunter2") if part in shown]


def test_a_server_that_repeats_the_assertion_is_not_quoted() -> None:
    def echo(request: Request) -> bytes:
        (text,) = server.requests[-1].form["assertion"]
        words = {"error": "invalid_grant", "error_description": f"bad {text} here"}
        return answer(words, "400 Bad")

    with Server(echo) as server, pytest.raises(InvalidGrant) as raised:
        source(server.url).request_token()
    assert raised.value.error_description == "bad [hidden] here"


def test_a_refusal_says_what_to_check() -> None:
    bad = answer({"error": "invalid_grant"}, "400 Bad")
    with Server(bad) as server, pytest.raises(InvalidGrant, match="this machine's clock"):
        source(server.url).request_token()


def test_the_error_says_when_to_retry() -> None:
    busy = answer(b"", "503 Busy", {"Retry-After": "60"})
    with Server(busy) as server, pytest.raises(TokenRequestError) as raised:
        source(server.url).request_token()
    assert raised.value.retry_at == pytest.approx(time.time() + 60, abs=5)


def test_an_error_of_the_users_own_shows_no_key() -> None:
    class Raising(requests.adapters.HTTPAdapter):
        def send(self, *_: Any, **__: Any) -> requests.Response:
            raise LookupError("theirs")

    session = requests.Session()
    session.mount("https://", Raising())
    with pytest.raises(TokenRequestError, match="LookupError: theirs") as raised:
        source(AuthorizationServer(URL, session=session), key=PEM).request_token()
    for shown in frames_of(raised.value):
        assert not [part for part in (*PRIVATE, "assertion=") if part in shown]


# --- Google's service accounts -----------------------------------------------------------------

# The page "Using OAuth 2.0 for Server to Server Applications" of Google Identity, HTTP/REST:
# https://developers.google.com/identity/protocols/oauth2/service-account#httprest
SCOPE = "https://www.googleapis.com/auth/devstorage.read_only"
EMAIL = "761326798069-r5mljlln1rd4lrbhg75efgigp36m78j5@developer.gserviceaccount.com"
ACCOUNT = {
    "type": "service_account",
    "project_id": "a-project",
    "private_key_id": "370ab79b4513eb9bad7c9bd16a95cb76b5b2a56a",
    "private_key": RSA_PEM,
    "client_email": EMAIL,
    "client_id": "1",
    "token_uri": "https://oauth2.googleapis.com/token",
}


def in_a_file(folder: Path, account: object) -> Path:
    path = folder / "account.json"
    path.write_text(account if isinstance(account, str) else json.dumps(account))
    return path


def segments(text: str) -> Iterator[str]:
    for part in text.split(".")[:2]:
        yield base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()


GIVEN: dict[str, Callable[[Path], Any]] = {
    "path": lambda path: path,
    "text": str,
    "mapping": lambda path: json.loads(path.read_text()),
}


@pytest.mark.parametrize("given_as", GIVEN)
@pytest.mark.parametrize("subject", [None, "some.user@example.com"])
def test_the_request_is_what_google_documents(
    given_as: str, subject: str | None, tmp_path: Path
) -> None:
    with Server(token("1/8xbJqaOZXSUZbHLl5EOtu1pxz3fmmetKx9W8CV4t79M")) as server:
        account = GIVEN[given_as](in_a_file(tmp_path, {**ACCOUNT, "token_uri": server.url}))
        bearer = JWTBearer.from_google_service_account(account, SCOPE, subject=subject)
        before = int(time.time())
        assert bearer.request_token().value.startswith("1/8xbJ")
        (request,) = server.requests
        url = server.url
    (text,) = request.form["assertion"]
    assert (request.method, request.target) == ("POST", "/token")
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in request.headers
    assert request.body.decode() == f"grant_type={quote(GRANT, safe='')}&assertion={text}"
    header, claim_set = segments(text)
    assert header == f'{{"alg":"RS256","typ":"JWT","kid":"{ACCOUNT["private_key_id"]}"}}'
    claims = json.loads(claim_set)
    assert before - 5 <= claims["iat"] <= time.time()
    expected = {"iss": EMAIL, "scope": SCOPE, "aud": url, "exp": claims["iat"] + 3600}
    if subject is not None:
        expected["sub"] = subject
    assert claims == {**expected, "iat": claims["iat"]}
    assert assertion(request, RSA_KEY, "RS256")  # the signature


def test_scopes_are_joined_with_a_space() -> None:
    bearer = JWTBearer.from_google_service_account(ACCOUNT, ["a", "b"])
    assert bearer.claims == {"scope": "a b", "jti": None}
    assert (
        bearer.cache_key
        != JWTBearer.from_google_service_account(ACCOUNT, ["b", "a"], subject="x").cache_key
    )


def test_how_google_is_reached_can_be_set_afterwards() -> None:
    bearer = JWTBearer.from_google_service_account(ACCOUNT, SCOPE)
    assert isinstance(bearer.server, AuthorizationServer)
    server = dataclasses.replace(bearer.server, timeout=3)
    changed = dataclasses.replace(bearer, server=server)
    assert changed.claims == bearer.claims
    assert changed.cache_key == bearer.cache_key


def test_two_readings_of_one_file_are_equal(tmp_path: Path) -> None:
    path = in_a_file(tmp_path, ACCOUNT)
    one, other = (JWTBearer.from_google_service_account(path, SCOPE) for _ in range(2))
    assert one == other
    assert one.cache_key == other.cache_key
    assert repr(one) == (
        f"JWTBearer('https://oauth2.googleapis.com/token', issuer='{EMAIL}', "
        f"kid='{ACCOUNT['private_key_id']}', lifetime=3600)"
    )


def google_failure(given: Any, scope: Any = SCOPE) -> str:
    """What is said of a wrong account, of which nothing is shown."""
    with pytest.raises(ConfigurationError) as raised:
        JWTBearer.from_google_service_account(given, scope)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    for shown in [*shown_by(raised.value), *frames_of(raised.value)]:
        assert not [part for part in PRIVATE if part in shown]
    return str(raised.value)


@pytest.mark.parametrize("name", ["client_email", "private_key", "private_key_id", "token_uri"])
@pytest.mark.parametrize("value", ["absent", None, "", 7])
def test_a_missing_member_is_named(name: str, value: object, tmp_path: Path) -> None:
    account = {**ACCOUNT, name: value}
    if value == "absent":
        del account[name]
    for given_account in (account, in_a_file(tmp_path, account)):
        words = google_failure(given_account)
        assert f"not the key file of a Google service account: it has no {name}; " in words


@pytest.mark.parametrize("other", [{"type": "authorized_user", "refresh_token": "x"}, [], 7, None])
def test_another_file_is_none_of_a_service_account(other: object, tmp_path: Path) -> None:
    words = google_failure(in_a_file(tmp_path, other))
    assert "it has no client_email, private_key, private_key_id, token_uri; download the" in words


@pytest.mark.parametrize(
    "text",
    ["", "no JSON", "[" * 200_000, "{", json.dumps(ACCOUNT)[:-1]],
    ids=["empty", "text", "deep", "brace", "torn"],
)
def test_a_file_that_is_not_json_is_named(text: str, tmp_path: Path) -> None:
    path = in_a_file(tmp_path, text)
    assert google_failure(path) == (
        f"the service account's key file {path} cannot be read: it is not JSON"
    )


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.json"
    assert f"{missing} cannot be read: No such file or directory" in google_failure(missing)
    assert f"{tmp_path} cannot be read: Is a directory" in google_failure(str(tmp_path))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xff")
    assert "it is not JSON" in google_failure(tmp_path / "binary")


@pytest.mark.parametrize(
    "text", [json.dumps(ACCOUNT), json.dumps(ACCOUNT, indent=2), RSA_PEM, RSA_PEM.replace("\n", "")]
)
def test_the_files_text_is_not_taken_for_a_path(text: str) -> None:
    assert "or json.loads(text)" in google_failure(text)


@pytest.mark.parametrize("given_account", [None, 7, b"/account.json", [ACCOUNT]])
def test_what_is_neither_path_nor_mapping_is_refused(given_account: object) -> None:
    assert "path_or_dict must be" in google_failure(given_account)


@pytest.mark.parametrize("scope", [None, "", []])
def test_google_wants_a_scope(scope: object, tmp_path: Path) -> None:
    assert "scope is missing" in google_failure(ACCOUNT, scope)
    assert "scope is missing" in google_failure(in_a_file(tmp_path, ACCOUNT), scope)


def test_a_wrong_scope_is_named() -> None:
    assert "scope must be" in google_failure(ACCOUNT, 7)


@pytest.mark.parametrize(
    "change",
    [
        {"private_key": RSA_PEM[:500]},
        {"private_key": RSA_KEY.as_pem(private=False).decode()},
        {"token_uri": "http://oauth2.googleapis.com/token"},
    ],
    ids=["cut", "public", "plain http"],
)
def test_a_wrong_member_of_the_file_shows_no_key(change: dict[str, str], tmp_path: Path) -> None:
    google_failure(in_a_file(tmp_path, {**ACCOUNT, **change}))
    google_failure({**ACCOUNT, **change})


# --- any other grant: token exchange -----------------------------------------------------------

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
SUBJECT_TOKEN = "accVkjcJyb4BWCxGsndESCJQbdFMogUC5PbRDqceLTC"


def exchanging(url: str) -> ClientCredentials:
    """The client of the example in RFC 8693 §2.3."""
    return ClientCredentials(
        url,
        "rs08",
        "long-secure-random-secret",
        grant_type="urn:ietf:params:oauth:grant-type:token-exchange",
        resource="https://backend.example.com/api",
        params={"subject_token": SUBJECT_TOKEN, "subject_token_type": ACCESS_TOKEN},
    )


def test_a_token_exchange_is_what_the_rfc_shows() -> None:
    with Server(token(issued_token_type=ACCESS_TOKEN)) as server:
        issued = exchanging(server.url).request_token()
        (request,) = server.requests
    assert request.headers["Authorization"] == "Basic cnMwODpsb25nLXNlY3VyZS1yYW5kb20tc2VjcmV0"
    assert request.body == (
        b"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange"
        b"&resource=https%3A%2F%2Fbackend.example.com%2Fapi"
        b"&subject_token=accVkjcJyb4BWCxGsndESCJQbdFMogUC5PbRDqceLTC"
        b"&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token"
    )
    assert issued.extra == {"issued_token_type": ACCESS_TOKEN}


def test_its_types_are_shown_in_the_servers_words_and_its_tokens_are_not() -> None:
    words = f"{ACCESS_TOKEN}: {SUBJECT_TOKEN} is none"
    bad = answer({"error": "invalid_request", "error_description": words}, "400 Bad")
    with Server(bad) as server, pytest.raises(InvalidRequest) as raised:
        exchanging(server.url).request_token()
    assert raised.value.error_description == f"{ACCESS_TOKEN}: [hidden] is none"
