"""A pytest plugin: each new requests session sends through a ClientCredentialsAdapter.

httpbin's origins are named, so whatever requests' tests send there carries a token, and each 401
from there causes a renewal and a resend. Each session has a cache of its own.
"""

from __future__ import annotations

import itertools
import socket
from collections.abc import Generator, Iterator
from typing import Any

import pytest
import requests.sessions

from requests_cc import AccessToken, ClientCredentialsAdapter, TokenCache

_BASIC = "rule 3: the token replaces the Basic header on a named origin"
_DIGEST = "rule 3: the token replaces the Digest header on a named origin"
_NETRC = "rule 3: the token replaces the header from netrc on a named origin"

#: Each must fail, and does only if the adapter is in place and httpbin's origins are named.
EXPECTED_FAILURES = {
    "test_BASICAUTH_TUPLE_HTTP_200_OK_GET": _BASIC,
    "test_DIGEST_HTTP_200_OK_GET": _DIGEST,
    "test_DIGEST_AUTH_RETURNS_COOKIE": _DIGEST,
    "test_DIGEST_STREAM": _DIGEST,
    "test_basicauth_with_netrc": _NETRC,
    "test_basicauth_with_netrc_leak": _NETRC,
}

named_origins = ["https://no-server-runs.invalid"]  # an adapter needs one before httpbin starts
numbers = itertools.count(1)


class NumberedTokens:
    """A source whose every token differs from the last, so that a rejection leads to a resend."""

    cache_key = "numbered"

    def request_token(self) -> AccessToken:
        """Return the next token."""
        return AccessToken(f"token-{next(numbers)}")


def adapter() -> ClientCredentialsAdapter:
    """Return what a session mounts in the place of ``HTTPAdapter()``."""
    return ClientCredentialsAdapter(NumberedTokens(), origins=named_origins, cache=TokenCache())


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
    """Name the origin of each httpbin that starts."""
    value = yield
    if fixturedef.argname in {"httpbin", "httpbin_secure"} and hasattr(value, "url"):
        named_origins.append(value.url)
    return value


@pytest.fixture(autouse=True, scope="session")
def _sessions_send_through_the_adapter() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.sessions, "HTTPAdapter", adapter)
        yield


@pytest.fixture(autouse=True)
def _tarpit_on_loopback(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Let the tests of connect timeouts connect to a full listener, not to another network.

    Once its queue is full, Linux drops what else wants to connect.
    """
    if not hasattr(request.module, "TARPIT"):
        yield
        return
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        port = listener.getsockname()[1]
        monkeypatch.setattr(request.module, "TARPIT", f"http://127.0.0.1:{port}")
        yield


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Expect the failures; one that passes, or is no longer there, fails the run."""
    for item in items:
        if item.name in EXPECTED_FAILURES:
            reason = EXPECTED_FAILURES[item.name]
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
    missing = EXPECTED_FAILURES.keys() - {item.name for item in items}
    if missing and config.args == ["tests"]:
        raise pytest.UsageError(f"requests no longer has {', '.join(sorted(missing))}")
