"""Where metadata is looked for, what of it is believed, and what becomes of it (RFC 8414, 9728)."""

from __future__ import annotations

import base64
import copy
import dataclasses
import pickle
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given, strategies as st

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    ConfigurationError,
    InvalidClient,
    InvalidTokenResponse,
    ServerError,
    TemporarilyUnavailable,
    TokenEndpointTimeout,
    TokenEndpointUnreachable,
    TokenRequestError,
)
from requests_cc.http.shown import readable
from requests_cc.server.well_known import is_same_issuer
from tests.support.scripts import answer, hang
from tests.support.server import PATIENCE, Server

RFC8414 = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
RESOURCE = "/.well-known/oauth-protected-resource"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(path="") as running:
        yield running


def discover_for(url: str, **settings: Any) -> AuthorizationServer:
    return AuthorizationServer.discover_for(
        url, **{"timeout": PATIENCE / 2, "issuers": ["https://auth.example.com"], **settings}
    )


def discover(url: str, **settings: Any) -> AuthorizationServer:
    return AuthorizationServer.discover(url, **{"timeout": PATIENCE / 2, **settings})


def found(url: str, **settings: Any) -> str:
    return discover(url, **settings).token_endpoint


def failure(url: str, **settings: Any) -> TokenRequestError:
    with pytest.raises(TokenRequestError) as raised:
        found(url, **settings)
    return raised.value


def document(issuer: str, **members: object) -> dict[str, Any]:
    return {"issuer": issuer, "token_endpoint": "https://auth.example.com/token", **members}


# --- where it is looked for --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "locations"),
    [
        ("", [RFC8414, OPENID]),
        ("/", [RFC8414, OPENID]),
        ("/t", [f"{RFC8414}/t", f"/t{OPENID}", f"{OPENID}/t"]),
        ("/t/", [f"{RFC8414}/t", f"/t{OPENID}", f"{OPENID}/t"]),
        ("/a/b", [f"{RFC8414}/a/b", f"/a/b{OPENID}", f"{OPENID}/a/b"]),
        ("/a%2Fb", [f"{RFC8414}/a%2Fb", f"/a%2Fb{OPENID}", f"{OPENID}/a%2Fb"]),
        (RFC8414, [RFC8414]),
        (f"{OPENID}/", [f"{OPENID}/"]),
        (f"{OPENID}/t", [f"{OPENID}/t"]),
        (f"/t{OPENID}", [f"/t{OPENID}"]),
        (f"/t{OPENID}?v=1", [f"/t{OPENID}?v=1"]),
        ("/.well-known/example-configuration", ["/.well-known/example-configuration"]),
        # No document's URL is like this: an issuer that somebody chose to name so.
        (f"/a{OPENID}/b", [f"{RFC8414}/a{OPENID}/b", f"/a{OPENID}/b{OPENID}",
                           f"{OPENID}/a{OPENID}/b"]),
        ("/.well-known/", [f"{RFC8414}/.well-known", f"/.well-known{OPENID}",
                           f"{OPENID}/.well-known"]),
    ],
)  # fmt: skip
def test_each_location_is_tried_in_order_and_listed(
    server: Server, path: str, locations: list[str]
) -> None:
    message = str(failure(server.url + path))
    assert server.targets == locations
    for location in locations:
        assert f"{server.url}{location.partition('?')[0]}: it returned 404" in message


@pytest.mark.parametrize("path", ["", "/", "/t", "/t/"])
@pytest.mark.parametrize("location", [0, 1, 2])
def test_the_document_of_any_location_will_do(server: Server, path: str, location: int) -> None:
    bare = path.removesuffix("/")
    at = [f"{RFC8414}{bare}", f"{bare}{OPENID}", f"{OPENID}{bare}"][location]
    server.routes[at] = document(f"{server.url}{path}", token_endpoint=f"{server.url}/token")
    discovered = discover(f"{server.url}{path}")
    assert discovered.token_endpoint == f"{server.url}/token"
    assert discovered.issuer == f"{server.url}{path}"
    assert server.targets[-1] == at


