"""Redis and Valkey: whatever client the user made, and whatever somebody else put there."""

from __future__ import annotations

import json
import logging
import pickle
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio
import valkey
from cryptography.fernet import Fernet

from requests_cc import ConfigurationError, TokenStoreError
from requests_cc.cache.stores.guard import Breaker
from requests_cc.cache.stores.redis import LEASE, RedisTokenStore
from tests.support.forked_child import in_child, needs_fork
from tests.support.redis_server import RedisServer, free_port
from tests.support.sources import PATIENCE, ManualClock
from tests.support.store_workers import fleet

SECRET = b"s3cr3t-token"
OLD, NEW = Fernet.generate_key(), Fernet.generate_key()


@pytest.fixture(params=[False, True], ids=["bytes", "str"])
def client(request: pytest.FixtureRequest, server: RedisServer) -> Iterator[redis.Redis]:
    with server.client(decode_responses=request.param) as client:
        yield client


@pytest.fixture
def store(client: redis.Redis) -> RedisTokenStore:
    return RedisTokenStore(client)


def names(server: RedisServer) -> list[str]:
    with server.client(decode_responses=True) as client:
        return sorted(client.scan_iter())


def test_the_prefix_is_the_users(server: RedisServer, client: redis.Redis) -> None:
    store = RedisTokenStore(client, prefix="staging:tokens:")
    store.set("k", SECRET, 60)
    with store.lock("k", 0):
        token, lock = names(server)
    assert token.startswith("staging:tokens:")
    assert len(token) == len("staging:tokens:") + 64
    assert lock == f"{token}:lock"
    assert RedisTokenStore(client).get("k") is None


def test_an_entry_expires_with_its_token(
    server: RedisServer, store: RedisTokenStore, client: redis.Redis
) -> None:
    store.set("k", SECRET, 2.5)
    [name] = names(server)
    assert 1000 < client.pttl(name) <= 2500
    store.set("k", SECRET, float("inf"))
    assert client.ttl(name) <= 30 * 86400
    store.set("k", SECRET, 0.0004)
    assert names(server) == []


def test_an_evicted_entry_is_a_miss(
    server: RedisServer, store: RedisTokenStore, client: redis.Redis
) -> None:
    store.set("k", SECRET, 60)
    client.delete(*names(server))
    assert store.get("k") is None


@pytest.mark.parametrize(
    "command",
    [
        ("SET", "rubbish"),
        ("SET", b"\xff\xfe\x00"),
        ("SET", ""),
        ("SET", "x" * 3_000_000),
        ("SET", json.dumps({"format": 2, "value": "newer"})),
        ("RPUSH", "a", "list"),
        ("HSET", "a", "hash"),
        ("SADD", "a set"),
    ],
    ids=lambda command: str(command)[:24],
)
@pytest.mark.parametrize("encryption_key", [None, OLD], ids=["plain", "encrypted"])
def test_an_unusable_entry_is_a_miss_and_is_replaced(
    client: redis.Redis, command: tuple[Any, ...], encryption_key: bytes | None
) -> None:
    store = RedisTokenStore(client, encryption_key=encryption_key)
    [name] = store._vault.names("k")
    verb, *arguments = command
    client.execute_command(verb, f"requests-cc:{name}", *arguments)
    breaker = Breaker(store, deadline=PATIENCE)
    assert store.get("k") is None
    assert breaker.get("k") is None
    assert breaker.available
    store.set("k", SECRET, 60)
    assert store.get("k") == SECRET


def test_anothers_token_copied_here_is_a_miss(client: redis.Redis) -> None:
    store = RedisTokenStore(client, encryption_key=OLD)
    store.set("theirs", SECRET, 60)
    [theirs], [mine] = store._vault.names("theirs"), store._vault.names("mine")
    client.copy(f"requests-cc:{theirs}", f"requests-cc:{mine}")
    assert store.get("mine") is None
    assert store.get("theirs") == SECRET


def test_something_else_under_the_locks_name_is_a_lock_that_another_holds(
    client: redis.Redis, store: RedisTokenStore
) -> None:
    [name] = store._vault.names("k")
    client.rpush(f"requests-cc:{name}:lock", "a list")
    with store.lock("k", 0) as obtained:
        assert not obtained


