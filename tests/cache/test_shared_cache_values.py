"""What is stored of a token, and what is read from whoever could write to the store."""

from __future__ import annotations

import json
import logging

import pytest
from hypothesis import given, strategies as st

from requests_cc import AccessToken, ClientCredentials, TokenCache, TokenStoreError
from requests_cc.cache.stores.stored_token import name_in_store, packed, time_to_live, unpacked
from tests.support.plain_stores import DictStore
from tests.support.sources import NOON, ManualClock, Source

MOMENTS = st.floats(0, 8e9)
TOKEN = {
    "access_token": "stored",
    "token_type": "Bearer",
    "expires_at": NOON + 600,
    "issued_at": NOON,
    "scope": None,
}
CHARACTERS = st.characters(min_codepoint=0x21, max_codepoint=0x7E)


def document(**changes: object) -> bytes:
    return json.dumps({"format": 1, "token": {**TOKEN, **changes}}).encode()


@given(
    value=st.text(CHARACTERS, min_size=1),
    token_type=st.sampled_from(["Bearer", "DPoP"]),
    lifetime=st.none() | st.floats(1, 1e9),
    issued_at=MOMENTS,
    scope=st.none() | st.text(),
)
def test_what_is_packed_is_unpacked_as_it_was(
    value: str, token_type: str, lifetime: float | None, issued_at: float, scope: str | None
) -> None:
    expires_at = None if lifetime is None else issued_at + lifetime
    token = AccessToken(value, token_type, expires_at, issued_at, scope)
    assert unpacked(packed(token), issued_at, is_bound=token_type == "DPoP") == token


@given(st.binary() | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(
    lambda document: json.dumps(document).encode()
))  # fmt: skip
def test_an_unusable_entry_is_an_error_of_the_store(value: bytes) -> None:
    with pytest.raises(TokenStoreError, match="not a token in this version's format"):
        unpacked(value, NOON, is_bound=False)


RUBBISH = [
    b"",
    b"\xff\xfe",
    b"[" * 100_000,
    b"null",
    b"[]",
    b"{}",
    b'{"format": 1}',
    b'{"format": 1, "token": null}',
    b'{"format": 1, "token": [["access_token", "x"]]}',
    b'{"format": 1, "token": {}}',
    document(access_token="two words"),
    document(access_token="line\r\nX-Injected: 1"),
    document(access_token=None),
    document(token_type="mac"),
    document(expires_at="soon"),
    document(expires_at=True),
    document(expires_at=float("nan")),
    document(expires_at=10**400),
    document(issued_at=None),
    document(issued_at="noon"),
    document().replace(b'"format": 1', b'"format": 2'),
    document().replace(b'"format": 1', b'"format": []'),
    document(issued_at=NOON + 301),
]


@pytest.mark.rule(17)
@pytest.mark.parametrize("value", RUBBISH)
def test_an_unusable_entry_in_the_store_is_a_miss_logged_once(
    value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock()
    store, source = DictStore(clock), Source(clock)
    one, two = TokenCache(store, clock=clock), TokenCache(store, clock=clock)
    one.token(source)
    store.entries[store.key] = (value, clock.time() + 100)
    two.clear()
    caplog.clear()
    with caplog.at_level(logging.WARNING, "requests_cc"):
        assert two.token(source).value == "key-2"
        store.entries[store.key] = (value, clock.time() + 100)
        two.clear()
        assert two.token(source).value == "key-3"
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("ignoring an unusable entry in the token store")
    assert "X-Injected" not in line
    assert one.token(source).value == "key-1"


def test_what_is_passed_over_is_replaced_by_the_next_token() -> None:
    clock = ManualClock()
    store, source = DictStore(clock), Source(clock)
    TokenCache(store, clock=clock).token(source)
    store.entries[store.key] = (RUBBISH[0], clock.time() + 100)
    for _ in range(3):
        assert TokenCache(store, clock=clock).token(source).value == "key-2"


def test_extra_of_an_encrypted_store_is_read() -> None:
    token = unpacked(document(extra={"member": "x"}, more="y"), NOON, is_bound=False)
    assert token is not None
    assert token.extra == {"member": "x"}


def test_members_that_a_later_version_adds_are_passed_over() -> None:
    value = json.loads(document(bound_to="key"))
    token = unpacked(json.dumps({**value, "since": "2.0"}).encode(), NOON, is_bound=False)
    assert token is not None
    assert token.value == "stored"


def test_a_clock_that_is_ahead_makes_no_token_live_longer() -> None:
    token = unpacked(document(), NOON - 60, is_bound=False)
    assert token is not None
    assert token.expires_at == NOON + 540
    assert token.issued_at == NOON
    with pytest.raises(TokenStoreError, match="issued 301 s in the future; set the clocks"):
        unpacked(document(), NOON - 301, is_bound=False)


@given(MOMENTS, st.none() | MOMENTS, MOMENTS)
def test_no_expired_token_is_unpacked(
    issued_at: float, expires_at: float | None, wall: float
) -> None:
    try:
        token = unpacked(document(issued_at=issued_at, expires_at=expires_at), wall, is_bound=False)
    except TokenStoreError:
        assert issued_at > wall + 300
        return
    if token is None:
        assert expires_at is not None
        assert expires_at <= max(wall, issued_at)
    else:
        assert time_to_live(token, wall) > 0
        assert (token.expires_at is None) is (expires_at is None)


def test_a_name_shows_nothing_and_is_the_same_in_each_process() -> None:
    source = Source(ManualClock(), key="precious")
    name = name_in_store(source)
    assert name == "ab" or (name is not None and len(name) == 64)
    assert name == name_in_store(Source(ManualClock(), key="precious"))


@given(st.text(), st.text())
def test_different_keys_have_different_names(one: str, two: str) -> None:
    first = name_in_store(Source(ManualClock(), key=one))
    assert (first == name_in_store(Source(ManualClock(), key=two))) is (one == two)


def test_credentials_that_differ_in_what_shapes_the_token_have_different_names() -> None:
    url = "https://auth.example.com/token"
    sources = [
        ClientCredentials(url, "me", "secret"),
        ClientCredentials(url, "me", "other secret"),
        ClientCredentials(url, "you", "secret"),
        ClientCredentials(url, "me", "secret", scope="read"),
        ClientCredentials(url, "me", "secret", audience="https://api.example.com"),
    ]
    assert len({name_in_store(source) for source in sources}) == len(sources)
    assert name_in_store(sources[0]) == name_in_store(ClientCredentials(url, "me", "secret"))


@pytest.mark.parametrize(("token_type", "is_bound"), [("Bearer", True), ("DPoP", False)])
def test_a_token_of_another_type_than_requested_is_unusable(
    token_type: str, is_bound: bool
) -> None:
    with pytest.raises(TokenStoreError, match=f"has the wrong type, {token_type}"):
        unpacked(document(token_type=token_type), NOON, is_bound=is_bound)