@pytest.mark.parametrize(
    ("at", "issuer"),
    [
        (OPENID, ""),
        (f"{OPENID}/t", "/t"),
        (f"/t{RFC8414}", "/t/"),
        (f"/t{OPENID}?v=1", "/t"),
        ("/a/b/.well-known/example-configuration", "/a/b"),
    ],
)
def test_a_documents_own_url_will_do(server: Server, at: str, issuer: str) -> None:
    server.routes[at] = document(f"{server.url}{issuer}")
    assert found(f"{server.url}{at}") == "https://auth.example.com/token"
    assert server.targets == [at]


def test_the_first_document_that_can_be_used_is_used(server: Server) -> None:
    server.routes[RFC8414] = document("https://other.example.com")
    server.routes[OPENID] = document(server.url, token_endpoint="https://second.example.com/")
    assert found(server.url) == "https://second.example.com/"


# --- the issuer must match -----------------------------------------------------------------------


@pytest.mark.parametrize("given", ["", "/"])
@pytest.mark.parametrize("written", ["", "/"])
@pytest.mark.parametrize("path", ["", "/t"])
def test_a_slash_at_the_end_makes_no_other_issuer(
    server: Server, path: str, given: str, written: str
) -> None:
    server.routes[f"{path}{OPENID}"] = document(f"{server.url}{path}{written}")
    discovered = discover(f"{server.url}{path}{given}")
    assert discovered.issuer == f"{server.url}{path}{written}", "as the server writes it"


def test_the_hosts_letter_case_makes_no_other_issuer(server: Server) -> None:
    server.routes[f"/T{OPENID}"] = document(f"http://localhost:{server.port}/T")
    assert found(f"HTTP://LocalHost:{server.port}/T")


@pytest.mark.parametrize(
    "issuer",
    [
        "https://evil.example.com/t",
        "{url}/T",
        "{url}",
        "{url}/t/u",
        "{url}/t//",
        "{url}/t?",
        "{url}/t#",
        "{url}/./t",
        " {url}/t",
        "{url}/t\n",
        "http://me@127.0.0.1/t",
        "http://[",
        "",
        None,
        7,
        ["{url}/t"],
    ],
)
def test_the_document_of_another_issuer_is_not_used(server: Server, issuer: object) -> None:
    other = issuer.format(url=server.url) if isinstance(issuer, str) else issuer
    server.routes[f"/t{OPENID}"] = {"issuer": other, "token_endpoint": server.url}
    error = failure(f"{server.url}/t")
    assert type(error) is InvalidTokenResponse
    assert f'{server.url}/t{OPENID}: its "issuer" is {readable(other)}' in str(error)
    assert f"; it must be {server.url}/t" in str(error)
    assert str(error).isprintable()


def test_a_document_without_an_issuer_is_not_used(server: Server) -> None:
    server.routes[RFC8414] = {"token_endpoint": f"{server.url}/token"}
    assert 'its "issuer" is missing' in str(failure(server.url))


def test_a_documents_own_words_are_shown_in_part() -> None:
    assert readable("https://h/" + "a" * 1000) == "https://h/" + "a" * 290 + "…"
    assert readable("https://h/" + "a" * 290) == "https://h/" + "a" * 290
    assert readable("https://h/a\x1b[2J?key=s3cret") == "https://h/a\ufffd[2J…"
    assert readable(7) == "not a str but int"


_urls = st.from_regex(r"https?://[A-Za-z.]{1,9}(/[A-Za-z/]{0,9})?", fullmatch=True) | st.text()


@given(_urls, st.text(min_size=1))
def test_a_slash_is_all_that_may_follow(url: str, more: str) -> None:
    assert is_same_issuer(url, url)
    assert is_same_issuer(f"{url}x", f"{url}x{more}") == (more == "/")
    assert is_same_issuer(f"{url}x{more}", f"{url}x") == (more == "/")


@given(_urls, _urls)
def test_two_issuers_that_are_the_same_differ_in_case_and_slash_alone(one: str, other: str) -> None:
    assert is_same_issuer(one, other) == is_same_issuer(other, one)
    if is_same_issuer(one, other):
        assert one.removesuffix("/").lower() == other.removesuffix("/").lower()