@pytest.mark.slow
def test_a_lock_is_extended_while_it_is_held(
    store: RedisTokenStore,
    client: redis.Redis,
    server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("requests_cc.cache.stores.redis.LEASE", 1.5)
    with store.lock("k", 0) as obtained:
        assert obtained
        time.sleep(2.5)
        assert client.exists(*names(server)) == 1
    assert names(server) == []


@pytest.mark.slow
def test_a_lock_is_not_extended_for_ever(
    store: RedisTokenStore, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("requests_cc.cache.stores.redis.LEASE", 0.3)
    monkeypatch.setattr("requests_cc.cache.stores.redis.LONGEST_HOLD", 0.3)
    with store.lock("k", 0) as first, store.lock("k", PATIENCE) as second:
        assert first
        assert second


@pytest.mark.slow
def test_an_extension_that_fails_is_tried_again(
    own_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("requests_cc.cache.stores.redis.LEASE", 6.0)
    with own_server.client() as client, own_server.client() as watcher:

        def refused() -> int:
            scripts = watcher.info("commandstats").get("cmdstat_evalsha", {})
            return int(scripts.get("rejected_calls", 0))

        with RedisTokenStore(client).lock("k", 0) as obtained:
            assert obtained
            watcher.execute_command("ACL", "SETUSER", "default", "-evalsha")
            wait_until(lambda: refused() > 0)
            [lock] = names(own_server)
            left = watcher.pttl(lock)
            watcher.execute_command("ACL", "SETUSER", "default", "+evalsha")
            wait_until(lambda: watcher.pttl(lock) > left)


def test_a_lock_has_a_lease(store: RedisTokenStore, client: redis.Redis) -> None:
    with store.lock("k", 0):
        [name] = store._vault.names("k")
        assert 0 < client.pttl(f"requests-cc:{name}:lock") <= LEASE * 1000


def leases() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "requests-cc lease"]


def ended(threads: list[threading.Thread]) -> bool:
    for thread in threads:
        thread.join(PATIENCE)
    return not any(thread.is_alive() for thread in threads)


def test_a_lock_that_lapsed_is_left_to_who_has_it_now(
    store: RedisTokenStore, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("requests_cc.cache.stores.redis.LEASE", 0.6)
    [name] = store._vault.names("k")
    with store.lock("k", 0):
        client.set(f"requests-cc:{name}:lock", "somebody else's")
        assert ended(leases())  # it does not extend what is not its own
    assert client.exists(f"requests-cc:{name}:lock") == 1


def test_a_lock_that_vanished_raises_nothing_at_its_release(
    store: RedisTokenStore, client: redis.Redis
) -> None:
    with store.lock("k", 0):
        client.flushall()


def test_the_thread_that_extends_ends_with_the_lock(store: RedisTokenStore) -> None:
    with store.lock("k", 0):
        threads = leases()
        assert len(threads) == 1
    assert ended(threads)


def test_without_a_thread_a_lock_is_held_for_its_first_lease(
    store: RedisTokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with store.lock("k", 0) as obtained:
        assert obtained


@needs_fork
def test_a_child_uses_the_store_and_leaves_its_parents_lock(store: RedisTokenStore) -> None:
    store.set("k", SECRET, 60)
    lock = store.lock("k", 0)
    assert lock.__enter__()

    def child() -> tuple[bytes | None, bool]:
        lock.__exit__(None, None, None)
        with store.lock("k", 0) as obtained:
            return store.get("k"), obtained

    assert in_child(child) == f"({SECRET!r}, False)"
    lock.__exit__(None, None, None)
    with store.lock("k", 0) as obtained:
        assert obtained


@pytest.mark.slow
def test_eight_processes_make_one_token(server: RedisServer, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    assert fleet(server.address, counter, 8) == [b"the token"] * 8
    assert counter.read_bytes() == b"."


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"decode_responses": True}], ids=["bytes", "str"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning:redis")
def test_a_cluster_is_a_store(settings: dict[str, Any]) -> None:
    server = RedisServer("--cluster-enabled", "yes", port=free_port())
    with ExitStack() as closing:
        closing.callback(server.close)
        with server.client() as node:
            node.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
            wait_until(lambda: b"cluster_state:ok" in server.says("CLUSTER INFO"))
        for module in (redis.cluster.RedisCluster, valkey.cluster.ValkeyCluster):
            cluster = module(**server.address, **settings)
            closing.callback(cluster.close)
            check(RedisTokenStore(cluster, encryption_key=[NEW, OLD]))


def wait_until(condition: Any) -> None:
    stop = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < stop
        time.sleep(0.05)


def check(store: RedisTokenStore) -> None:
    for key in ("one", "two", "three"):
        store.set(key, SECRET, 60)
        assert store.get(key) == SECRET
        with store.lock(key, 0) as obtained, store.lock(key, 0) as again:
            assert (obtained, again) == (True, False)
        store.delete(key)
        assert store.get(key) is None


def test_what_a_sentinel_gives_is_a_store() -> None:
    master = RedisServer(port=free_port())
    with ExitStack() as closing:
        closing.callback(master.close)
        watch = f"sentinel monitor m 127.0.0.1 {master.port} 1"
        sentinel = RedisServer("--sentinel", port=free_port(), configuration=watch)
        closing.callback(sentinel.close)
        known = redis.Sentinel([("127.0.0.1", sentinel.port)], socket_timeout=PATIENCE)
        with known.master_for("m", socket_timeout=PATIENCE) as client:
            check(RedisTokenStore(client))
        known.sentinels[0].close()


class OwnClient(redis.Redis):
    """A client that can be pickled, since it knows where it connects to."""

    def __init__(self, path: str) -> None:
        super().__init__(unix_socket_path=path)
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return OwnClient, (self.path,)


@pytest.mark.parametrize("clock", [None, ManualClock()])
def test_it_can_be_pickled_if_its_client_can(
    server: RedisServer, clock: ManualClock | None
) -> None:
    settings = {} if clock is None else {"clock": clock}
    with OwnClient(server.socket) as client:
        store: RedisTokenStore = RedisTokenStore(
            client, encryption_key=[NEW, OLD], prefix="p:", **settings
        )
        store.set("k", SECRET, 60)
        copy = pickle.loads(pickle.dumps(store))
        assert copy.get("k") == SECRET
        assert copy._prefix == "p:"
        copy._client.close()


@pytest.mark.parametrize(
    "client", [None, "redis://localhost", redis.asyncio.Redis(), dict], ids=lambda c: str(type(c))
)
def test_an_invalid_client_is_refused(client: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"such as redis\.Redis\(\), not "):
        RedisTokenStore(client)


def test_a_prefix_is_a_text(client: redis.Redis) -> None:
    with pytest.raises(ConfigurationError, match="prefix must be a str"):
        RedisTokenStore(client, prefix=b"p:")  # type: ignore[arg-type]


def every_call(store: RedisTokenStore) -> dict[str, Any]:
    def lock() -> None:
        with store.lock("k", 0):
            pass

    return {
        "GETRANGE": lambda: store.get("k"),
        "SET": lambda: store.set("k", SECRET, 60),
        "DEL": lambda: store.delete("k"),
        "SET NX": lock,
    }


def test_a_refusal_is_reported_without_what_was_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Redis repeats an unknown command with its arguments: here, with the token."""
    renamed = RedisServer(*["--rename-command", "SET", "x", "--rename-command", "GETRANGE", "y"])
    try:
        with renamed.client() as client:
            store = RedisTokenStore(client)
            for command in ("GETRANGE", "SET", "SET NX"):
                with pytest.raises(TokenStoreError) as caught:
                    every_call(store)[command]()
                assert str(caught.value) == f"{command} failed: ResponseError"
                assert caught.value.__cause__ is None
                assert caught.value.__context__ is None
                assert isinstance(caught.value, TokenStoreError)
            with caplog.at_level(logging.WARNING, "requests_cc"):
                Breaker(store, deadline=PATIENCE).set("k", SECRET, 60)
        assert "SET failed: ResponseError" in caplog.text
        assert "the client has a socket_timeout" in caplog.text
        assert SECRET.decode() not in caplog.text
    finally:
        renamed.close()


@pytest.mark.parametrize("command", ["GETRANGE", "SET", "DEL", "SET NX"])
def test_for_a_user_without_permission_the_error_names_the_command(
    server: RedisServer, command: str
) -> None:
    with server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "weak", "on", ">pw", "~*", "+ping")
        with server.client(username="weak", password="pw") as client:
            store = RedisTokenStore(client)
            with pytest.raises(TokenStoreError, match=f"^{command} failed: NoPermissionError"):
                every_call(store)[command]()
        admin.execute_command("ACL", "DELUSER", "weak")
