"""``ClientCredentialsAuth``: the adapter's behaviour for code that takes only ``auth=``."""

from __future__ import annotations

import pickle
from contextlib import suppress
from types import SimpleNamespace

import pytest
import requests

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    ClientCredentialsAuth,
    ConfigurationError,
    DPoPKey,
    TokenCache,
    TokenRequestError,
)
from requests_cc.adapter.resend import send_first_token
from tests.support.api import Api, credentials_for, needs_token
from tests.support.scripts import Reply, Request
from tests.support.sources import OneToken
from tests.support.threads import in_threads


def auth_for(server, origin: str, **options: object) -> ClientCredentialsAuth:
    options.setdefault("cache", TokenCache())
    return ClientCredentialsAuth(credentials_for(server, origin), **options)


@pytest.mark.rule(5)
def test_a_bare_call_is_authorized_and_resent_once_after_a_rejection(server):
    with Api(needs_token) as api:
        auth = auth_for(server, api.origin)
        assert requests.get(api.origin, auth=auth).status_code == 200
        api.revoke()
        response = requests.get(api.origin, auth=auth)
    assert (response.status_code, response.text) == (200, "fine")
    assert [(first.status_code, first.text) for first in response.history] == [(401, "revoked")]
    assert len(server.token_requests) == 2
    assert len(api.requests) == 3


@pytest.mark.rule(7)
def test_many_threads_with_one_rejected_token_make_one_token_request(server):
    server.token_delay = 0.1
    with Api(needs_token) as api, requests.Session() as session:
        session.auth = auth_for(server, api.origin)
        session.get(api.origin)
        api.revoke()
        statuses = in_threads(32, lambda _: session.get(api.origin).status_code)
    assert statuses == [200] * 32
    assert len(server.token_requests) == 2


@pytest.mark.rule(8)
def test_an_api_that_always_rejects_causes_few_token_requests(server):
    with Api(lambda _: Reply(401, body=b"never")) as api, requests.Session() as session:
        session.auth = auth_for(server, api.origin)
        responses = [session.get(api.origin) for _ in range(50)]
    assert {(r.status_code, r.text) for r in responses} == {(401, "never")}
    assert max(len(r.history) for r in responses) == 1
    assert len(server.token_requests) <= 4


@pytest.mark.rule(6)
@pytest.mark.parametrize("body", [b"bytes", "text", "file"])
def test_the_resend_has_the_same_body(server, body, tmp_path):
    path = tmp_path / "upload"
    path.write_bytes(b"of the file")
    with Api(needs_token) as api, path.open("rb") as file:
        auth = auth_for(server, api.origin)
        requests.get(api.origin, auth=auth)
        api.revoke()
        data = file if body == "file" else body
        assert requests.post(api.origin, data=data, auth=auth, stream=True).status_code == 200
        first, second = api.requests[-2:]
    assert first.body == second.body != b""


@pytest.mark.rule(1)
def test_no_other_origin_gets_the_token(server):
    with Api(lambda _: Reply(401)) as other:
        auth = auth_for(server, "https://api.example.com")
        response = requests.get(other.origin, auth=auth)
    assert (response.status_code, response.history) == (401, [])
    assert other.tokens == [None]
    assert len(server.token_requests) == 0


@pytest.mark.rule(1)
def test_a_host_header_for_another_name_gets_no_token(server):
    with Api(lambda _: Reply()) as api:
        auth = auth_for(server, api.origin)
        requests.get(api.origin, auth=auth, headers={"Host": "other.example.com"})
        requests.get(api.origin, auth=auth, headers={"Host": f"127.0.0.1:{api.port}"})
    assert [token is None for token in api.tokens] == [True, False]


@pytest.mark.rule(1)
@pytest.mark.parametrize("options", [{}, {"header": "X-Token", "scheme": ""}])
def test_a_redirect_to_another_origin_carries_no_token(server, options):
    with Api(lambda _: Reply()) as other:
        away = Reply(302, (("Location", other.origin + "/next"),))
        with Api(lambda _: away) as api:
            auth = auth_for(server, api.origin, **options)
            response = requests.get(api.origin, auth=auth)
            assert response.status_code == 200
        name = options.get("header", "Authorization")
        assert name in api.requests[0].headers
        assert name not in other.requests[0].headers