# --- failures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (answer(b"<html>Welcome</html>", "200 X"), "it returned 200 without a JSON object"),
        (answer(b'["issuer"]', "200 X"), "it returned 200 without a JSON object"),
        (answer(status="200 X"), "it returned 200 without a JSON object"),
        (answer(status="204 X"), "it returned 204"),
        (
            answer(status="302 X", headers={"Location": "/elsewhere"}),
            "it returned 302, a redirect to http://127.0.0.1:",
        ),
        (answer(b'{"error": "invalid_client"}', "401 X"), "it returned 401"),
        (answer(status="403 X"), "it returned 403"),
        (answer(b" " * (1024 * 1024 + 1), "200 X"), "the response is larger than 1048576 bytes"),
    ],
)
def test_an_invalid_document_is_reported_and_the_next_location_tried(
    server: Server, answer: bytes, words: str
) -> None:
    server.routes = {RFC8414: answer, "/elsewhere": document(server.url)}
    error = failure(server.url)
    assert type(error) is InvalidTokenResponse
    assert f"{server.url}{RFC8414}: {words}" in str(error)
    assert f"{server.url}{OPENID}: it returned 404" in str(error)
    assert str(error).startswith(f"no metadata of the issuer {server.url} was found: ")
    assert server.targets == [RFC8414, OPENID], "no redirect is followed"
    server.routes[OPENID] = document(server.url)
    assert found(server.url)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(500, ServerError), (502, ServerError), (503, TemporarilyUnavailable)],
)
def test_a_failing_server_is_a_passing_failure(
    server: Server, status: int, kind: type[TokenRequestError]
) -> None:
    server.routes[RFC8414] = answer(status=f"{status} X", headers={"Retry-After": "12"})
    error = failure(server.url)
    assert type(error) is kind
    assert (error.error, error.status_code, error.retry_after) == (None, status, 12.0)
    assert not error.permanent
    assert f"{server.url}{RFC8414}: it returned {status}" in str(error)
    assert server.targets == [RFC8414, OPENID], "it may fail at this one path"


def test_a_limited_rate_is_not_strained(server: Server) -> None:
    limited = answer(status="429 X", headers={"Retry-After": "3"})
    server.routes = {RFC8414: limited, OPENID: document("x")}
    error = failure(server.url)
    assert type(error) is TemporarilyUnavailable
    assert error.retry_after == 3.0
    assert server.targets == [RFC8414]


@pytest.mark.rule(18)
@pytest.mark.parametrize("hanging", [0, 1])
def test_a_hang_costs_one_timeout(server: Server, hanging: int) -> None:
    server.routes[[f"{RFC8414}/t", f"/t{OPENID}"][hanging]] = hang
    began = time.monotonic()
    error = failure(f"{server.url}/t", timeout=(2.0, 1.0))
    assert type(error) is TokenEndpointTimeout
    assert time.monotonic() - began < PATIENCE / 2
    assert len(server.requests) == hanging + 1
    assert str(error).count("it returned 404") == hanging


def test_what_ended_the_search_is_what_is_raised(server: Server) -> None:
    server.routes = {RFC8414: answer(status="503 X", headers={"Retry-After": "9"}), OPENID: hang}
    error = failure(server.url, timeout=(2.0, 1.0))
    assert type(error) is TokenEndpointTimeout
    assert error.retry_after is None
    assert "it returned 503" in str(error)


def test_a_host_that_refuses_gets_one_request() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    error = failure(f"http://127.0.0.1:{port}/t")
    assert type(error) is TokenEndpointUnreachable
    assert str(error).count("could not be reached: Connection refused") == 1
    assert str(error).count("/.well-known/") == 1


def test_a_failure_of_tls_is_permanent_as_at_the_token_endpoint(server: Server) -> None:
    server.play = lambda connection: connection.send(b"no TLS")
    error = failure(f"https://127.0.0.1:{server.port}")
    assert type(error) is TokenEndpointUnreachable
    assert error.permanent
    assert "TLS with" in str(error)


def test_no_query_is_shown(server: Server) -> None:
    message = str(failure(f"{server.url}{OPENID}?key=s3cret"))
    assert server.targets == [f"{OPENID}?key=s3cret"]
    assert "s3cret" not in message


# --- what is sent --------------------------------------------------------------------------------


