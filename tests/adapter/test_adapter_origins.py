"""Where the token goes: to the origins that the adapter names, and nowhere else."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from requests_cc import ClientCredentialsAdapter, TokenCache, mount
from requests_cc.adapter.allowed_origins import MAX_WARNINGS
from tests.support.api import Api, api_and_session, credentials_for, needs_token, session_for
from tests.support.certificates import server_context
from tests.support.scripts import Reply, Request
from tests.support.sources import OneToken


@pytest.fixture
def proxy() -> Iterator[Api]:
    """Every http URL arrives here, whatever host it names."""
    with Api(lambda _: Reply(401, body=b"from the proxy")) as running:
        yield running


def broad_session(
    origins: list[str], proxy: Api, cache: TokenCache | None = None
) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"http": proxy.origin}
    adapter = ClientCredentialsAdapter(
        OneToken(), origins=origins, cache=cache or TokenCache(), allow_http=True
    )
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


STRANGERS = [
    "http://other.example.com/",
    "http://api.example.com.evil.net/",
    "http://api.example.com@evil.net/",
    "http://api.example.com:80@evil.net/",
    "http://api.example.com:8080/",
    "http://api.example.com./",
    "http://evil.net/http://api.example.com/",
    "http://evil.net/?http://api.example.com/",
    "http://evil.net/#@api.example.com/",
    "http://api.example.com%2eevil.net/",
    "http://xn--bcher-kva.example/",
    "http://[::1]/",
    "http://127.0.0.1/",
]


@pytest.mark.rule(1)
@pytest.mark.parametrize("url", STRANGERS)
def test_a_url_of_another_origin_carries_no_token_and_its_401_changes_nothing(proxy, url):
    cache = TokenCache()
    with broad_session(["http://api.example.com"], proxy, cache) as session:
        response = session.get(url, headers={"X-Mine": "1"})
    assert (response.status_code, response.text, response.history) == (401, "from the proxy", [])
    assert [arrived.headers.get("Authorization") for arrived in proxy.requests] in (
        [None],
        [requests.auth._basic_auth_str("api.example.com", "")],
        [requests.auth._basic_auth_str("api.example.com", "80")],
    )
    assert cache.stats().requests == 0  # a stranger's request waits for no token


@pytest.mark.rule(1)
def test_the_401_of_a_stranger_leaves_the_token_that_is_there(proxy):
    cache = TokenCache()
    token = cache.token(OneToken())
    with broad_session(["http://api.example.com"], proxy, cache) as session:
        assert session.get("http://other.example.com/").status_code == 401
    assert cache.token(OneToken()) is token
    assert (cache.stats().rejections, cache.stats().held) == (0, 0)


@pytest.mark.rule(1)
@pytest.mark.parametrize(
    "url",
    [
        "http://evil.net\\@api.example.com/",
        "http://api.example.com\\@evil.net/",
        "http://api.example.com\\.evil.net/",
        "http://api%2eexample.com/",
        "http://api.example.com%00.evil.net/",
        "http:///api.example.com/",
        "http:/api.example.com/",
        "http://api.example.com:80:80/",
        "http://api.example.com\t.evil.net/",
    ],
)
def test_a_url_of_which_the_origin_is_in_doubt_carries_no_token(proxy, url):
    """As a prepared request, which nobody has put in order."""
    with broad_session(["http://api.example.com"], proxy) as session:
        request = session.prepare_request(requests.Request("GET", "http://x.example/"))
        request.url = url
        with suppress(requests.RequestException, ValueError):  # it does not understand some either
            session.send(request)
    assert [arrived.headers.get("Authorization") for arrived in proxy.requests] in ([], [None])


@pytest.mark.rule(1)
@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/path",
        "http://api.example.com",
        "http://api.example.com:80/",
        "HTTP://API.Example.COM/",
        "http://user:password@api.example.com/",
        "http://b\u00fccher.example/",
        "http://xn--bcher-kva.example/",
        "http://B\u00dcCHER.example:80/",
        "http://[0:0:0:0:0:0:0:1]:8080/",
        "http://[::1]:8080/",
        "http://api.example.com?query",
    ],
)
def test_another_spelling_of_a_named_origin_carries_the_token(proxy, url):
    origins = [
        "http://api.example.com/ignored?too",
        "http://b\u00fccher.example",
        "http://[::1]:8080",
    ]
    with broad_session(origins, proxy) as session:
        session.get(url)
    assert set(proxy.tokens) == {"the-token"}


@pytest.mark.rule(1)
def test_another_port_or_host_of_the_same_machine_is_another_origin(server):
    with (
        Api(needs_token) as api,
        Api(needs_token) as other,
        session_for(server, api.origin) as session,
    ):
        session.mount("http://", session.get_adapter(api.origin + "/"))
        assert session.get(api.origin).status_code == 200
        assert session.get(other.origin).status_code == 401
        assert session.get(api.origin.replace("127.0.0.1", "localhost")).status_code == 401
    assert other.tokens == [None]


@pytest.mark.rule(1)
def test_another_scheme_is_another_origin(authority, ca_bundle):
    with Api(needs_token, tls=server_context(authority)) as api, requests.Session() as session:
        adapter = ClientCredentialsAdapter(
            OneToken(), origins=api.origin.replace("https", "http"), cache=TokenCache()
        )
        session.mount("https://", adapter)
        assert session.get(api.origin, verify=ca_bundle).status_code == 401
        mount(session, ClientCredentialsAdapter(OneToken(), origins=api.origin, cache=TokenCache()))
        assert session.get(api.origin, verify=ca_bundle).status_code == 200
        with pytest.raises(requests.exceptions.SSLError) as caught:
            session.get(api.origin.replace("127.0.0.1", "localhost"), verify=ca_bundle)
        assert caught.value.request is not None


# The warning.


def test_one_warning_for_each_stranger_names_it_and_what_is_named(proxy, caplog):
    with broad_session(["http://api.example.com", "http://b.example:81"], proxy) as session:
        for _ in range(3):
            session.get("http://user:hidden@stranger.example:8080/path?secret=1")
            session.get("http://second.example/")
            session.get("http://api.example.com/")
    warnings = [
        r for r in caplog.records if r.levelno >= logging.WARNING and "no token sent" in r.message
    ]
    assert len(warnings) == 2
    assert "http://stranger.example:8080: " in warnings[0].getMessage()
    assert "http://api.example.com" in warnings[0].getMessage()
    assert "http://b.example:81" in warnings[0].getMessage()
    assert "hidden" not in caplog.text
    assert "secret" not in caplog.text


def test_a_broad_mount_that_meets_the_whole_web_warns_a_bounded_number_of_times(proxy, caplog):
    with broad_session(["http://api.example.com"], proxy) as session:
        for number in range(MAX_WARNINGS + 20):
            session.get(f"http://host-{number}.example/")
    assert caplog.text.count("no token sent") == MAX_WARNINGS


def test_a_url_in_doubt_is_warned_of_without_repeating_it(proxy, caplog):
    with broad_session(["http://api.example.com"], proxy) as session:
        request = session.prepare_request(requests.Request("GET", "http://x.example/"))
        request.url = "http://secret%2eexample.com/"
        session.send(request)
    assert "no token sent to a URL whose origin is ambiguous" in caplog.text
    assert "secret" not in "".join(
        r.getMessage() for r in caplog.records if r.name == "requests_cc"
    )


# Redirects.


def redirecting(status: int, target: str):
    def answer(arrived: Request) -> Reply:
        if arrived.target == "/start":
            return Reply(status, (("Location", target),), b"")
        return needs_token(arrived)

    return answer


@pytest.mark.rule(2)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("rejected", [False, True], ids=["first send", "resend"])
def test_a_redirect_to_another_origin_carries_no_token(server, status, rejected):
    with (
        Api(needs_token) as other,
        api_and_session(server, redirecting(status, other.origin + "/end")) as (api, session),
    ):
        if rejected:
            session.get(api.origin)
            api.revoke()
        response = session.post(api.origin + "/start", data=b"body")
    assert response.status_code == 401
    assert [arrived.headers.get("Authorization") for arrived in other.requests] == [None]
    assert [first.status_code for first in response.history] == [status]
    assert len(server.token_requests) == 1 + rejected


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("rejected", [False, True], ids=["first send", "resend"])
def test_a_redirect_to_the_same_origin_carries_the_token(server, status, rejected):
    with Api(redirecting(status, "/end")) as api, session_for(server, api.origin) as session:
        if rejected:
            session.get(api.origin)
            api.revoke()
        response = session.post(api.origin + "/start", data=b"body")
    assert response.status_code == 200
    assert api.tokens[-1] == api.tokens[-2] is not None
    assert api.requests[-1].body == (b"body" if status in (307, 308) else b"")


def test_a_redirect_from_one_named_origin_to_another_adapters_carries_the_others_token(server):
    with (
        Api(needs_token) as other,
        api_and_session(server, redirecting(307, other.origin + "/end")) as (api, session),
    ):
        mount(
            session,
            ClientCredentialsAdapter(OneToken(), origins=other.origin, cache=TokenCache()),
        )
        assert session.get(api.origin + "/start").status_code == 200
    assert other.tokens == ["the-token"]
    assert api.tokens != ["the-token"]


def test_a_redirect_into_a_named_origin_is_authorized(server):
    with (
        Api(needs_token) as api,
        session_for(server, api.origin) as session,
        Api(redirecting(302, api.origin + "/end")) as other,
    ):
        assert session.get(other.origin + "/start").status_code == 200
        assert other.tokens == [None]


def test_redirects_that_are_not_followed_can_be_followed_by_the_caller(server):
    with Api(redirecting(302, "/end")) as api, session_for(server, api.origin) as session:
        response = session.get(api.origin + "/start", allow_redirects=False)
        assert response.status_code == 302
        assert "Authorization" not in response.next.headers
        assert session.send(response.next).status_code == 200


# What the caller gets to see, and what it brought.


@pytest.mark.rule(2)
def test_no_response_and_no_error_carries_the_authorized_copy(server):
    with api_and_session(
        server, lambda arrived: Reply(500) if arrived.target == "/fails" else None
    ) as (api, session):
        response = session.get(api.origin + "/fails")
        assert "Authorization" not in response.request.headers
        with pytest.raises(requests.HTTPError) as failed:
            response.raise_for_status()
        with pytest.raises(requests.ConnectionError) as dropped:
            session.get(api.origin + "/drops")
    token = api.tokens[0]
    for error in (failed.value, dropped.value):
        assert "Authorization" not in error.request.headers
        assert token not in repr(error) + str(error)


@pytest.mark.rule(3)
@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
def test_the_users_authorization_is_replaced_on_own_origins_and_kept_elsewhere(server, name):
    with (
        Api(needs_token) as api,
        Api(needs_token) as other,
        session_for(server, api.origin) as session,
    ):
        session.mount("http://", session.get_adapter(api.origin + "/"))
        headers = {name: "Bearer mine"}
        assert session.get(api.origin, headers=headers).status_code == 200
        session.get(other.origin, headers=headers)
    assert api.requests[0].headers.get_all("Authorization") == [f"Bearer {api.tokens[0]}"]
    assert api.tokens != ["mine"]
    assert other.tokens == ["mine"]


@pytest.mark.rule(3)
def test_netrc_is_replaced_on_own_origins_and_kept_elsewhere(
    server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with (
        Api(needs_token) as api,
        Api(needs_token) as other,
        session_for(server, api.origin) as session,
    ):
        assert session.get(api.origin).status_code == 200
        session.get(other.origin)
    assert len(api.requests[0].headers.get_all("Authorization")) == 1
    assert other.requests[0].headers["Authorization"].startswith("Basic ")
    assert "mine" not in str(server.token_requests[0].headers)


def test_an_auth_object_that_handles_401_itself_sends_through_the_adapter(server):
    """Digest's hook sends again with ``response.connection``, which is not the bare transport."""
    challenge = (("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"'),)
    with api_and_session(
        server, lambda _: Reply(401, challenge), transport=requests.adapters.HTTPAdapter()
    ) as (api, session):
        session.auth = requests.auth.HTTPDigestAuth("me", "mine")
        assert session.get(api.origin).status_code == 401
    assert None not in api.tokens
    assert len(api.requests) == 3


@pytest.mark.rule(22)
def test_nothing_of_the_api_request_reaches_the_token_endpoint(server):
    with session_for(server, server.origin) as session:
        session.headers["X-Of-The-Session"] = "leak"
        session.params = {"of_the_session": "leak"}
        session.auth = ("leak", "leak")
        session.cookies.set("of_the_session", "leak", domain="127.0.0.1")
        session.get(
            server.api_url, params={"q": "leak"}, headers={"X": "leak"}, cookies={"c": "leak"}
        )
    (arrived,) = server.token_requests
    assert "leak" not in arrived.path + str(arrived.headers) + arrived.body.decode()
    assert "leak" in str(server.api_requests[0].headers)


def test_an_adapter_names_its_origins(server):
    adapter = ClientCredentialsAdapter(
        credentials_for(
            server, "https://API.example.com:443/x", resource=["http://localhost:81", "urn:x"]
        )
    )
    assert adapter.origins == ("http://localhost:81", "https://api.example.com")


def test_a_host_that_does_not_resolve_raises_with_the_callers_request(monkeypatch):
    def resolves_nothing(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "no such host")

    monkeypatch.setattr(socket, "getaddrinfo", resolves_nothing)
    with requests.Session() as session:
        session.trust_env = False
        mount(session, ClientCredentialsAdapter(OneToken(), origins="https://api.example.com"))
        with pytest.raises(requests.ConnectionError) as caught:
            session.get("https://api.example.com/")
    assert "Authorization" not in caught.value.request.headers
