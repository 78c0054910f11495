"""What every shared store does: Redis through both clients, and a folder."""

from __future__ import annotations

import itertools
import pickle
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import valkey
from cryptography.fernet import Fernet

from requests_cc.cache.stores.file import FileTokenStore
from requests_cc.cache.stores.redis import RedisTokenStore
from requests_cc.protocols import TokenStore
from tests.support.redis_server import RedisServer
from tests.support.sources import NOON, PATIENCE, ManualClock, in_thread, outcomes

KEY = "one" + "0123456789abcdef" * 4
OTHER = "another" + "f" * 64
VALUE = b'{"access_token": "s3cr3t-token"} \x00\xff'
ENCRYPTION_KEY = Fernet.generate_key()

Make = Callable[..., Any]
CLIENTS = {"redis": redis.Redis, "valkey": valkey.Valkey}


@pytest.fixture(params=["redis", "redis str", "valkey", "valkey str", "file"])
def make(request: pytest.FixtureRequest, server: RedisServer, tmp_path: Path) -> Iterator[Make]:
    """Makes a store of one kind; all that it makes share their tokens."""
    kind, _, text = request.param.partition(" ")
    if kind == "file":
        yield lambda **settings: FileTokenStore(tmp_path / "tokens", **settings)
        return
    clients = []

    def redis_store(**settings: Any) -> RedisTokenStore:
        clients.append(CLIENTS[kind](**server.address, decode_responses=bool(text)))
        return RedisTokenStore(clients[-1], **settings)

    yield redis_store
    for client in clients:
        client.close()


@pytest.fixture(params=[None, ENCRYPTION_KEY], ids=["plain", "encrypted"])
def encryption_key(request: pytest.FixtureRequest) -> bytes | None:
    key: bytes | None = request.param
    return key