def test_no_credentials_are_sent(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password s3cret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    credentials = ClientCredentials(discover(server.url), "me", "s3cret")
    with pytest.raises(TokenRequestError):
        credentials.request_token()
    assert len(server.requests) == 2
    for seen in server.requests:
        assert (seen.method, seen.body) == ("GET", b"")
        assert seen.headers["Accept"] == "application/json"
        assert seen.headers["Accept-Encoding"] == "identity"
        assert {"Authorization", "Cookie", "DPoP"}.isdisjoint(seen.headers)


def test_a_session_adds_its_headers_and_keeps_its_auth_for_the_endpoints(
    server: Server,
) -> None:
    session = requests.Session()
    session.headers["X-Gateway"] = "yes"
    session.auth = ("me", "s3cret")
    failure(server.url, session=session)
    assert {seen.headers["X-Gateway"] for seen in server.requests} == {"yes"}
    assert not any("Authorization" in seen.headers for seen in server.requests)


def test_no_cookie_is_kept_from_one_location_to_the_next(server: Server) -> None:
    server.routes[RFC8414] = answer(status="404 X", headers={"Set-Cookie": "a=b"})
    failure(server.url)
    assert not any("Cookie" in seen.headers for seen in server.requests)


# --- plain http ----------------------------------------------------------------------------------


@pytest.mark.rule(18)
@pytest.mark.parametrize("make", [AuthorizationServer.discover, discover_for])
def test_plain_http_beyond_loopback_is_refused_at_once(make: Any) -> None:
    with pytest.raises(ConfigurationError, match="plain http"):
        make("http://auth.example.com")
    assert make("http://auth.example.com", allow_http=True)


def trusting(url: str) -> AuthorizationServer:
    return AuthorizationServer.discover_for("https://api.example.com", issuers=[url])


@pytest.mark.parametrize("make", [AuthorizationServer.discover, discover_for, trusting])
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("/path?key=s3cret", "not a valid URL"),
        ("https://me:s3cret@auth.example.com", "holds a user name"),
        ("https://auth.example.com#s3cret", "has a fragment"),
        ("http://auth.example.com?key=s3cret", "plain http"),
    ],
)
def test_a_url_to_begin_with_is_refused_at_once(make: Any, url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as raised:
        make(url)
    assert "s3cret" not in str(raised.value)


@pytest.mark.rule(18)
@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("http://auth.example.com/token?key=s3cret", "plain http"),
        ("ftp://auth.example.com/token", "not a valid URL"),
        ("/token", "not a valid URL"),
        ("", "token_endpoint"),
        (7, "token_endpoint"),
        (None, "names no token_endpoint"),
    ],
)
def test_an_endpoint_in_the_document_is_held_to_the_same_rules(
    server: Server, endpoint: object, words: str
) -> None:
    server.routes[RFC8414] = document(server.url, token_endpoint=endpoint)
    with pytest.raises(InvalidTokenResponse, match=re.escape(words)) as raised:
        ClientCredentials(discover(server.url), "me", "s3cret").request_token()
    assert "s3cret" not in str(raised.value)
    assert [seen.method for seen in server.requests] == ["GET"], "nothing went to an endpoint"


@pytest.mark.rule(18)
def test_plain_http_in_the_document_can_be_allowed(server: Server) -> None:
    server.routes[RFC8414] = document(server.url, token_endpoint="http://auth.example.com/token")
    assert found(server.url, allow_http=True) == "http://auth.example.com/token"


# --- and then ------------------------------------------------------------------------------------

TOKEN = {"access_token": "t0ken", "token_type": "Bearer", "expires_in": 3600}


@pytest.mark.parametrize(
    ("methods", "sent"),
    [
        (None, "Basic bWU6czNjcmV0"),
        (["client_secret_basic", "client_secret_post"], "Basic bWU6czNjcmV0"),
        (["client_secret_post", "private_key_jwt"], None),
    ],
)
def test_a_token_is_requested_as_the_metadata_says(
    server: Server, methods: list[str] | None, sent: str | None
) -> None:
    named = {"token_endpoint_auth_methods_supported": methods} if methods else {}
    server.routes[f"{RFC8414}/t"] = document(
        f"{server.url}/t", token_endpoint=f"{server.url}/a", **named
    )
    server.routes["/a"] = TOKEN
    credentials = ClientCredentials(discover(f"{server.url}/t"), "me", "s3cret")
    assert credentials.request_token().value == "t0ken"
    assert credentials.request_token().value == "t0ken"
    assert server.targets == [f"{RFC8414}/t", "/a", "/a"]
    request = server.requests[1]
    assert request.headers["Authorization"] == sent
    body = b"grant_type=client_credentials"
    assert request.body == (body if sent else body + b"&client_id=me&client_secret=s3cret")
    assert base64.b64decode("bWU6czNjcmV0") == b"me:s3cret"


