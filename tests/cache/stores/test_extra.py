"""A token's ``extra`` beside a store, private folders, and revocation that fails."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from requests_cc import (
    AccessToken,
    ClientCredentials,
    FileTokenStore,
    InvalidTokenResponse,
    TokenCache,
)
from requests_cc.errors import TokenEndpointUnreachable
from tests.support.scripts import token
from tests.support.server import Server
from tests.support.sources import ManualClock, Source

KEY = Fernet.generate_key()


@pytest.mark.parametrize("encrypted", [True, False])
def test_the_process_that_asked_keeps_extra_and_an_encrypted_store_shares_it(
    tmp_path: Path, clock: ManualClock, encrypted: bool
) -> None:
    store = FileTokenStore(tmp_path / "t", encryption_key=KEY if encrypted else None, clock=clock)
    source = Source(clock)
    source.answer = lambda: AccessToken(
        "one", expires_at=clock.time() + 3600, extra={"instance_url": "https://x.example"}
    )
    for _ in range(2):
        first = TokenCache(store, clock=clock)
        token = first.token(source)
        assert first.token(source) is token
        shared = token
    assert source.requests == 1
    assert (shared.extra == {"instance_url": "https://x.example"}) is encrypted


def test_members_of_a_servers_response_reach_another_process_through_an_encrypted_store(
    tmp_path: Path,
) -> None:
    with Server(token("one", instance_url="https://x.example")) as server:
        credentials = ClientCredentials(server.url, "me", "s3cret")
        for _ in range(2):
            cache = TokenCache(FileTokenStore(tmp_path / "t", encryption_key=KEY))
            assert cache.token(credentials).extra == {"instance_url": "https://x.example"}
        assert server.targets == ["/token"]


@pytest.mark.parametrize("extra", [{"x": object()}, {"x": "y" * 100_000}])
def test_extra_that_cannot_be_stored_does_not_keep_the_token_from_it(
    tmp_path: Path, clock: ManualClock, extra: dict[str, object]
) -> None:
    store, source = FileTokenStore(tmp_path / "t", encryption_key=KEY, clock=clock), Source(clock)
    source.answer = lambda: AccessToken("one", expires_at=clock.time() + 3600, extra=extra)
    assert TokenCache(store, clock=clock).token(source).extra == extra
    assert TokenCache(store, clock=clock).token(source).extra == {}
    assert source.requests == 1


@pytest.mark.skipif(os.name == "nt", reason="no modes")
@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_each_new_parent_is_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        FileTokenStore(tmp_path / "a" / "b" / "c").set("key", b"value", 60)
    finally:
        os.umask(before)
    for path in (tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_each_key_has_a_lock_file_of_its_own(tmp_path: Path) -> None:
    store = FileTokenStore(tmp_path / "t", encryption_key=KEY)
    for number in range(300):
        with store.lock(f"key-{number}", 0) as obtained:
            assert obtained
    assert len(list((tmp_path / "t" / "locks").iterdir())) == 300
    old = next((tmp_path / "t" / "locks").iterdir())
    os.utime(old, (1, 1))
    for _ in range(50):
        store._folder.sweep_locks(os.stat(tmp_path).st_mtime)
    assert not old.exists()


def test_a_revocation_that_fails_keeps_the_token(tmp_path: Path, clock: ManualClock) -> None:
    class Revocable(Source):
        down = True

        def revoke(self, token: AccessToken) -> None:
            if self.down:
                raise TokenEndpointUnreachable("down")

    source = Revocable(clock)
    cache = TokenCache(FileTokenStore(tmp_path / "t", clock=clock), clock=clock)
    token = cache.token(source)
    with pytest.raises(TokenEndpointUnreachable):
        cache.revoke(source)
    assert cache.peek(source) == token
    source.down = False
    cache.revoke(source)
    assert cache.peek(source) is None
    assert cache.token(source) != token


@pytest.mark.parametrize("moment", [1e10, 1.8e12, 1e300])
def test_a_moment_beyond_the_year_2286_is_refused(moment: float) -> None:
    with pytest.raises(InvalidTokenResponse, match="beyond the year 2286"):
        AccessToken("x", expires_at=moment)
    assert (
        AccessToken.from_response({"access_token": "x", "expires_in": moment}, 1.8e9).expires_at
        is None
    )
