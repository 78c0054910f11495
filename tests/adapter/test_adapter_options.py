"""The adapter's settings: what requests has, what it adds, and what it refuses."""

from __future__ import annotations

import copy
import pickle
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from requests_cc import (
    AccessToken,
    AuthorizationServer,
    ClientCredentials,
    ClientCredentialsAdapter,
    ConfigurationError,
    OriginRouter,
    TokenCache,
    mount,
    set_default_cache,
)
from tests.support.api import Api, api_and_session, credentials_for, needs_token, session_for
from tests.support.certificates import server_context
from tests.support.scripts import Reply, Request
from tests.support.sources import OneToken
from tests.support.threads import in_threads

# What HTTPAdapter has.


def test_max_retries_retries_what_the_api_returns(server):
    answers = iter([Reply(503), Reply(503), Reply()])
    retry = Retry(3, status_forcelist=[503], backoff_factor=0)
    with api_and_session(server, lambda _: next(answers), max_retries=retry) as (api, session):
        assert session.get(api.origin).status_code == 200
    assert len(api.requests) == 3
    assert len(set(api.tokens)) == 1


def test_exhausted_retries_raise_with_the_callers_request(server):
    retry = Retry(1, status_forcelist=[503], backoff_factor=0)
    with (
        api_and_session(server, lambda _: Reply(503), max_retries=retry) as (api, session),
        pytest.raises(requests.exceptions.RetryError) as caught,
    ):
        session.get(api.origin)
    assert "Authorization" not in caught.value.request.headers


@pytest.mark.parametrize(("block", "most"), [(True, 2), (False, 6)])
def test_pool_block_and_pool_maxsize_bound_the_connections(server, block, most):
    lock, now, peak = threading.Lock(), [0], [0]
    together = threading.Barrier(most)

    def answer(_: Request) -> Reply:
        with lock:
            now[0] += 1
            peak[0] = max(peak[0], now[0])
        together.wait(20)
        with lock:
            now[0] -= 1
        return Reply()

    with api_and_session(server, answer, pool_block=block, pool_maxsize=2) as (api, session):
        assert in_threads(6, lambda _: session.get(api.origin).text) == ["fine"] * 6
    assert peak[0] == most


def test_pool_connections_bounds_the_hosts_that_stay_connected(server):
    ports: list[int] = []
    with Api(needs_token) as one, Api(needs_token) as two:
        adapter = ClientCredentialsAdapter(
            OneToken(), origins=[one.origin, two.origin], cache=TokenCache(), pool_connections=1
        )
        with requests.Session() as session:
            mount(session, adapter)
            for origin in (one.origin, two.origin, one.origin):
                session.get(origin)
                ports.append(len(adapter.poolmanager.pools))
    assert ports == [1, 1, 1]


def test_a_timeout_of_the_api_call_raises_with_the_callers_request(server):
    gone = threading.Event()
    with (
        Api(lambda _: gone.wait(20) and None) as api,
        session_for(server, api.origin) as session,
    ):
        with pytest.raises(requests.ReadTimeout) as caught:
            session.get(api.origin, timeout=(5, 0.05))
        gone.set()
    assert "Authorization" not in caught.value.request.headers


def test_the_timeout_of_the_api_call_does_not_bound_the_wait_for_a_token(server):
    server.token_delay = 0.5
    with session_for(server, server.origin) as session:
        assert session.get(server.api_url, timeout=0.4).status_code == 200


def test_a_forward_proxy_is_used_for_the_api_and_not_for_tokens(server):
    def forward(arrived: Request) -> Reply:
        headers = {n: v for n, v in arrived.headers.items() if n != "Proxy-Connection"}
        with requests.Session() as plain:
            plain.trust_env = False
            answer = plain.request(
                arrived.method, arrived.target, headers=headers, data=arrived.body
            )
        return Reply(answer.status_code, body=answer.content)

    with Api(forward) as proxy, session_for(server, server.origin) as session:
        proxies = {"http": proxy.origin}
        assert session.get(server.api_url, proxies=proxies).status_code == 200
        server.revoke_tokens()
        assert session.post(server.api_url, data=b"x", proxies=proxies).status_code == 200
    assert [arrived.target for arrived in proxy.requests] == [server.api_url] * 3
    assert len(server.token_requests) == 2