def test_an_endpoint_that_moved_is_looked_up_anew(server: Server) -> None:
    server.routes = {
        RFC8414: document(server.url, token_endpoint=f"{server.url}/old"),
        "/old": TOKEN,
    }
    credentials = ClientCredentials(discover(server.url), "me", "s3cret")
    credentials.request_token()
    server.routes = {
        RFC8414: document(server.url, token_endpoint=f"{server.url}/new"),
        "/new": TOKEN,
    }
    with pytest.raises(InvalidTokenResponse, match="404"):
        credentials.request_token()
    assert credentials.request_token().value == "t0ken"
    assert server.targets == [RFC8414, "/old", "/old", RFC8414, "/new"]


def test_a_wrong_secret_causes_no_look_up(server: Server) -> None:
    server.routes = {
        RFC8414: document(server.url, token_endpoint=f"{server.url}/token"),
        "/token": answer(b'{"error": "invalid_client"}', "401 X"),
    }
    credentials = ClientCredentials(discover(server.url), "me", "s3cret")
    for _ in range(2):
        with pytest.raises(InvalidClient):
            credentials.request_token()
    assert server.targets == [RFC8414, "/token", "/token"]


def test_metadata_that_fails_in_passing_is_tried_again_by_the_same_request(
    server: Server,
) -> None:
    answers = [answer(status="503 X"), document(server.url, token_endpoint=f"{server.url}/token")]
    server.routes = {RFC8414: lambda _: answers.pop(0), "/token": TOKEN}
    credentials = ClientCredentials(discover(server.url), "me", "s3cret")
    assert credentials.request_token().value == "t0ken"
    assert server.targets == [RFC8414, OPENID, RFC8414, "/token"]


def test_equal_servers_have_equal_keys_and_no_document_in_them(server: Server) -> None:
    server.routes[RFC8414] = document(server.url)
    one, other = discover(server.url), discover(server.url)
    assert one.token_endpoint
    assert one == other
    assert one.key_part == other.key_part
    assert one.key_part != discover(f"{server.url}/t").key_part
    assert one.key_part != AuthorizationServer(server.url).key_part
    assert one.key_part != discover_for(server.url).key_part


# --- the server of a resource (RFC 9728) ---------------------------------------------------------


def resource_failure(url: str, **settings: Any) -> TokenRequestError:
    with pytest.raises(TokenRequestError) as raised:
        _ = discover_for(url, **settings).token_endpoint
    return raised.value


@pytest.fixture
def auth() -> Iterator[Server]:
    """An authorization server with two tenants."""
    with Server(path="") as running:
        for tenant in ("/a", "/b"):
            running.routes[f"{RFC8414}{tenant}"] = document(
                f"{running.url}{tenant}", token_endpoint=f"{running.url}{tenant}/token"
            )
        yield running


@pytest.mark.parametrize(
    ("resource", "location"),
    [
        ("", RESOURCE),
        ("/", RESOURCE),
        ("/api", f"{RESOURCE}/api"),
        ("/api/", f"{RESOURCE}/api/"),
        ("/api/v1?tenant=blue", f"{RESOURCE}/api/v1?tenant=blue"),
    ],
)
def test_a_resource_names_its_server(
    server: Server, auth: Server, resource: str, location: str
) -> None:
    url = f"{server.url}{resource}"
    server.routes[location] = {
        "resource": url,
        "authorization_servers": [f"{auth.url}/a", f"{auth.url}/b"],
    }
    discovered = discover_for(url, issuers=[f"{auth.url}/a"])
    assert server.requests == auth.requests == []
    assert discovered.token_endpoint == f"{auth.url}/a/token"
    assert (server.targets, auth.targets) == ([location], [f"{RFC8414}/a"])


