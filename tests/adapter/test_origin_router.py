"""OriginRouter: one mount for many audiences."""

from __future__ import annotations

import pickle

import pytest
import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from requests_cc import (
    ClientCredentialsAdapter,
    ConfigurationError,
    OriginRouter,
    TokenCache,
)
from tests.support.api import Api, needs_token
from tests.support.sources import OneToken


class Named(BaseAdapter):
    """Somebody else's adapter."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


@pytest.mark.rule(1)
def test_each_origin_gets_its_own_token_and_every_other_url_none():
    with (
        Api(needs_token) as one,
        Api(needs_token) as two,
        Api(needs_token) as other,
    ):
        cache = TokenCache()
        router = OriginRouter(
            {
                api.origin: ClientCredentialsAdapter(
                    OneToken(name), origins=api.origin, cache=cache
                )
                for name, api in (("one", one), ("two", two))
            }
        )
        with requests.Session() as session:
            session.mount("http://", router)
            for api in (one, two, other):
                session.post(api.origin + "/path", data=b"body", timeout=10)
    assert (one.tokens, two.tokens, other.tokens) == (["one"], ["two"], [None])
    assert [arrived.body for arrived in one.requests + other.requests] == [b"body"] * 2


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/",
        "https://api.example.com/path//more?x=/",
        "https://api.example.com:443/",
        "https://api.example.com",
        "https://api.example.com?query",
        "HTTPS://API.example.com/",
        "https://user:password@api.example.com/",
    ],
)
def test_every_spelling_of_an_origin_finds_its_adapter(url):
    adapter, default = Named(), Named()
    router = OriginRouter({"https://API.example.com:443/ignored": adapter}, default)
    assert router.adapter_for(url) is adapter


@pytest.mark.rule(1)
@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "https:///api.example.com/",
        "/",
        "https://api.example.com.evil.net/",
        "https://api.example.com@evil.net/",
        "https://api.example.com\\@evil.net/",
        "https://api.example.com./",
        "https://api%2eexample.com/",
        "https://api.example.com:8443/",
        "http://api.example.com/",
        "mailto:api.example.com",
    ],
)
def test_every_other_url_gets_the_default(url):
    default = Named()
    assert OriginRouter({"https://api.example.com": Named()}, default).adapter_for(url) is default


def test_without_a_default_a_plain_adapter_sends_the_rest():
    router = OriginRouter({})
    assert type(router.adapter_for("https://api.example.com/")) is HTTPAdapter
    router.close()


def test_ports_ipv6_and_internationalized_names_have_adapters_of_their_own():
    urls = ["http://a.example:81", "http://a.example", "http://[::1]", "http://b\u00fccher.example"]
    router = OriginRouter({url: Named() for url in urls}, Named())
    found = {id(router.adapter_for(url + "/x")) for url in urls}
    assert len(found) == 4
    assert router.origins == (
        "http://a.example:81",
        "http://a.example",
        "http://[::1]",
        "http://xn--bcher-kva.example",
    )
    assert router.adapter_for("http://xn--bcher-kva.example/") is router.adapter_for(urls[3])


@pytest.mark.parametrize(
    ("adapters", "default", "message"),
    [
        ({"api.example.com": Named()}, None, "adapters has a key that is not a valid URL"),
        ({5: Named()}, None, "adapters has a key that is not a valid URL"),
        (
            {"https://a.example": Named(), "https://A.example:443/x": Named()},
            None,
            "two entries for the origin https://a",
        ),
        (
            {"https://a.example": "adapter"},
            None,
            "a str for https://a.example; pass a requests adapter",
        ),
        ({}, "adapter", "default must be a requests adapter"),
    ],
)
def test_wrong_settings_are_refused(adapters, default, message):
    with pytest.raises(ConfigurationError, match=message):
        OriginRouter(adapters, default)


def test_closing_closes_each_adapter_once():
    shared, default = Named(), Named()
    OriginRouter({"https://a.example": shared, "https://b.example": shared}, default).close()
    assert (shared.closed, default.closed) == (1, 1)


def test_thousands_of_origins_are_found_at_once():
    adapters = {f"https://tenant-{n}.example": Named() for n in range(5000)}
    router = OriginRouter(adapters, Named())
    for n in (0, 2500, 4999):
        url = f"https://tenant-{n}.example"
        assert router.adapter_for(url + "/path") is adapters[url]
    assert len(router.origins) == 5000


def test_a_pickled_router_works():
    with Api(needs_token) as api:
        adapter = ClientCredentialsAdapter(OneToken("one"), origins=api.origin, cache=TokenCache())
        router = pickle.loads(pickle.dumps(OriginRouter({api.origin: adapter})))
        with requests.Session() as session:
            session.mount("http://", router)
            assert session.get(api.origin).status_code == 200


@pytest.mark.parametrize("adapters", [None, [], "https://api.example.com"])
def test_adapters_that_are_not_a_mapping_are_refused(adapters: object) -> None:
    with pytest.raises(ConfigurationError, match="adapters must be a mapping"):
        OriginRouter(adapters)  # type: ignore[arg-type]