def test_verify_and_cert_reach_the_api(server, authority, ca_bundle, tmp_path):
    context = server_context(authority, verify=ssl.CERT_REQUIRED)
    bundle, own = ca_bundle, str(tmp_path / "client.pem")
    authority.issue_cert("client@example.com").private_key_and_cert_chain_pem.write_to_path(own)
    with Api(needs_token, tls=context) as api, session_for(server, api.origin) as session:
        session.trust_env = False  # REQUESTS_CA_BUNDLE would go before session.verify
        assert session.get(api.origin, verify=bundle, cert=own).status_code == 200
        api.revoke()
        assert session.get(api.origin, verify=bundle, cert=own).status_code == 200
        session.verify, session.cert = bundle, own
        assert session.get(api.origin).status_code == 200
        with pytest.raises(requests.exceptions.SSLError) as caught:
            session.get(api.origin, verify=True)
    assert "Authorization" not in caught.value.request.headers


def test_hooks_and_auth_of_the_session_run_as_ever(server):
    def signed(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["X-Signed"] = "yes"
        return request

    seen: list[tuple[int, bool]] = []
    with Api(needs_token) as api, session_for(server, api.origin) as session:
        session.auth = signed
        session.hooks["response"].append(
            lambda r, **_: seen.append((r.status_code, "Authorization" in r.request.headers))
        )
        session.get(api.origin)
        api.revoke()
        session.get(api.origin)
    assert [arrived.headers["X-Signed"] for arrived in api.requests] == ["yes"] * 3
    assert seen == [(200, False), (200, False)]


# transport=


class Recording(HTTPAdapter):
    """Somebody else's adapter."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str | None] = []
        self.closed = 0

    def send(self, request, **options):  # type: ignore[no-untyped-def]
        self.urls.append(request.url)
        return super().send(request, **options)

    def close(self) -> None:
        self.closed += 1
        super().close()


def test_a_transport_does_the_sending_and_can_be_shared(server):
    transport = Recording()
    with (
        Api(needs_token) as one,
        Api(needs_token) as two,
        requests.Session() as session,
    ):
        for api in (one, two):
            mount(
                session,
                ClientCredentialsAdapter(
                    credentials_for(server, api.origin), cache=TokenCache(), transport=transport
                ),
            )
        session.mount("http://", session.get_adapter(one.origin + "/"))
        assert session.get(one.origin).status_code == session.get(two.origin).status_code == 200
        one.revoke()
        response = session.get(one.origin)
        assert (response.status_code, len(response.history)) == (200, 1)
        assert session.get(one.origin.replace("127.0.0.1", "localhost")).status_code == 401
        session.get_adapter(one.origin + "/").close()
        assert transport.closed == 1
        assert session.get(two.origin).status_code == 200
    assert [url.count("localhost") for url in transport.urls if url] == [0, 0, 0, 0, 1, 0]
    assert one.tokens[0] != two.tokens[0]


def test_the_error_of_a_transport_shows_no_token_in_its_response_either(server):
    class Strict(HTTPAdapter):
        def send(self, request, **options):  # type: ignore[no-untyped-def]
            response = super().send(request, **options)
            response.close()
            response.raise_for_status()
            return response

    with (
        api_and_session(server, lambda _: Reply(500), transport=Strict()) as (api, session),
        pytest.raises(requests.HTTPError) as caught,
    ):
        session.get(api.origin)
    assert "Authorization" not in caught.value.request.headers
    assert "Authorization" not in caught.value.response.request.headers


def test_a_transport_without_connections_can_be_resent_through():
    class Canned(requests.adapters.BaseAdapter):
        """Answers out of itself, as adapters for tests and files do."""

        def __init__(self) -> None:
            self.statuses = [401, 200]

        def send(self, request, **options):  # type: ignore[no-untyped-def]
            response = requests.Response()
            response.status_code = self.statuses.pop(0)
            response.url = request.url
            response._content = b"canned"
            return response

        def close(self) -> None:
            pass

    class Two:
        cache_key = "two"
        numbers = iter("12")

        def request_token(self) -> AccessToken:
            return AccessToken(next(self.numbers))

    adapter = ClientCredentialsAdapter(
        Two(), origins="https://api.example.com", cache=TokenCache(), transport=Canned()
    )
    response = adapter.send(requests.Request("GET", "https://api.example.com/").prepare())
    assert response.status_code == 200
    assert response.history[0].content == b"canned"


# A token request never travels through an adapter: rule 23.


@contextmanager
def wait_at_most(seconds: float) -> Iterator[None]:
    """A deadlock is a failure, and not a run without end."""
    done = threading.Event()
    threading.Thread(
        target=lambda: done.wait(seconds) or __import__("faulthandler").dump_traceback(),
        daemon=True,
    ).start()
    yield
    done.set()


@pytest.mark.rule(23)
@pytest.mark.parametrize("how", ["mounted", "router", "transport", "later"])
def test_a_token_request_through_an_adapter_is_refused(server, how):
    session = requests.Session()
    token_server = AuthorizationServer(server.token_url, session=session)
    credentials = ClientCredentials(token_server, "client", "secret", audience=server.origin)
    adapter = ClientCredentialsAdapter(credentials, cache=TokenCache())
    with session, wait_at_most(50):
        if how == "mounted":
            mount(session, adapter)
        elif how == "router":
            session.mount("http://", OriginRouter({server.origin: adapter}))
        elif how == "transport":
            outer = ClientCredentialsAdapter(
                OneToken(), origins=server.origin, cache=TokenCache(), transport=adapter
            )
            mount(session, outer)
        else:
            assert (
                adapter.send(
                    session.prepare_request(requests.Request("GET", server.api_url))
                ).status_code
                == 200
            )
            server.revoke_tokens()
            mount(session, adapter)
        with pytest.raises(
            ConfigurationError, match="session of a token request has a ClientCredentialsAdapter"
        ):
            session.get(server.api_url)
    assert len(server.token_requests) == (1 if how == "later" else 0)


@pytest.mark.rule(23)
def test_an_auth_object_that_needs_the_token_that_it_helps_to_request_is_refused(server):
    cache = TokenCache()

    def auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
        cache.token(credentials)
        return request

    authorization_server = AuthorizationServer(server.token_url, timeout=(2.0, 3.0))
    credentials = ClientCredentials(authorization_server, "me", auth=auth)
    with pytest.raises(ConfigurationError, match="needs the very token that it requests"):
        cache.token(credentials)
    assert not server.token_requests


# What a pickle carries: rule 15.


@pytest.mark.rule(15)
@pytest.mark.parametrize("duplicate", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy])
def test_a_pickled_session_works_and_carries_no_token(server, duplicate):
    with Api(needs_token) as api:
        session = session_for(server, api.origin, pool_maxsize=3, max_retries=2)
        with session:
            session.get(api.origin)
            assert api.tokens[0].encode() not in pickle.dumps(session)
            with duplicate(session) as restored:
                assert restored.get(api.origin).status_code == 200
                adapter = restored.get_adapter(api.origin + "/")
                assert adapter.origins == (api.origin,)
                assert (adapter._pool_maxsize, adapter.max_retries.total) == (3, 2)
    assert len(server.token_requests) == 2


def test_a_pickled_adapter_goes_on_with_its_transport_and_the_default_cache(server):
    before = set_default_cache(TokenCache())
    try:
        adapter = ClientCredentialsAdapter(
            credentials_for(server, server.origin), transport=HTTPAdapter(max_retries=7)
        )
        for one in (adapter, pickle.loads(pickle.dumps(adapter))):
            request = requests.Request("GET", server.api_url).prepare()
            assert one.send(request).status_code == 200
            one.close()
    finally:
        set_default_cache(before)
    assert len(server.token_requests) == 1


# Settings that are refused.

KNOWN = "https://auth.example.com/token", "client", "secret"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({}, r'origins=\["https://api.example.com"\]'),
        ({"audience": "my-api"}, "neither audience nor resource is an http"),
        ({"audience": "urn:my:api", "resource": "urn:other"}, "neither audience nor resource"),
        ({"audience": "http://api.example.com"}, "plain http; use https://, or pass allow_http"),
        ({"audience": "https://api.example.com:99999/"}, "audience or a resource"),
    ],
)
def test_credentials_that_name_no_usable_origin_are_refused(more, message):
    with pytest.raises(ConfigurationError, match=message):
        ClientCredentialsAdapter(ClientCredentials(*KNOWN, **more))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"origins": []}, "origins must be one or more URLs"),
        ({"origins": 5}, "origins must be one or more URLs"),
        ({"origins": "api.example.com"}, "absolute http or https URL"),
        ({"origins": ["https://ok.example", 7]}, "absolute http or https URL"),
        ({"origins": "ftp://api.example.com"}, "absolute http or https URL"),
        ({"origins": "http://api.example.com"}, "allow_http=True"),
        ({"allow_http": "false"}, "allow_http must be True or False, not str"),
        ({"cache": {}}, "cache must be a TokenCache"),
        ({"transport": requests.Session()}, "transport must be a requests adapter"),
        ({"transport": HTTPAdapter(), "pool_maxsize": 5}, "set them on the transport"),
        ({"transport": HTTPAdapter(), "pool_connections": 5}, "set them on the transport"),
        ({"transport": HTTPAdapter(), "max_retries": Retry(1)}, "set them on the transport"),
        ({"transport": HTTPAdapter(), "pool_block": True}, "set them on the transport"),
    ],
)
def test_a_wrong_setting_is_refused_at_construction(options, message):
    with pytest.raises(ConfigurationError, match=message):
        ClientCredentialsAdapter(OneToken(), **{"origins": "https://api.example.com", **options})


@pytest.mark.parametrize("source", ["token", None, AccessToken("x"), ClientCredentials, OneToken])
def test_an_object_that_is_not_a_source_is_refused(source):
    with pytest.raises(ConfigurationError, match="source of tokens"):
        ClientCredentialsAdapter(source, origins="https://api.example.com")


def test_a_message_about_an_origin_shows_nothing_of_its_secrets():
    with pytest.raises(ConfigurationError) as caught:
        ClientCredentialsAdapter(OneToken(), origins="https://user:hidden@api.example .com/?hidden")
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("origin", ["http://localhost:1", "http://127.9.9.9", "http://[::1]/"])
def test_plain_http_is_accepted_on_loopback(origin):
    assert ClientCredentialsAdapter(OneToken(), origins=origin).origins


def test_plain_http_is_accepted_if_the_network_is_trusted():
    adapter = ClientCredentialsAdapter(OneToken(), origins="http://api.svc", allow_http=True)
    assert adapter.origins == ("http://api.svc",)


def test_a_source_may_name_its_resource_servers_itself():
    class Named(OneToken):
        audience = "https://no-api.example"
        resource_servers = ("https://a.example/v1", "urn:no-url")

    assert ClientCredentialsAdapter(Named()).origins == ("https://a.example",)


def test_resources_and_audience_name_the_origins_together():
    credentials = ClientCredentials(
        *KNOWN, audience="https://a.example/v1", resource=["https://b.example/x", "urn:c"]
    )
    assert ClientCredentialsAdapter(credentials).origins == (
        "https://a.example",
        "https://b.example",
    )


def test_a_source_of_ones_own_may_name_its_audience():
    class Own(OneToken):
        audience = None
        resource = "https://own.example/path"

    assert ClientCredentialsAdapter(Own()).origins == ("https://own.example",)


def test_the_repr_names_client_origins_and_the_time_that_the_token_has_left(server):
    cache = TokenCache()
    with session_for(server, server.origin, cache=cache) as session:
        adapter = session.get_adapter(server.api_url)
        beginning = f"<ClientCredentialsAdapter {adapter._source.label} for {server.origin}: "
        assert repr(adapter) == f"{beginning}no token yet>"
        assert server.token_requests == ()
        session.get(server.api_url)
        shown = re.fullmatch(re.escape(beginning) + r"token expires in (\d+) s>", repr(adapter))
        assert shown
        assert 3500 < int(shown[1]) <= 3600


def test_the_repr_of_an_adapter_whose_token_does_not_expire(oauth_cache):
    class Endless:
        cache_key = "endless"

        def request_token(self):
            return AccessToken("precious")

    adapter = ClientCredentialsAdapter(Endless(), origins="https://api.example.com")
    oauth_cache.token(adapter._source)
    assert repr(adapter).endswith("Endless for https://api.example.com: token without expiry>")