@pytest.mark.parametrize(
    ("asked", "written"),
    [("", "/"), ("/", ""), ("/api", "/api")],
)
def test_a_url_without_a_path_has_the_path_slash(
    server: Server, auth: Server, asked: str, written: str
) -> None:
    path = asked.removesuffix("/")
    server.routes[f"{RESOURCE}{path}"] = {
        "resource": f"http://localhost:{server.port}{written}",
        "authorization_servers": [f"{auth.url}/b"],
    }
    assert discover_for(
        f"http://LOCALHOST:{server.port}{asked}", issuers=[f"{auth.url}/b"]
    ).token_endpoint


@pytest.mark.parametrize(
    "resource",
    ["https://evil.example.com/api", "{url}", "{url}/api/", "{url}/API", "{url}/api?x", None, 7],
)
def test_the_document_of_another_resource_is_not_used(
    server: Server, auth: Server, resource: object
) -> None:
    other = resource.format(url=server.url) if isinstance(resource, str) else resource
    server.routes[f"{RESOURCE}/api"] = {
        "resource": other,
        "authorization_servers": [f"{auth.url}/a"],
    }
    error = resource_failure(f"{server.url}/api")
    assert type(error) is InvalidTokenResponse
    assert f'its "resource" is {readable(other)}' in str(error)
    assert auth.requests == []


@pytest.mark.parametrize(
    ("trusted", "chosen"),
    [
        (["/b"], "/b"),
        (["/b", "/a"], "/a"),  # the resource's order
        (["/c", "/b/"], "/b"),
    ],
)
def test_only_a_trusted_issuer_is_chosen(
    server: Server, auth: Server, trusted: list[str], chosen: str
) -> None:
    server.routes[RESOURCE] = {
        "resource": server.url,
        "authorization_servers": [
            7,
            "https://evil.example.com",
            *(f"{auth.url}/{t}" for t in "ab"),
        ],
    }
    issuers = [f"{auth.url}{path}" for path in trusted]
    assert discover_for(server.url, issuers=issuers).token_endpoint == f"{auth.url}{chosen}/token"
    assert auth.targets == [f"{RFC8414}{chosen}"]


@pytest.mark.parametrize(
    "named",
    [
        [f"https://{number}.evil.example.com" for number in range(1000)],
        ["https://user:pw@" + "evil" * 1000],
    ],
)
def test_a_resource_that_says_too_much_has_a_short_message(
    server: Server, auth: Server, named: list[str]
) -> None:
    server.routes[RESOURCE] = {"resource": server.url, "authorization_servers": named}
    error = resource_failure(server.url, issuers=[f"{auth.url}/a"])
    assert len(str(error)) < 1000


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (["https://evil.example.com/\x1b"], "it has https://evil.example.com/"),
        *(
            (nobody, "it has none")
            for nobody in ([], None, "https://auth.example.com", [["https://auth.example.com"]])
        ),
    ],
)
def test_if_no_issuer_is_trusted_no_request_is_made(
    server: Server, auth: Server, named: object, words: str
) -> None:
    server.routes[RESOURCE] = {"resource": server.url, "authorization_servers": named}
    error = resource_failure(server.url, issuers=[f"{auth.url}/a"])
    assert type(error) is InvalidTokenResponse
    assert words in str(error)
    assert "that issuers= trusts" in str(error)
    assert str(error).isprintable()
    assert auth.requests == []


def test_a_resource_without_metadata_is_reported(server: Server) -> None:
    error = resource_failure(f"{server.url}/api")
    assert str(error) == (
        f"no metadata of the resource {server.url}/api was found: {server.url}{RESOURCE}/api: it "
        f"returned 404; {server.url}{RESOURCE}: it returned 404"
    )


def test_a_resources_query_is_not_shown(server: Server) -> None:
    message = str(resource_failure(f"{server.url}/api?key=s3cret"))
    assert server.targets == [f"{RESOURCE}/api?key=s3cret", RESOURCE]
    assert "s3cret" not in message


