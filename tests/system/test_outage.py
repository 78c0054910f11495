"""An outage of the authorization server that ends shortly before the token expires."""

from __future__ import annotations

import time

import pytest

from requests_cc import ClientCredentials, TokenCache
from tests.support.scripts import Request, answer, token
from tests.support.server import Server
from tests.support.sources import ManualClock

LIFETIME = 300
BEGINS = 200  # before renewal ahead is due
CLIENTS = 12  # pauses are jittered: each has its own


@pytest.mark.rule(11)
@pytest.mark.rule(12)
@pytest.mark.parametrize("ends", [294, 299])
def test_no_pause_outlives_the_outage(ends: int) -> None:
    clock = ManualClock(time.time())
    began = clock.time()

    def endpoint(request: Request) -> bytes:
        if BEGINS <= clock.time() - began < ends:
            return answer({"error": "access_denied"}, "403 Forbidden")
        # The token counts from the real time of its request.
        return token(expires_in=LIFETIME + clock.time() - time.time())

    with Server(endpoint) as server:
        cache = TokenCache(clock=clock, background=False)
        clients = [ClientCredentials(server.url, f"client-{n}", "s3cret") for n in range(CLIENTS)]
        for _ in range(LIFETIME + 100):
            for credentials in clients:
                cache.token(credentials)  # raises if a pause goes on without a token
            clock.forward(1)
        assert cache.stats().failures >= CLIENTS