@pytest.mark.rule(1)
@pytest.mark.parametrize(
    "spelling",
    [
        "ht\ttp://{}/",
        "http:/\t/{}/",
        "/\t/{}/",
        "\\\\{}/",
        "http:\\\\{}/",
        "http:////{}/",
        "////{}/",
        "//{}/",
        "http:/{}/",
        "http:{}/",
        "/\\{}/",
        "http:///{}/",
        "http://@{}/",
    ],
)
def test_a_redirect_that_parsers_read_in_several_ways_carries_no_token(server, spelling):
    with Api(lambda _: Reply()) as other:
        host = other.origin.removeprefix("http://")
        away = Reply(302, (("Location", spelling.format(host)),))
        with Api(lambda arrived: away if arrived.target == "/" else Reply()) as api:
            auth = auth_for(server, api.origin, header="X-Token")
            with suppress(requests.RequestException):
                requests.get(api.origin + "/", auth=auth)
        assert "X-Token" in api.requests[0].headers
        assert not [r for r in [*api.requests[1:], *other.requests] if "X-Token" in r.headers]


@pytest.mark.parametrize("options", [{}, {"header": "X-Token", "scheme": ""}])
def test_a_redirect_within_the_origin_keeps_the_token(server, options):
    def answer(arrived: Request) -> Reply:
        if arrived.target == "/old":
            return Reply(307, (("Location", "/new"),))
        known = arrived.headers.get(options.get("header", "Authorization"))
        return Reply() if known else Reply(401)

    with Api(answer) as api:
        response = requests.post(
            api.origin + "/old", data=b"body", auth=auth_for(server, api.origin, **options)
        )
        assert [r.status_code for r in [*response.history, response]] == [307, 200]
        assert api.requests[-1].body == b"body"


@pytest.mark.parametrize("location", ["/new", "new", "new/", "?new", "{}/new", "/", "./new"])
def test_a_redirect_within_the_origin_keeps_a_token_in_any_header(server, location):
    def answer(arrived: Request) -> Reply:
        if arrived.target == "/old/":
            return Reply(302, (("Location", location.format(api.origin)),))
        return Reply() if arrived.headers.get("X-Token") else Reply(403)

    with Api(answer) as api:
        response = requests.get(
            api.origin + "/old/", auth=auth_for(server, api.origin, header="X-Token")
        )
    if location == "?new":
        assert api.requests[-1].target == "/old/?new"
    assert response.status_code == 200


def test_a_redirect_to_another_named_origin_is_sent_again_with_a_token(server):
    with Api(needs_token) as second:
        away = Reply(302, (("Location", second.origin.replace("127.0.0.1", "localhost") + "/"),))
        with Api(lambda _: away) as first:
            auth = auth_for(
                server, first.origin, origins=[first.origin, f"http://localhost:{second.port}"]
            )
            assert requests.get(first.origin, auth=auth).status_code == 200
        assert [token is None for token in second.tokens] == [True, False]
    assert len(server.token_requests) == 1


@pytest.mark.rule(4)
def test_without_a_token_nothing_is_sent(server):
    server.fail_next(10)
    with Api(needs_token) as api, pytest.raises(TokenRequestError):
        requests.get(api.origin, auth=auth_for(server, api.origin))
    assert api.requests == []


def test_rejects_header_and_scheme_work_as_on_the_adapter(server):
    dead: list[str] = []

    def answer(arrived: Request) -> Reply:
        dead[:] = dead or [arrived.headers["X-Token"]]
        return Reply(403) if arrived.headers["X-Token"] in dead else Reply()

    with Api(answer) as api:
        auth = auth_for(server, api.origin, header="X-Token", scheme="", rejects=[401, 403])
        response = requests.get(api.origin, auth=auth)
        assert [r.status_code for r in [*response.history, response]] == [403, 200]
    assert all(" " not in request.headers["X-Token"] for request in api.requests)