def test_neither_document_outlasts_one_timeout(server: Server, auth: Server) -> None:
    server.routes[RESOURCE] = {"resource": server.url, "authorization_servers": [f"{auth.url}/a"]}
    auth.routes[f"{RFC8414}/a"] = hang
    began = time.monotonic()
    assert (
        type(resource_failure(server.url, issuers=[f"{auth.url}/a"], timeout=(2.0, 1.0)))
        is TokenEndpointTimeout
    )
    assert time.monotonic() - began < PATIENCE / 2
    assert (len(server.requests), len(auth.requests)) == (1, 1)


def test_a_live_401_chooses_no_server(server: Server, auth: Server) -> None:
    challenge = f'Bearer resource_metadata="{auth.url}{RESOURCE}"'
    auth.routes[RESOURCE] = {"resource": server.url, "authorization_servers": [f"{auth.url}/a"]}
    server.routes[RESOURCE] = answer(status="401 X", headers={"WWW-Authenticate": challenge})
    assert "it returned 401" in str(resource_failure(server.url))
    assert auth.requests == []


def test_a_discovered_server_pickles_without_its_document(server: Server) -> None:
    server.routes[RFC8414] = document(server.url)
    discovered = discover(server.url)
    assert discovered.token_endpoint
    copy = pickle.loads(pickle.dumps(discovered))
    assert copy == discovered
    assert copy.token_endpoint == discovered.token_endpoint
    assert server.targets == [RFC8414, RFC8414]


def test_an_endpoint_of_absurd_length_is_refused_without_being_shown(
    server: Server,
) -> None:
    url = f"https://auth.example.com/{'a' * 100_000}"
    metadata = {"issuer": server.url, "token_endpoint": url}
    server.routes["/.well-known/oauth-authorization-server"] = metadata
    with pytest.raises(InvalidTokenResponse) as raised:
        AuthorizationServer.discover(server.url).endpoint("token_endpoint")
    assert "token_endpoint has more than 2000 characters" in str(raised.value)
    assert len(str(raised.value)) < 1000


# --- what a discovered server says of itself ---------------------------------------------------


def test_each_endpoint_and_alias_stands_in_the_document(server: Server) -> None:
    aliases = {"revocation_endpoint": "https://mtls.example.com/revoke"}
    members = {
        "introspection_endpoint": "https://auth.example.com/introspect",
        "revocation_endpoint": "https://auth.example.com/revoke",
        "mtls_endpoint_aliases": aliases,
    }
    server.routes[RFC8414] = document(server.url, **members)
    found_server = discover(server.url)
    assert found_server.issuer == server.url
    assert found_server.introspection_endpoint == members["introspection_endpoint"]
    assert found_server.revocation_endpoint == members["revocation_endpoint"]
    assert found_server.mtls_endpoint_aliases == aliases
    name = "revocation_endpoint"
    assert found_server.endpoint(name) == members[name]
    assert found_server.endpoint(name, mutual_tls=True) == aliases[name]


def test_a_document_without_endpoints_but_the_token_endpoint_has_none(
    server: Server,
) -> None:
    server.routes[RFC8414] = document(server.url, mtls_endpoint_aliases="none")
    found_server = discover(server.url)
    assert found_server.introspection_endpoint is found_server.revocation_endpoint is None
    assert found_server.mtls_endpoint_aliases is None
    assert found_server.endpoint("token_endpoint", mutual_tls=True) == found_server.token_endpoint
    with pytest.raises(InvalidTokenResponse, match="names no introspection_endpoint"):
        found_server.endpoint("introspection_endpoint")


def test_servers_that_were_discovered_alike_are_equal_before_anything_is_looked_up() -> None:
    one, same = discover("https://auth.example.com"), discover("https://auth.example.com")
    assert one == same
    assert hash(one) == hash(same)
    assert one != discover("https://other.example.com")
    assert one != AuthorizationServer("https://auth.example.com")
    assert repr(one) == "AuthorizationServer.discover('https://auth.example.com')"
    of_api = discover_for("https://api.example.com?key=s3cret")
    assert repr(of_api) == "AuthorizationServer.discover_for('https://api.example.com')"


def test_aliases_that_are_not_a_mapping_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="mtls_endpoint_aliases must be a mapping"):
        AuthorizationServer("https://auth.example.com/token", mtls_endpoint_aliases=["x"])  # type: ignore[arg-type]


# --- a variation of a discovered server ----------------------------------------------------------


