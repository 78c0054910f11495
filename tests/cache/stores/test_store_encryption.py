"""What is in a store: sealed for one name, and worthless anywhere else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import sys
import threading
from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import assume, given, strategies as st

from requests_cc import ConfigurationError
from requests_cc.cache.stores.names import REMEMBERED, StretchedNames
from requests_cc.cache.stores.vault import MAX_SIZE, Vault, lifetime, pack, unpack
from tests.support.fresh_interpreter import printed_by
from tests.support.sources import ManualClock, outcomes

KEY_A, KEY_B = Fernet.generate_key(), Fernet.generate_key()
CLOCK = ManualClock()
PLAIN, ENCRYPTED = Vault(clock=CLOCK), Vault(KEY_A, CLOCK)
vaults = st.sampled_from([PLAIN, ENCRYPTED])


@given(vaults, st.text(), st.binary())
def test_what_was_sealed_is_opened(vault: Vault, name: str, value: bytes) -> None:
    sealed = vault.seal(name, value, 60)
    assert sealed.isascii()
    assert vault.open(name, sealed) == vault.open(name, sealed.decode()) == value


@given(vaults, st.text(), st.text())
def test_what_was_sealed_for_one_name_is_nothing_under_another(
    vault: Vault, name: str, other: str
) -> None:
    assume(name != other)
    assert vault.open(other, vault.seal(name, b"value", 60)) is None


@given(st.data())
def test_a_changed_byte_is_a_miss(data: st.DataObject) -> None:
    sealed = bytearray(ENCRYPTED.seal("name", b"value", 60))
    index = data.draw(st.integers(0, len(sealed) - 1))
    sealed[index] ^= data.draw(st.integers(1, 255))
    assert ENCRYPTED.open("name", bytes(sealed)) is None


def test_another_spelling_of_the_same_bytes_is_a_miss() -> None:
    sealed = next(
        sealed
        for size in range(64)
        for sealed in [ENCRYPTED.seal("name", b"." * size, 60)]
        if sealed.endswith(b"=")
    )
    respelled = sealed.rstrip(b"=") + b"\n" + sealed[len(sealed.rstrip(b"=")) :]
    assert Fernet(KEY_A).decrypt(respelled)
    assert ENCRYPTED.open("name", respelled) is None


@given(vaults, st.integers(0, 200))
def test_what_is_torn_is_a_miss(vault: Vault, length: int) -> None:
    sealed = vault.seal("name", b"value", 60)
    assume(length < len(sealed))
    assert vault.open("name", sealed[:length]) is None


@given(vaults, st.binary() | st.text(st.characters(codec=None)) | st.none() | st.integers())
def test_an_unusable_entry_is_a_miss(vault: Vault, rubbish: object) -> None:
    assert vault.open("name", rubbish) is None


@pytest.mark.parametrize("vault", [PLAIN, ENCRYPTED], ids=["plain", "encrypted"])
def test_a_text_that_utf_8_cannot_encode_is_a_miss(vault: Vault) -> None:
    assert vault.open("name", "\ud800") is None
    assert vault.names("\ud800") != vault.names("?")


@pytest.mark.parametrize("vault", [PLAIN, ENCRYPTED], ids=["plain", "encrypted"])
def test_what_is_too_large_is_not_read(vault: Vault) -> None:
    value = b"x" * (MAX_SIZE // 4)
    assert vault.open("name", vault.seal("name", value, 60)) == value
    assert vault.open("name", vault.seal("name", value * 4, 60)) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=5,
)


@given(st.sampled_from(["format", "name", "expires_at", "value", None]), json_values)
def test_a_foreign_document_is_a_miss(member: str | None, foreign: object) -> None:
    ours = json.loads(pack("name", b"value", 100.0))
    document: Any = foreign if member is None else {**ours, member: foreign}
    assume(document != ours)
    found = unpack("name", json.dumps(document).encode(), 50.0)
    if member == "value" and isinstance(foreign, str) and found is not None:
        assert base64.b64decode(foreign, validate=True) == found
    elif member == "expires_at" and isinstance(foreign, float) and 50.0 < foreign < math.inf:
        assert found == b"value"
    else:
        assert found is None


def test_nesting_without_end_is_a_miss() -> None:
    assert unpack("name", b"[" * 200_000, 0.0) is None


@pytest.mark.parametrize("members", [{"format": 2}, {"format": "1"}, {"format": None}])
def test_another_format_is_a_miss(members: dict[str, Any]) -> None:
    document = {**json.loads(pack("name", b"value", 100.0)), **members}
    assert unpack("name", json.dumps(document).encode(), 50.0) is None


@pytest.mark.parametrize("expires_at", [True, math.inf, math.nan, "100", None, 100, 50.0])
def test_an_expiry_that_is_none_is_a_miss(expires_at: object) -> None:
    document = {**json.loads(pack("name", b"value", 100.0)), "expires_at": expires_at}
    assert unpack("name", json.dumps(document).encode(), 50.0) is None


@pytest.mark.parametrize("value", ["v", "dmFsdWU", "dmFs\ndWU=", "ключ", 7, None, ["dmFsdWU="]])
def test_a_value_that_is_none_is_a_miss(value: object) -> None:
    document = {**json.loads(pack("name", b"value", 100.0)), "value": value}
    assert unpack("name", json.dumps(document).encode(), 50.0) is None


def test_a_sealed_value_expires_even_if_it_is_put_back_later() -> None:
    clock = ManualClock()
    vault = Vault(KEY_A, clock)
    sealed = vault.seal("name", b"value", 60)
    clock.forward(59)
    assert vault.open("name", sealed) == b"value"
    clock.forward(1)
    assert vault.open("name", sealed) is None


@given(st.floats())
def test_a_lifetime_is_finite_and_not_negative(ttl: float) -> None:
    assert 0.0 <= lifetime(ttl) <= 30 * 86400


def test_names_are_hmacs_under_each_key() -> None:
    purpose = b"requests_cc token store, names, format 1\0"
    expected = [
        hmac.digest(base64.urlsafe_b64decode(key), purpose + b"k", "sha256").hex()
        for key in (KEY_A, KEY_B)
    ]
    assert Vault([KEY_A, KEY_B]).names("k") == expected
    assert Vault([KEY_B, KEY_A]).names("k") == expected[::-1]
    assert Vault(KEY_A.decode()).names("k") == expected[:1]


def test_without_a_key_names_are_stretched() -> None:
    salt = b"requests_cc token store, names, format 1"
    expected = hashlib.scrypt(b"k", salt=salt, n=2**10, r=8, p=16, dklen=32).hex()
    assert PLAIN.names("k") == PLAIN.names("k") == [expected]


IN_EIGHT_THREADS = """
import resource, threading
from tests.support.threads import in_threads
from requests_cc.cache.stores.names import StretchedNames

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20

