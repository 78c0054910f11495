"""What an attacker, a hostile API and a dying process can do to a call, and what they cannot."""

from __future__ import annotations

import copy
import gc
import itertools
import logging
import pickle
import time
from collections.abc import Iterator
from types import TracebackType

import pytest
import requests
from requests.adapters import HTTPAdapter

from requests_cc import (
    AccessToken,
    ClientCredentialsAdapter,
    ConfigurationError,
    DPoPKey,
    TokenCache,
    mount,
)
from requests_cc.adapter.challenge import Challenge
from tests.support.api import Api, needs_token, session_for
from tests.support.forked_child import in_child, needs_fork
from tests.support.proof_server import opened
from tests.support.scripts import Reply, answer
from tests.support.server import Connection


class Source:
    """Mints tokens without a server."""

    def __init__(self, key: str = "key", token_type: str = "Bearer", dpop: object = None) -> None:
        self.cache_key = key
        self.token_type = token_type
        self.dpop = dpop
        self._numbers = itertools.count()

    def request_token(self) -> AccessToken:
        return AccessToken(f"token-of-{self.cache_key}-{next(self._numbers)}", self.token_type)


def session_of(source: object, origin: str, **options: object) -> requests.Session:
    session = requests.Session()
    options.setdefault("cache", TokenCache())
    mount(session, ClientCredentialsAdapter(source, origins=origin, **options))
    return session


# Through a proxy.


@pytest.mark.parametrize(
    "proxy", ["http://proxy.invalid:3128", "proxy.invalid", "socks5h://10.0.0.1", "http://["]
)
def test_a_token_for_loopback_does_not_leave_the_machine_through_a_proxy(server, proxy):
    with Api(needs_token) as api, session_for(server, api.origin) as session:
        with pytest.raises(ConfigurationError, match=r"NO_PROXY=.*allow_http=True"):
            session.get(api.origin, proxies={"http": proxy})
        assert api.requests == []
    assert server.token_requests == ()


def test_a_proxy_without_a_host_is_requests_own_error(server):
    with Api(needs_token) as api, session_for(server, api.origin) as session:
        with pytest.raises(requests.exceptions.InvalidProxyURL):
            session.get(api.origin, proxies={"http": "http://:8080"})
        assert api.requests == []