def stored(server: RedisServer, folder: Path) -> bytes:
    """Every byte that a store wrote, names too."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    on_disk = b"".join(str(path).encode() + b"=" + path.read_bytes() for path in files)
    return server.everything() + on_disk


def test_what_one_sets_another_gets(
    make: Make, encryption_key: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    one, another = (make(encryption_key=encryption_key) for _ in range(2))
    assert another.get(KEY) is None
    one.set(KEY, VALUE, 60)
    assert another.get(KEY) == VALUE
    assert another.get(OTHER) is None
    another.set(KEY, b"newer", 60)
    assert one.get(KEY) == b"newer"
    one.delete(KEY)
    assert another.get(KEY) is None
    one.delete(KEY)
    assert caplog.records == []


def test_a_value_expires(make: Make, encryption_key: bytes | None) -> None:
    clock = ManualClock()
    store = make(encryption_key=encryption_key, clock=clock)
    store.set(KEY, VALUE, 60)
    clock.forward(59.9)
    assert store.get(KEY) == VALUE
    clock.forward(0.1)
    assert store.get(KEY) is None


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), -float("inf")])
def test_what_has_expired_already_takes_the_place_of_what_was_there(make: Make, ttl: float) -> None:
    store = make()
    store.set(KEY, VALUE, 60)
    store.set(KEY, b"expired", ttl)
    assert store.get(KEY) is None


def test_a_value_without_an_expiry_is_kept_for_thirty_days(make: Make) -> None:
    clock = ManualClock()
    store = make(clock=clock)
    store.set(KEY, VALUE, float("inf"))
    clock.forward(30 * 86400 - 1)
    assert store.get(KEY) == VALUE
    clock.forward(1)
    assert store.get(KEY) is None


def test_a_clock_that_is_a_minute_off_shifts_the_expiry_by_a_minute(make: Make) -> None:
    clocks = [ManualClock() for _ in range(3)]
    exact, ahead, behind = (make(clock=clock, encryption_key=ENCRYPTION_KEY) for clock in clocks)
    clocks[1].jump(60)
    clocks[2].jump(-60)
    exact.set(KEY, VALUE, 100)
    assert [store.get(KEY) for store in (exact, ahead, behind)] == [VALUE] * 3
    for clock in clocks:
        clock.forward(50)
    assert [store.get(KEY) for store in (exact, ahead, behind)] == [VALUE, None, VALUE]


def test_nothing_readable_is_stored(make: Make, server: RedisServer, tmp_path: Path) -> None:
    store = make(encryption_key=ENCRYPTION_KEY)
    store.set(KEY, VALUE, 60)
    with store.lock(KEY, 0) as obtained:
        assert obtained
        found = stored(server, tmp_path)
    assert store.get(KEY) == VALUE
    for hidden in (b"s3cr3t", b"access_token", b"0123456789abcdef", b"ClientCredentials"):
        assert hidden not in found


def test_without_encryption_the_names_hide_the_keys(
    make: Make, server: RedisServer, tmp_path: Path
) -> None:
    store = make()
    store.set(KEY, VALUE, 60)
    with store.lock(KEY, 0):
        found = stored(server, tmp_path)
    assert b"0123456789abcdef" not in found
    assert b"ClientCredentials" not in found


def test_a_wrong_key_reads_nothing(make: Make) -> None:
    make(encryption_key=ENCRYPTION_KEY).set(KEY, VALUE, 60)
    assert make(encryption_key=Fernet.generate_key()).get(KEY) is None
    assert make().get(KEY) is None


def test_an_unencrypted_value_is_not_taken_by_who_encrypts(make: Make) -> None:
    make().set(KEY, VALUE, 60)
    assert make(encryption_key=ENCRYPTION_KEY).get(KEY) is None


def test_a_rotation_loses_no_token(make: Make) -> None:
    old, new = Fernet.generate_key(), Fernet.generate_key()
    stores = [make(encryption_key=keys) for keys in (old, [old, new], [new, old], new)]
    for writer, reader in itertools.pairwise(stores):  # two steps at work side by side
        writer.set(KEY, b"by the earlier", 60)
        assert reader.get(KEY) == b"by the earlier"
        reader.set(KEY, b"by the later", 60)
        assert writer.get(KEY) == b"by the later"


def test_a_rotation_leaves_nothing_under_the_old_key(make: Make) -> None:
    old, new = Fernet.generate_key(), Fernet.generate_key()
    make(encryption_key=old).set(KEY, VALUE, 60)
    make(encryption_key=[new, old]).set(KEY, b"newer", 60)
    assert make(encryption_key=old).get(KEY) is None
    make(encryption_key=old).set(KEY, VALUE, 60)
    make(encryption_key=[new, old]).delete(KEY)
    assert make(encryption_key=old).get(KEY) is None


def test_one_at_a_time_holds_the_lock(make: Make, encryption_key: bytes | None) -> None:
    one, another = (make(encryption_key=encryption_key) for _ in range(2))
    with one.lock(KEY, 0) as first:
        with another.lock(KEY, 0) as second, another.lock(OTHER, 0) as other:
            assert (first, second, other) == (True, False, True)
        with another.lock(KEY, 0.1) as second:  # whoever did not get it releases nothing
            assert not second
    with another.lock(KEY, 0) as second:
        assert second


def test_a_lock_is_waited_for(make: Make) -> None:
    store = make()
    held, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with store.lock(KEY, 0):
            held.set()
            assert enough.wait(PATIENCE)

    holder = in_thread(hold)
    assert held.wait(PATIENCE)
    threading.Timer(0.1, enough.set).start()
    with store.lock(KEY, PATIENCE) as obtained:
        assert obtained
        assert enough.is_set()
    holder()


def test_a_lock_is_released_when_its_body_fails(make: Make) -> None:
    store = make()
    with pytest.raises(ZeroDivisionError), store.lock(KEY, 0):
        raise ZeroDivisionError
    with store.lock(KEY, 0) as obtained:
        assert obtained


def test_sixteen_threads_hold_a_lock_one_after_another(make: Make) -> None:
    store = make()
    inside: list[int] = []
    most: list[int] = []

    def work() -> bool:
        with store.lock(KEY, PATIENCE) as obtained:
            inside.append(1)
            most.append(len(inside))
            store.set(KEY, VALUE, 60)
            inside.pop()
            return bool(obtained)

    assert outcomes([work] * 16) == [True] * 16
    assert set(most) == {1}


def test_a_newer_format_is_a_miss_and_is_left_alone(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = make()
    older.set(KEY, VALUE, 60)
    with monkeypatch.context() as newer_library:
        newer_library.setattr("requests_cc.cache.stores.vault.FORMAT", 2)
        newer_library.setattr("requests_cc.cache.stores.names.PURPOSE", b"names, format 2")
        newer = make()
        assert newer.get(KEY) is None
        newer.set(KEY, b"newer", 60)
        assert newer.get(KEY) == b"newer"
    assert older.get(KEY) == VALUE


def test_neither_shows_a_key_in_its_repr(make: Make) -> None:
    assert ENCRYPTION_KEY.decode() not in repr(make(encryption_key=ENCRYPTION_KEY))
    assert ", encrypted" in repr(make(encryption_key=ENCRYPTION_KEY))
    assert "not encrypted" in repr(make())


def satisfies(store: TokenStore) -> TokenStore:
    return store


def test_both_are_token_stores(make: Make) -> None:
    assert satisfies(make())


@pytest.mark.parametrize("clock", [None, ManualClock()])
def test_a_file_store_can_be_pickled(tmp_path: Path, clock: ManualClock | None) -> None:
    settings = {} if clock is None else {"clock": clock}
    store = FileTokenStore(tmp_path / "tokens", encryption_key=[ENCRYPTION_KEY], **settings)
    store.set(KEY, VALUE, 60)
    assert VALUE not in pickle.dumps(store)
    copy = pickle.loads(pickle.dumps(store))
    assert copy.get(KEY) == VALUE
    if clock is not None:
        assert copy._clock.time() == NOON