def variations(server: AuthorizationServer) -> list[AuthorizationServer]:
    return [
        dataclasses.replace(server, timeout=3),
        dataclasses.replace(server, session=requests.Session(), allow_http=True),
        dataclasses.replace(server, introspection_endpoint="https://auth.example.com/introspect"),
        dataclasses.replace(server, token_endpoint="https://auth.example.com/other", issuer=None),
        copy.deepcopy(server),
        pickle.loads(pickle.dumps(server)),
    ]


@pytest.mark.parametrize("make", [AuthorizationServer.discover, discover_for])
def test_no_variation_comparison_or_copy_makes_a_request(server: Server, make: Any) -> None:
    one = make(server.url)
    for other in (one, *variations(one)):
        assert repr(other)
        assert hash(other) is not None
        assert other.key_part
        assert other.given_url
        assert other == dataclasses.replace(other)
    assert [one == other for other in variations(one)] == [False] * 4 + [True] * 2
    assert server.requests == []


def test_a_variation_looks_up_what_it_was_not_given(server: Server) -> None:
    server.routes[RFC8414] = document(
        server.url, revocation_endpoint="https://auth.example.com/revoke"
    )
    first = discover(server.url)
    added = dataclasses.replace(first, introspection_endpoint="https://auth.example.com/about")
    assert added.introspection_endpoint == "https://auth.example.com/about"
    assert added.endpoint("introspection_endpoint") == "https://auth.example.com/about"
    assert server.requests == []
    assert added.token_endpoint == first.token_endpoint == "https://auth.example.com/token"
    assert server.targets == [RFC8414], "it shares the document"
    assert dataclasses.replace(added, timeout=3).revocation_endpoint == first.revocation_endpoint
    assert server.targets == [RFC8414, RFC8414], "with other settings it fetches its own"


def test_none_hides_what_the_document_says(server: Server) -> None:
    server.routes[RFC8414] = document(server.url, introspection_endpoint=f"{server.url}/about")
    hidden = dataclasses.replace(discover(server.url), introspection_endpoint=None)
    assert hidden.introspection_endpoint is None
    with pytest.raises(ConfigurationError, match=r"introspection_endpoint of .* is not known"):
        hidden.endpoint("introspection_endpoint")
    with pytest.raises(ConfigurationError, match="token_endpoint is missing"):
        dataclasses.replace(hidden, token_endpoint=None)


@pytest.mark.parametrize(
    ("changes", "endpoint"),
    [
        ({}, "https://mtls.example.com/found"),
        ({"token_endpoint": "https://auth.example.com/given"}, "https://auth.example.com/given"),
        ({"mtls_endpoint_aliases": None}, "https://auth.example.com/token"),
        (
            {"mtls_endpoint_aliases": {"token_endpoint": "https://mtls.example.com/given"}},
            "https://mtls.example.com/given",
        ),
    ],
)
def test_what_was_given_goes_before_what_the_document_says(
    server: Server, changes: dict[str, Any], endpoint: str
) -> None:
    aliases = {"token_endpoint": "https://mtls.example.com/found"}
    server.routes[RFC8414] = document(server.url, mtls_endpoint_aliases=aliases)
    changed = dataclasses.replace(discover(server.url), **changes)
    assert changed.endpoint("token_endpoint", mutual_tls=True) == endpoint


def test_the_methods_that_were_given_need_no_look_up(server: Server) -> None:
    changed = dataclasses.replace(discover(server.url), auth_methods=["client_secret_post"])
    assert repr(ClientCredentials(changed, "me", "s3cret").auth) == "None"
    with pytest.raises(ConfigurationError, match="accepts none"):
        ClientCredentials(dataclasses.replace(changed, auth_methods=["none"]), "me", "s3cret")
    assert server.requests == []


def test_a_variation_may_not_use_plain_http_that_is_no_longer_allowed() -> None:
    allowed = [
        AuthorizationServer("http://auth.example.com/token", allow_http=True),
        discover("http://auth.example.com", allow_http=True),
        discover_for("http://api.example.com", allow_http=True),
        discover_for(
            "https://api.example.com", issuers=["http://auth.example.com"], allow_http=True
        ),
    ]
    for one in allowed:
        with pytest.raises(ConfigurationError, match="plain http"):
            dataclasses.replace(one, allow_http=False)