def test_the_proxy_of_the_environment_counts(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://user:pa55@proxy.invalid:3128")
    with Api(needs_token) as api, session_for(server, api.origin) as session:
        with pytest.raises(ConfigurationError, match=r"proxy\.invalid") as caught:
            session.get(api.origin)
        assert "pa55" not in str(caught.value)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert session.get(api.origin).status_code == 200


def test_allow_http_lets_a_proxy_carry_the_token(server):
    with (
        Api(needs_token) as api,
        session_for(server, api.origin, allow_http=True) as session,
        pytest.raises(requests.exceptions.ProxyError),
    ):
        session.get(api.origin, proxies={"http": "http://proxy.invalid:3128"})


def test_a_proxy_on_loopback_and_one_for_other_hosts_are_no_matter(server):
    with Api(needs_token) as api, session_for(server, api.origin) as session:
        elsewhere = {
            "http://api.example.com": "http://proxy.invalid",
            "https": "http://proxy.invalid",
        }
        assert session.get(api.origin, proxies=elsewhere).status_code == 200
        session.get(api.origin, proxies={"http": api.origin})
        assert api.requests[-1].target == api.origin + "/"


# The body of a rejection.


def dripping(head: bytes, drop: bytes = b"x", pause: float = 0.3) -> object:
    """Reject the first request with a body that drips; the second one is fine."""
    requests_seen = itertools.count()

    def play(connection: Connection) -> None:
        while True:
            connection.read_request()
            if next(requests_seen):
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")
            else:
                connection.send(b"HTTP/1.1 401 X\r\n" + head + b"\r\n\r\n")
                while True:
                    connection.send(drop)
                    connection.pause(pause)

    return play


HEADS = {
    "with a length": (b"Content-Length: 60000", b"x"),
    "in chunks": (b"Transfer-Encoding: chunked", b"1\r\nx\r\n"),
    "in one chunk": (b"Transfer-Encoding: chunked", b"0"),
    "until the end": (b"Connection: close", b"x"),
    "as an event stream": (b"Content-Type: text/event-stream\r\nConnection: close", b": \n\n"),
}


@pytest.mark.rule(5)
@pytest.mark.parametrize("kind", HEADS)
def test_a_rejection_that_drips_does_not_hold_its_caller(kind):
    with (
        Api() as api,
        session_of(Source(), api.origin, pool_maxsize=1, pool_block=True) as session,
    ):
        api.play = dripping(*HEADS[kind])
        began = time.monotonic()
        response = session.get(api.origin, stream=True, timeout=20)
        assert (response.status_code, response.content) == (200, b"fine")
        assert time.monotonic() - began < 8
        assert session.get(api.origin).content == b"fine"


@pytest.mark.rule(6)
def test_a_rejection_that_drips_and_is_the_callers_stays_whole():
    def play(connection: Connection) -> None:
        connection.read_request()
        connection.send(b"HTTP/1.1 401 X\r\nContent-Length: 8\r\n\r\n")
        connection.trickle(b"rejected", 0.3)
        connection.pause(20)

    with Api() as api, session_of(Source(), api.origin) as session:
        api.play = play
        response = session.post(api.origin, data=iter([b"once"]), stream=True)
        assert response.raw.read(3) == b"rej"
        assert response.content == b"ected"


@pytest.mark.rule(5)
def test_a_rejection_that_a_function_found_in_its_beginning_may_drip_as_well():
    def begins_with_x(response: requests.Response) -> bool:
        return response.status_code == 401 and response.raw.read(1) == b"x"

    with Api() as api, session_of(Source(), api.origin, rejects=begins_with_x) as session:
        api.play = dripping(b"Content-Length: 60000")
        began = time.monotonic()
        assert session.get(api.origin, stream=True).content == b"fine"
        assert time.monotonic() - began < 8


BROKEN = {
    "a negative chunk": b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n",
    "a huge chunk": b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\nhello\r\n",
    "no chunk": b"Transfer-Encoding: chunked\r\n\r\nhello\r\n",
    "cut off": b"Content-Length: 100\r\n\r\nhello",
    "a negative length": b"Content-Length: -5\r\n\r\nhello",
    "not compressed": b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
}


@pytest.mark.rule(5)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", BROKEN)
def test_a_malformed_body_of_a_rejection_does_not_hinder_the_resend(kind, stream):
    scripts = iter([b"HTTP/1.1 401 X\r\n" + BROKEN[kind], answer(b"fine")])
    with Api(lambda _: next(scripts)) as api, session_of(Source(), api.origin) as session:
        response = session.get(api.origin, stream=stream)
        assert (response.status_code, response.content) == (200, b"fine")


@pytest.mark.parametrize("kind", BROKEN)
def test_a_malformed_rejection_that_is_the_callers_is_returned_as_plain_requests_does(kind):
    with (
        Api(b"HTTP/1.1 401 X\r\n" + BROKEN[kind]) as api,
        session_of(Source(), api.origin) as session,
    ):
        response = session.post(api.origin, data=iter([b"once"]), stream=True)
        assert response.status_code == 401
        if kind == "cut off":  # and its end is an error, as there
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                response.content  # noqa: B018


def test_only_the_first_8_kib_of_challenges_are_read():
    header = 'Bearer error="one", ' + "a" * 9000 + ', Bearer error="two"'
    assert [each.parameters.get("error") for each in Challenge.parse(header)][:1] == ["one"]
    assert len(Challenge.parse("Bearer " * 1_000_000)) <= 8192
    long = ", ".join(['Bearer error="invalid_token"'] * 3000)
    assert len(Challenge.parse(long)) == 8192 // len('Bearer error="invalid_token", ') + 1


# What is sent without a token.


@pytest.mark.rule(1)
@pytest.mark.parametrize("host", ["other.example.com", b"other.example.com", "127.0.0.1:1", "a b"])
@pytest.mark.parametrize("plain", [False, True])
def test_a_host_header_for_another_name_gets_no_token(server, host, plain, caplog):
    with Api(lambda _: Reply()) as api, session_for(server, api.origin) as session:
        request = session.prepare_request(requests.Request("GET", api.origin))
        request.headers["hOST"] = host
        if plain:
            request.headers = dict(request.headers)
        with caplog.at_level(logging.WARNING, "requests_cc"):
            session.send(request)
            session.send(request)
        assert api.tokens == [None, None]
    warnings = [each.message for each in caplog.records if "Host header" in each.message]
    assert len(warnings) == 1


def test_a_host_header_for_the_same_or_another_named_origin_gets_the_token(server):
    with Api(lambda _: Reply()) as api:
        origins = [api.origin, "http://127.0.0.2"]
        with session_for(server, api.origin, origins=origins) as session:
            for host in (f"127.0.0.1:{api.port}", "127.0.0.2", "127.0.0.2:80"):
                session.get(api.origin, headers={"Host": host})
        assert None not in api.tokens


# Proofs.


@pytest.mark.parametrize("through_transport", [False, True])
@pytest.mark.parametrize("target", ["/a", "//a//b", "///a?x=1", "/a//b?x=//y", "//"])
def test_a_proof_names_the_url_that_is_sent(target, through_transport):
    source = Source(token_type="DPoP", dpop=DPoPKey.generate())
    options = {"transport": HTTPAdapter()} if through_transport else {}
    with Api(lambda _: Reply()) as api, session_of(source, api.origin, **options) as session:
        session.get(api.origin + target)
        (arrived,) = api.requests
    claims = opened(arrived.headers["DPoP"])[1]
    assert claims["htu"] == api.origin + arrived.target.partition("?")[0]


def test_a_token_that_needs_a_proof_without_a_key_is_an_error():
    with Api() as api, session_of(Source(token_type="DPoP"), api.origin) as session:
        with pytest.raises(ConfigurationError, match=r"DPoP.*has no key"):
            session.get(api.origin)
        assert api.requests == []


# A cache beneath the adapter.


class CachingAdapter(HTTPAdapter):
    """As CacheControl's, which may not be installed."""

    def __init__(self, cache: object) -> None:
        super().__init__()
        self.cache = cache


CachingAdapter.__module__ = "cachecontrol.adapter"


class Cache:
    """What CacheControl's caches are to this test."""


@pytest.mark.parametrize("one_adapter", [True, False])
def test_a_cache_of_responses_serves_one_client(one_adapter):
    held = Cache()
    transport = CachingAdapter(held)
    origin = "https://api.example.com"
    ClientCredentialsAdapter(Source("one"), origins=origin, transport=transport)
    ClientCredentialsAdapter(Source("one"), origins="https://b.example.com", transport=transport)
    second = transport if one_adapter else CachingAdapter(held)
    with pytest.raises(ConfigurationError, match="response cache that serves another client"):
        ClientCredentialsAdapter(Source("two"), origins=origin, transport=second)
    ClientCredentialsAdapter(Source("two"), origins=origin, transport=CachingAdapter(Cache()))


# A forked child.


@needs_fork
@pytest.mark.rule(15)
@pytest.mark.parametrize("through_transport", [False, True])
@pytest.mark.parametrize("proxied", [False, True])
def test_a_child_has_connections_of_its_own(through_transport, proxied):
    options = {"transport": HTTPAdapter()} if through_transport else {}
    with (
        Api(lambda arrived: Reply(body=arrived.target.encode())) as api,
        session_of(Source(), api.origin, **options) as session,
    ):
        if proxied:
            session.proxies = {"http": api.origin}

        def calls(name: str) -> bool:
            texts = [session.get(f"{api.origin}/{name}/{n}").text for n in range(20)]
            return all(text.endswith(f"/{name}/{n}") for n, text in enumerate(texts))

        assert calls("parent")
        assert api.accepted == 1
        assert [in_child(lambda name=name: calls(name)) for name in ("one", "two")] == ["True"] * 2
        assert calls("parent")
        assert api.accepted == 3


@needs_fork
def test_an_adapter_that_is_gone_is_no_matter_in_a_child():
    kept = ClientCredentialsAdapter(Source(), origins="https://api.example.com")._connections
    gc.collect()
    assert in_child(lambda: "fine") == "fine"
    assert kept


# The token in frames.


def frames(error: BaseException) -> Iterator[tuple[str, object]]:
    """Yield the variables of all frames of an error and of those that led to it."""
    seen: set[int] = set()
    ahead: list[BaseException | None] = [error]
    while ahead:
        each = ahead.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        ahead += [each.__cause__, each.__context__]
        traceback: TracebackType | None = each.__traceback__
        while traceback is not None:
            frame = traceback.tb_frame
            for name, value in frame.f_locals.items():
                yield f"{frame.f_code.co_name}: {name}", value
            traceback = traceback.tb_next


def shown(value: object) -> str:
    """As crash reporters show a variable: members of a mapping one by one."""
    if hasattr(value, "items"):
        return ", ".join(f"{name!r}: {each!r}" for name, each in value.items()) + repr(value)
    return repr(value)


@pytest.mark.parametrize("options", [{}, {"header": "X-Token", "scheme": ""}, {"scheme": "Own"}])
@pytest.mark.parametrize("failing", ["time-out", "dropped", "refused"])
def test_no_frame_of_a_failing_call_shows_the_token(options, failing):
    script = {"time-out": lambda _: time.sleep(1), "dropped": None, "refused": None}[failing]
    with Api(script) as api, session_of(Source(), api.origin, **options) as session:
        if failing == "refused":
            api.refuse()
        with pytest.raises(requests.RequestException) as caught:
            session.get(api.origin, timeout=0.2)
    variables = list(frames(caught.value))
    assert any("urlopen" in name for name, _ in variables)
    assert [name for name, value in variables if "token-of-key" in shown(value)] == []


class TimeLimit(Exception):
    """What a worker's time limit raises, as Celery's does, in the middle of anything."""


@pytest.mark.parametrize("killer", [TimeLimit, KeyboardInterrupt, SystemExit])
def test_no_frame_of_a_call_that_is_interrupted_while_it_connects_shows_the_token(
    monkeypatch, killer
):
    def interrupted(*_: object, **__: object) -> None:
        raise killer

    with Api(None) as api, session_of(Source(), api.origin) as session:
        monkeypatch.setattr("urllib3.util.connection.create_connection", interrupted)
        with pytest.raises(killer) as caught:
            session.get(api.origin, timeout=5)
    variables = list(frames(caught.value))
    assert any("_new_conn" in name for name, _ in variables)
    assert [name for name, value in variables if "token-of-key" in shown(value)] == []


def test_the_header_is_the_text_in_all_but_its_repr():
    text = "Bearer the-token"
    value = AccessToken("the-token").authorization
    assert isinstance(value, str)
    assert (value, hash(value), f"{value}", str(value), f"{value}") == (
        text,
        hash(text),
        *[text] * 3,
    )
    assert "the-token" not in f"{value!r}{[value]}{(value,)}{ {'a': value} }"
    assert value.encode() == text.encode()
    for made in (
        copy.copy(value),
        copy.deepcopy(value),
        pickle.loads(pickle.dumps(value)),
        str(value),
    ):
        assert type(made) is str
        assert made == text


def test_recorders_that_write_yaml_write_the_text():
    yaml = pytest.importorskip("yaml")
    value = AccessToken("the-token").authorization
    for dumper in (
        yaml.Dumper,
        yaml.SafeDumper,
        *([yaml.CDumper] if yaml.__with_libyaml__ else []),
    ):
        assert yaml.dump({"a": [value]}, Dumper=dumper) == yaml.dump({"a": ["Bearer the-token"]})


def test_servers_get_the_text(server):
    with Api(lambda _: Reply()) as api, session_of(Source(), api.origin) as session:
        session.get(api.origin)
        assert b"\r\nAuthorization: Bearer token-of-key-0\r\n" in api.requests[0].raw
