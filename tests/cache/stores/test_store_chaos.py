"""Redis killed, started again, paused, filled; and processes killed while they hold a lock."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
import valkey

from requests_cc import TokenStoreError
from requests_cc.cache.stores.file import FileTokenStore
from requests_cc.cache.stores.guard import Breaker
from requests_cc.cache.stores.redis import RedisTokenStore
from tests.support.redis_server import RedisServer, free_port
from tests.support.sources import PATIENCE, ManualClock, in_thread, outcomes
from tests.support.store_workers import KEY, LEASE, fleet, holder

pytestmark = pytest.mark.slow

Make = Callable[[RedisServer], Any]
CLIENTS: dict[str, Make] = {
    # Each as a user makes it who gives nothing but an address.
    "redis": lambda server: redis.Redis(**server.address),
    "redis str": lambda server: redis.Redis(**server.address, decode_responses=True),
    "valkey": lambda server: valkey.Valkey(**server.address),
    "socket_timeout": lambda server: redis.Redis(**server.address, socket_timeout=0.2, retry=None),
}


@pytest.fixture(params=list(CLIENTS))
def client(request: pytest.FixtureRequest, own_server: RedisServer) -> Iterator[Any]:
    with CLIENTS[request.param](own_server) as client:
        yield client


@pytest.fixture
def breaker(client: Any, clock: ManualClock, caplog: pytest.LogCaptureFixture) -> Breaker:
    caplog.set_level(logging.INFO, "requests_cc")
    breaker = Breaker(RedisTokenStore(client), clock=clock)
    breaker.set("k", b"v", 600)
    assert breaker.get("k") == b"v"
    return breaker


def until_recovered(breaker: Breaker, clock: ManualClock) -> None:
    stop = time.monotonic() + PATIENCE
    while not breaker.available:
        assert time.monotonic() < stop
        clock.forward(60)
        breaker.get("k")
        breaker.set("k", b"v", 600)
        time.sleep(0.05)


def take(breaker: Breaker, timeout: float = 0.0) -> bool:
    with breaker.lock("k", timeout) as obtained:
        return obtained


@contextmanager
def lasting_at_most(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.levelname for record in caplog.records if record.name == "requests_cc"]


def test_a_server_that_is_killed_and_started_again(
    own_server: RedisServer, breaker: Breaker, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    own_server.kill()
    with lasting_at_most(10):  # a second at the most, on a machine that has nothing else to do
        for _ in range(1000):
            assert breaker.get("k") is None
            assert not take(breaker, 0.5)
            breaker.set("k", b"v", 600)
    assert lines(caplog) == ["WARNING"]
    own_server.start()
    until_recovered(breaker, clock)
    assert breaker.get("k") == b"v"
    assert take(breaker)
    assert lines(caplog) == ["WARNING", "INFO"]


@pytest.mark.parametrize("first", ["get", "set", "lock"])
def test_a_server_that_is_paused_costs_a_caller_a_second_or_two(
    own_server: RedisServer,
    breaker: Breaker,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
    first: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("requests_cc.cache.stores.redis.LEASE", 1.0)
    asking: dict[str, Callable[[], object]] = {
        "get": lambda: breaker.get("k"),
        "set": lambda: breaker.set("k", b"w", 600),
        "lock": lambda: take(breaker, 0.5),
    }
    own_server.pause()
    try:
        with lasting_at_most(10):
            assert not asking[first]()
            for _ in range(1000):
                assert breaker.get("k") is None
                assert not take(breaker, 0.5)
                breaker.set("k", b"v", 600)
                breaker.delete("k")
    finally:
        own_server.resume()
    until_recovered(breaker, clock)
    assert take(breaker, PATIENCE)
    assert lines(caplog)[0] == "WARNING"
    assert lines(caplog)[-1] == "INFO"


def test_a_server_that_is_paused_costs_thirty_two_threads_no_more_than_one(
    own_server: RedisServer, breaker: Breaker, caplog: pytest.LogCaptureFixture
) -> None:
    own_server.pause()
    try:
        with lasting_at_most(10):
            assert outcomes([lambda: breaker.get("k")] * 32) == [None] * 32
            assert outcomes([lambda: take(breaker, 0.5)] * 32) == [False] * 32
    finally:
        own_server.resume()
    assert lines(caplog) == ["WARNING"]


def test_a_server_that_is_paused_while_a_lock_is_held_costs_its_holder_a_second(
    own_server: RedisServer, breaker: Breaker, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("requests_cc.cache.stores.redis.LEASE", 1.0)
    try:
        with lasting_at_most(10), breaker.lock("k", 0) as obtained:
            assert obtained
            own_server.pause()
            breaker.set("k", b"w", 600)
    finally:
        own_server.resume()
    with RedisTokenStore(client).lock("k", PATIENCE) as obtained:
        assert obtained


def test_a_lock_survives_neither_its_server_nor_harms_its_holder(
    own_server: RedisServer, breaker: Breaker
) -> None:
    with breaker.lock("k", 0) as obtained:
        assert obtained
        own_server.kill()
        own_server.start()
        with lasting_at_most(10):
            pass


def test_a_server_that_is_full_is_read_and_not_written_to(
    own_server: RedisServer,
    breaker: Breaker,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def limit(size: str) -> None:
        with own_server.client() as admin:
            admin.config_set("maxmemory", size)

    with own_server.client() as admin:
        admin.config_set("maxmemory-policy", "noeviction")
    limit("1")
    for _ in range(10):
        clock.forward(60)
        assert breaker.get("k") == b"v"
        assert not take(breaker)
        breaker.set("k", b"w", 600)
    assert lines(caplog) == ["WARNING"]
    assert "SET NX failed: OutOfMemoryError" in caplog.text
    limit("0")
    until_recovered(breaker, clock)
    assert lines(caplog) == ["WARNING", "INFO"]


def test_errors_of_a_server_that_is_away_are_named(own_server: RedisServer, client: Any) -> None:
    own_server.kill()
    store = RedisTokenStore(client)
    with pytest.raises(TokenStoreError, match=r"^GETRANGE failed: ConnectionError$") as caught:
        store.get("k")
    assert caught.value.__context__ is None
    own_server.start()
    assert store.get("k") is None


def test_a_store_that_hangs_up_is_a_failure_of_the_network(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with redis.Redis(host="127.0.0.1", port=free_port()) as client:
        breaker = Breaker(RedisTokenStore(client))
        with lasting_at_most(10):
            assert [breaker.get("k") for _ in range(100)] == [None] * 100
    assert lines(caplog) == ["WARNING"]


@pytest.fixture(params=["redis", "file"])
def where(request: pytest.FixtureRequest, server: RedisServer, tmp_path: Path) -> Any:
    return server.address if request.param == "redis" else tmp_path / "tokens"


def opened(where: Any) -> tuple[Any, Callable[[], None]]:
    if isinstance(where, Path):
        return FileTokenStore(where), lambda: None
    client = redis.Redis(**where)
    return RedisTokenStore(client), client.close


def test_a_holder_that_is_killed_delays_others_by_its_lease_at_most(where: Any) -> None:
    store, close = opened(where)
    with holder(where) as (process, _):
        with store.lock(KEY, 0.5) as obtained:
            assert not obtained
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join(PATIENCE)
        began = time.monotonic()
        with store.lock(KEY, PATIENCE) as obtained:
            assert obtained
    # The system releases the lock on a file when its holder dies; a server cannot tell.
    assert time.monotonic() - began < (5.0 if isinstance(where, Path) else LEASE + 5.0)
    close()


def test_a_holder_that_is_stopped_loses_its_lease(server: RedisServer) -> None:
    store, close = opened(server.address)
    with holder(server.address) as (process, pipe):
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        with store.lock(KEY, PATIENCE) as obtained:
            assert obtained
            os.kill(process.pid, signal.SIGCONT)
            pipe.send("let go")
            assert pipe.poll(PATIENCE)
            assert pipe.recv() == "released"  # without an error, and without ours
            with store.lock(KEY, 0) as again:
                assert not again
    close()


def test_a_holder_at_work_keeps_its_lock_beyond_its_lease(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, close = opened(server.address)
    monkeypatch.setattr("requests_cc.cache.stores.redis.LEASE", 2.0)
    enough = threading.Event()

    def hold() -> bool:
        with store.lock(KEY, 0) as obtained:
            held.set()
            assert enough.wait(PATIENCE)
            return bool(obtained)

    held = threading.Event()
    outcome = in_thread(hold)
    assert held.wait(PATIENCE)
    with store.lock(KEY, 4.0) as obtained:
        assert not obtained
    enough.set()
    assert outcome() is True
    close()


def test_processes_that_begin_together_make_one_token(where: Any, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    assert fleet(where, counter, 6) == [b"the token"] * 6
    assert counter.read_bytes() == b"."
