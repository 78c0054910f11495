"""requests-cache: above the adapter, or patched in for everybody; no token gets into its store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fresh_interpreter import printed_by
from tests.support.scripts import answer, token
from tests.support.server import Server

from .journey import Journey
from .packages import needed

requests_cache = needed("requests_cache", "requests-cache")


def test_a_cached_session_keeps_responses_and_no_token(journey: Journey, tmp_path: Path) -> None:
    session = journey.mounted(requests_cache.CachedSession(str(tmp_path / "cache.sqlite")))

    def call(number: int) -> None:
        fresh, cached = (session.get(f"{journey.url}{number}") for _ in range(2))
        assert (fresh.from_cache, cached.from_cache) == (False, True)
        assert fresh.status_code == cached.status_code == 200

    journey.assert_whole(call, stored=lambda: [tmp_path])
    assert session.cache.responses


CACHED = """
import sys, requests, requests_cache
before = sys.argv[2] == "before"
if before:
    import requests_cc
requests_cache.install_cache(backend="memory", allowable_methods=["GET", "HEAD", "POST"])
from requests_cc import AuthorizationServer, ClientCredentials
values = []
for name in ("one", "two"):
    server = sys.argv[1]
    if sys.argv[3] == "session":
        server = AuthorizationServer(server, session=requests.Session())
    values.append(ClientCredentials(server, name, "s3cret").request_token().value)
kept = list(requests_cache.get_cache().responses)
requests.get(sys.argv[1].replace("/token", "/other"))
assert len(list(requests_cache.get_cache().responses)) == 1  # it caches at all
print(values, kept)
"""


@pytest.mark.parametrize("whose", ["own", "session"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_patched_requests_cache_keeps_no_token_and_hands_none_on(when: str, whose: str) -> None:
    with Server(token("t1"), token("t2"), answer(b"fine")) as server:
        assert printed_by(CACHED, server.url, when, whose) == "['t1', 't2'] []"