def test_the_hooks_of_the_caller_see_the_second_response(server):
    seen: list[int] = []
    with Api(needs_token) as api:
        auth = auth_for(server, api.origin)
        requests.get(api.origin, auth=auth)
        api.revoke()
        requests.get(
            api.origin,
            auth=auth,
            hooks={"response": lambda response, **_: seen.append(response.status_code)},
        )
    assert seen == [200]


def test_it_is_shared_with_adapters_of_the_default_cache(server, oauth_cache):
    with Api(needs_token) as api:
        credentials = credentials_for(server, api.origin)
        for _ in range(3):
            requests.get(api.origin, auth=ClientCredentialsAuth(credentials))
    assert len(server.token_requests) == 1


def test_it_can_be_pickled(server):
    with Api(needs_token) as api:
        auth = ClientCredentialsAuth(credentials_for(server, api.origin), rejects=[401, 403])
        again = pickle.loads(pickle.dumps(auth))
        assert requests.get(api.origin, auth=again).status_code == 200
    assert again.origins == auth.origins == (api.origin,)


def test_its_repr_names_client_and_origins_and_no_secret(server):
    text = repr(auth_for(server, "https://api.example.com"))
    assert "client at " in text
    assert "https://api.example.com" in text
    assert "s3cret" not in text


@pytest.mark.rule(23)
def test_a_token_request_does_not_wait_for_itself(server):
    class Session(requests.Session):
        """Adds an auth object to each request, whatever that has already."""

        own_auth: ClientCredentialsAuth

        def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
            request.auth = self.own_auth
            return super().prepare_request(request)

    session = Session()
    credentials = ClientCredentials(
        AuthorizationServer(server.token_url, session=session), "client", "s3cret-of-the-client"
    )
    auth = session.own_auth = ClientCredentialsAuth(
        credentials, origins=server.origin, cache=TokenCache()
    )
    with pytest.raises(ConfigurationError, match="must not be authorized with that token"):
        requests.get(server.api_url, auth=auth)


def test_tokens_that_are_bound_to_a_key_are_refused():
    with pytest.raises(ConfigurationError, match="mount a ClientCredentialsAdapter"):
        ClientCredentialsAuth(
            OneToken("t", "DPoP", DPoPKey.generate()), origins="https://api.example.com"
        )
    auth = ClientCredentialsAuth(
        OneToken("t", "DPoP"), origins="https://api.example.com", cache=TokenCache()
    )
    with pytest.raises(ConfigurationError, match=r"\(DPoP\)"):
        requests.get("https://api.example.com", auth=auth)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((object(),), "source of tokens"),
        ((OneToken(),), "origins is required"),
    ],
)
def test_wrong_settings_are_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        ClientCredentialsAuth(*arguments)


def test_a_response_that_no_adapter_made_is_the_callers():
    class Transport(requests.adapters.BaseAdapter):
        """As some mocks do: its responses know no connection."""

        def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:
            response = requests.Response()
            response.status_code, response.request, response._content = 401, request, b""
            response.url = str(request.url)
            return response

        def close(self) -> None: ...

    auth = ClientCredentialsAuth(OneToken(), origins="http://127.0.0.1:1", cache=TokenCache())
    with requests.Session() as session:
        session.mount("http://", Transport())
        assert session.get("http://127.0.0.1:1/", auth=auth).history == []


@pytest.mark.rule(18)
def test_a_token_for_loopback_does_not_leave_through_a_proxy(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("NO_PROXY", "")
    with Api(lambda _: Reply()) as api:
        with pytest.raises(ConfigurationError, match=r"through the proxy proxy\.example\.com"):
            requests.get(api.origin, auth=auth_for(server, api.origin))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert requests.get(api.origin, auth=auth_for(server, api.origin)).status_code == 200


def test_a_response_that_says_nothing_of_the_token_is_the_callers():
    attempt = SimpleNamespace(judge=lambda *_: SimpleNamespace(rejected=False), token="t")
    response = requests.Response()
    assert send_first_token(response, attempt) is response