names, all_done = StretchedNames(), threading.Barrier(8)
names("the modules are imported")
before = resident()

def work(number):
    names(str(number))
    all_done.wait(60)  # a thread that has ended hands its memory on

in_threads(8, work)
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_stretching_leaves_no_large_memory_to_each_thread() -> None:
    assert float(printed_by(IN_EIGHT_THREADS)) < 40  # MiB


@given(st.text(st.characters(codec=None), max_size=20))
def test_any_text_has_names(key: str) -> None:
    for name in ENCRYPTED.names(key):
        assert len(bytes.fromhex(name)) == 32


def cheap_names(monkeypatch: pytest.MonkeyPatch) -> StretchedNames:
    monkeypatch.setattr("requests_cc.cache.stores.names.COST", {"n": 2, "r": 1, "p": 1})
    return StretchedNames()


def test_a_stretched_name_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    names, computed = cheap_names(monkeypatch), []
    scrypt, gate = hashlib.scrypt, threading.Event()

    def counted(key: bytes, **settings: Any) -> bytes:
        computed.append(key)
        gate.wait(0.1)
        return scrypt(key, **settings)

    monkeypatch.setattr("hashlib.scrypt", counted)
    assert outcomes([lambda: names("k")] * 8) == [names("k")] * 8
    assert computed == [b"k"]


def test_stretched_names_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    names = cheap_names(monkeypatch)
    for number in range(REMEMBERED + 5):
        names(str(number))
    assert len(names._known) == REMEMBERED
    assert "4" not in names._known
    assert "5" in names._known


def test_a_python_without_scrypt_asks_for_an_encryption_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr("hashlib.scrypt")
    assert Vault(KEY_A).encrypts
    with pytest.raises(ConfigurationError, match="Pass encryption_key="):
        Vault()


BROKEN = "aGFsZiBhIGtleQ=="


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (BROKEN, "number 1 of 1, is not a valid Fernet key"),
        (BROKEN.encode(), "number 1 of 1, is not a valid Fernet key"),
        ("", "number 1 of 1, is not a valid Fernet key"),
        ("short", "number 1 of 1, is not a valid Fernet key"),
        ("ключ", "number 1 of 1, is not a valid Fernet key"),
        ([KEY_A, BROKEN], "number 2 of 2, is not a valid Fernet key"),
        ([BROKEN, KEY_A], "number 1 of 2, is not a valid Fernet key"),
        ([], "is an empty list"),
        ((), "is an empty list"),
        (7, "must be a Fernet key"),
        ([None], "must be a Fernet key"),
        ([KEY_A, None], "must be a Fernet key"),
        ({KEY_A: 1}, "must be a Fernet key"),
    ],
)
def test_a_bad_key_is_refused_and_not_shown(setting: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        Vault(setting)
    assert BROKEN not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_key_that_is_there_twice_counts_once() -> None:
    assert len(Vault([KEY_A, KEY_A.decode()]).names("k")) == 1


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(ConfigurationError, match=r'pip install "requests_cc\[encryption\]"'):
        Vault(KEY_A)
    assert not Vault().encrypts
