"""mount(): an adapter on each of its origins."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest
import requests

from requests_cc import (
    ClientCredentialsAdapter,
    ConfigurationError,
    OriginRouter,
    TokenCache,
    mount,
)
from tests.support.api import Api, needs_token
from tests.support.sources import OneToken
from tests.support.threads import in_threads


@pytest.fixture
def switching() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def adapter_for(*origins: str) -> ClientCredentialsAdapter:
    return ClientCredentialsAdapter(OneToken(), origins=origins, cache=TokenCache())


def test_default_ports_are_mounted_in_both_spellings():
    session, adapter = (
        requests.Session(),
        adapter_for("https://api.example.com", "http://localhost:80/x"),
    )
    mount(session, adapter)
    for url in (
        "https://api.example.com/path",
        "https://api.example.com:443/path",
        "HTTPS://API.EXAMPLE.COM/path",
        "http://localhost/",
        "http://localhost:80/",
    ):
        assert session.get_adapter(url) is adapter
    for url in (
        "https://api.example.com.evil.net/",
        "https://api.example.com:4430/",
        "http://localhost:8/",
    ):
        assert session.get_adapter(url) is not adapter


def test_ipv6_and_other_ports_are_mounted():
    session, adapter = (
        requests.Session(),
        adapter_for("https://[2001:DB8:0::1]:8443", "https://b\u00fccher.example"),
    )
    mount(session, adapter)
    assert session.get_adapter("https://[2001:db8::1]:8443/x") is adapter
    assert session.get_adapter("https://xn--bcher-kva.example/x") is adapter
    assert session.get_adapter("https://[2001:db8::1]/x") is not adapter


def test_the_longest_prefix_stays_first():
    session = requests.Session()
    special = requests.adapters.HTTPAdapter()
    session.mount("https://api.example.com/special/", special)
    session.mount("https://a", requests.adapters.HTTPAdapter())
    adapter = adapter_for("https://api.example.com")
    mount(session, adapter)
    lengths = [len(prefix) for prefix in session.adapters]
    assert lengths == sorted(lengths, reverse=True)
    assert session.get_adapter("https://api.example.com/special/x") is special
    assert session.get_adapter("https://api.example.com/other") is adapter
    session.mount("https://api.example.com/later/", special)
    assert session.get_adapter("https://api.example.com/later/x") is special


def test_another_adapter_takes_the_place_of_the_one_before():
    session = requests.Session()
    first, second = adapter_for("https://api.example.com"), adapter_for("https://api.example.com")
    mount(session, first)
    mount(session, second)
    assert first not in session.adapters.values()
    assert len(session.adapters) == 4


def test_a_router_is_mounted_on_its_origins():
    session = requests.Session()
    router = OriginRouter({"https://a.example": adapter_for("https://a.example")})
    mount(session, router)
    assert session.get_adapter("https://a.example:443/") is router
    assert session.get_adapter("https://b.example/") is not router


@pytest.mark.parametrize(
    "adapter", [requests.adapters.HTTPAdapter(), None, "https://x", OriginRouter({})]
)
def test_what_has_no_origins_is_refused(adapter):
    with pytest.raises(ConfigurationError, match="takes an adapter that has origins"):
        mount(requests.Session(), adapter)


def test_mounting_is_safe_while_other_threads_send(switching):
    with Api(needs_token) as api, requests.Session() as session:
        mount(session, adapter_for(api.origin))
        stop = threading.Event()
        mounted = []

        def work(number: int) -> int:
            if number == 0:
                for port in range(1, 60):
                    mount(session, adapter_for(f"http://127.0.0.1:{port}"))
                    mounted.append(port)
                stop.set()
                return 200
            statuses = {session.get(api.origin).status_code}
            while not stop.is_set():
                for _ in range(5):
                    session.get_adapter("http://x")  # the last of all prefixes
                statuses.add(session.get(api.origin).status_code)
            return statuses.pop() if len(statuses) == 1 else 0

        assert in_threads(9, work) == [200] * 9
    assert set(api.tokens) == {"the-token"}


def test_two_threads_that_mount_lose_neither(switching):
    session = requests.Session()
    in_threads(
        8,
        lambda n: [
            mount(session, adapter_for(f"http://127.0.0.1:{n + 1}{p:03}")) for p in range(1, 50)
        ],
    )
    assert len(session.adapters) == 2 + 8 * 49


def test_an_object_that_is_not_a_session_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"mount\(\) takes a requests.Session first"):
        mount(None, requests.adapters.HTTPAdapter())  # type: ignore[arg-type]


def test_the_longest_prefix_comes_first_after_many_mounts() -> None:
    adapters = [adapter_for(f"https://a{number}.example.com") for number in range(200)]
    session = requests.Session()
    for adapter in adapters:
        mount(session, adapter)
    assert session.get_adapter("https://a199.example.com/x") is adapters[-1]
    lengths = [len(prefix) for prefix in session.adapters]
    assert lengths == sorted(lengths, reverse=True)
