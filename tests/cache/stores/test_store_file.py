"""A folder of tokens: its modes, its rubbish, and those who would plant things in it."""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from cryptography.fernet import Fernet

from requests_cc import ConfigurationError, TokenStoreError
from requests_cc.cache.stores.file import SETS_PER_SWEEP, FileTokenStore
from requests_cc.cache.stores.folder import LOOKED_AT
from requests_cc.cache.stores.guard import Breaker
from tests.support.forked_child import in_child, needs_fork
from tests.support.sources import PATIENCE, ManualClock, outcomes

VALUE = b"s3cr3t-token"
ENCRYPTION_KEY = Fernet.generate_key()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "some" / "tokens"


@pytest.fixture
def store(folder: Path) -> FileTokenStore:
    return FileTokenStore(folder, encryption_key=ENCRYPTION_KEY)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name != "locks"]


def take(store: Any) -> bool:
    with store.lock("k", 0) as obtained:
        return bool(obtained)


def test_nothing_is_made_before_something_is_kept(store: FileTokenStore, folder: Path) -> None:
    assert store.get("k") is None
    store.delete("k")
    assert not folder.parent.exists()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_its_user_can_read_what_is_kept(
    store: FileTokenStore, folder: Path, umask: int
) -> None:
    before = os.umask(umask)
    try:
        store.set("k", VALUE, 60)
        assert take(store)
    finally:
        os.umask(before)
    assert mode(folder) == 0o700
    assert mode(folder / "locks") == 0o700
    [token], [lock] = files(folder), list((folder / "locks").iterdir())
    assert (mode(token), mode(lock)) == (0o600, 0o600)


def test_a_relative_path_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = FileTokenStore("tokens/")
    monkeypatch.chdir("/")
    store.set("k", VALUE, 60)
    assert files(tmp_path / "tokens")


def test_a_tilde_is_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    FileTokenStore("~/tokens").set("k", VALUE, 60)
    assert files(tmp_path / "tokens")


@pytest.mark.parametrize("path", [None, 7, b"tokens", ""])
def test_a_path_is_the_path_of_a_folder(path: Any) -> None:
    with pytest.raises(ConfigurationError, match="path must be a path"):
        FileTokenStore(path)


def test_without_the_extra_it_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "filelock", None)
    with pytest.raises(ConfigurationError, match=r'pip install "requests_cc\[file\]"'):
        FileTokenStore(folder)


RUBBISH = {
    "empty": b"",
    "torn": b'{"format": 1, "na',
    "binary": b"\xff\x00\xfe",
    "huge": b"x" * 3_000_000,
    "newer": json.dumps({"format": 2, "value": "newer"}).encode(),
}


@pytest.mark.parametrize("rubbish", RUBBISH.values(), ids=list(RUBBISH))
@pytest.mark.parametrize("encryption_key", [None, ENCRYPTION_KEY], ids=["plain", "encrypted"])
@pytest.mark.rule(17)
def test_an_unusable_entry_is_a_miss_said_once_and_is_replaced(
    folder: Path,
    rubbish: bytes,
    encryption_key: bytes | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = FileTokenStore(folder, encryption_key=encryption_key)
    store.set("k", VALUE, 60)
    [file] = files(folder)
    file.write_bytes(rubbish)
    breaker = Breaker(store, deadline=PATIENCE)
    assert breaker.get("k") is None
    assert breaker.available
    assert store.get("k") is None
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "unusable entry in the token store: <FileTokenStore" in record.getMessage()
    store.set("k", VALUE, 60)
    assert store.get("k") == VALUE


def test_an_expired_entry_is_not_called_unusable(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock()
    store = FileTokenStore(folder, clock=clock)
    store.set("k", VALUE, 60)
    clock.forward(61)
    assert store.get("k") is None
    assert caplog.records == []


def test_a_file_that_cannot_be_read_is_a_miss_and_is_replaced(
    store: FileTokenStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.set("k", VALUE, 60)

    def refuse(*_: object) -> int:  # chmod would not stop a test that root runs
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    with monkeypatch.context() as locked:
        locked.setattr(os, "open", refuse)
        assert store.get("k") is None
    assert store.get("k") == VALUE


def test_a_link_in_the_folder_is_not_followed(
    store: FileTokenStore, folder: Path, tmp_path: Path
) -> None:
    store.set("k", VALUE, 60)
    [file] = files(folder)
    elsewhere = tmp_path / "elsewhere"
    file.rename(elsewhere)
    sealed = elsewhere.read_bytes()
    file.symlink_to(elsewhere)
    breaker = Breaker(store, deadline=PATIENCE)
    assert breaker.get("k") is None
    assert breaker.available
    store.set("k", b"newer", 60)
    assert elsewhere.read_bytes() == sealed
    assert not file.is_symlink()
    assert store.get("k") == b"newer"


def test_a_pipe_or_a_folder_in_the_place_of_a_token_is_a_miss(
    store: FileTokenStore, folder: Path
) -> None:
    store.set("k", VALUE, 60)
    [file] = files(folder)
    file.unlink()
    os.mkfifo(file)
    assert store.get("k") is None
    store.set("k", VALUE, 60)
    assert store.get("k") == VALUE
    file.unlink()
    file.mkdir()
    assert store.get("k") is None
    with pytest.raises(TokenStoreError, match=f"^writing in {folder} failed: Is a directory$"):
        store.set("k", VALUE, 60)
    assert files(folder) == [file]  # and no temporary file


def test_anothers_token_copied_here_is_a_miss(store: FileTokenStore, folder: Path) -> None:
    store.set("theirs", VALUE, 60)
    [theirs] = files(folder)
    [mine] = store._vault.names("mine")
    shutil.copy(theirs, folder / f"{mine}.token")
    assert store.get("mine") is None
    assert store.get("theirs") == VALUE


def refused(store: FileTokenStore, message: str) -> None:
    for ask in (
        lambda: store.get("k"),
        lambda: store.set("k", VALUE, 60),
        lambda: store.delete("k"),
        lambda: take(store),
    ):
        with pytest.raises(TokenStoreError, match=message) as caught:
            ask()
        assert caught.value.__context__ is None


def said(store: FileTokenStore, caplog: pytest.LogCaptureFixture) -> str:
    """What the log has of a whole day with that store."""
    clock = ManualClock()
    breaker = Breaker(store, clock=clock, deadline=PATIENCE)
    with caplog.at_level(logging.DEBUG, "requests_cc"):
        for _ in range(24):
            assert breaker.get("k") is None
            with breaker.lock("k", 0):
                breaker.set("k", VALUE, 60)
            clock.forward(3600)
    [record] = [record for record in caplog.records if record.name == "requests_cc"]
    assert record.levelname == "WARNING"
    return record.getMessage()


@pytest.mark.parametrize("planted", [0o777, 0o770, 0o720, 0o702, 0o1777])
def test_a_folder_that_others_can_write_in_is_refused(
    store: FileTokenStore, folder: Path, planted: int, caplog: pytest.LogCaptureFixture
) -> None:
    folder.mkdir(parents=True)
    folder.chmod(planted)
    # Never for a folder such as /tmp, whose sticky bit says that all users share it.
    advice = "use a separate folder for the tokens" if planted & 0o1000 else f"chmod 700 {folder}"
    refused(store, f"others than its owner can write in {folder}.*: {advice}$")
    assert advice in said(store, caplog)
    assert not list(folder.iterdir())


def test_a_folder_that_others_can_only_read_is_used(store: FileTokenStore, folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    store.set("k", VALUE, 60)
    assert store.get("k") == VALUE


def test_a_link_in_the_place_of_the_folder_is_refused(
    store: FileTokenStore, folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.mkdir(mode=0o700)
    folder.parent.mkdir()
    folder.symlink_to(target, target_is_directory=True)
    refused(store, f"{folder} is not a folder; a symbolic link is not followed")
    refused(FileTokenStore(f"{folder}/"), "a symbolic link is not followed")
    assert not list(target.iterdir())


def test_a_file_in_the_place_of_the_folder_is_refused(store: FileTokenStore, folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_bytes(b"")
    refused(store, f"{folder} is not a folder")


@pytest.fixture
def another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is somebody else's from now on, as far as it can tell."""
    uid = os.geteuid()
    monkeypatch.setattr("requests_cc.cache.stores.folder._OWN_USER", lambda: uid + 1)


def test_a_folder_of_another_user_is_refused(
    store: FileTokenStore, folder: Path, another_user: None, caplog: pytest.LogCaptureFixture
) -> None:
    folder.mkdir(parents=True)
    refused(store, f"{folder} belongs to another user.*: use a separate folder for each user$")
    assert "belongs to another user" in said(store, caplog)
    assert not list(folder.iterdir())


def test_a_folder_that_another_user_makes_first_is_refused(
    store: FileTokenStore, folder: Path, another_user: None
) -> None:
    with pytest.raises(TokenStoreError, match="belongs to another user"):
        store.set("k", VALUE, 60)
    assert not list(folder.iterdir())


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be two users"
)
def test_two_real_users_do_not_share() -> None:
    with tempfile.TemporaryDirectory() as shared:
        os.chmod(shared, 0o1777)  # as /tmp is
        folder = Path(shared) / "tokens"
        FileTokenStore(folder).set("k", VALUE, 60)

        def as_nobody() -> str:
            os.setresuid(65534, 65534, 65534)
            try:
                return repr(FileTokenStore(folder).get("k"))
            except TokenStoreError as error:
                return str(error)

        assert f"{folder} belongs to another user" in in_child(as_nobody)


def test_a_file_of_another_user_is_a_miss(
    store: FileTokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.set("k", VALUE, 60)
    users = iter([os.geteuid(), os.geteuid() + 1])
    monkeypatch.setattr("requests_cc.cache.stores.folder._OWN_USER", lambda: next(users))
    assert store.get("k") is None


def test_if_there_are_no_users_modes_do_not_count(
    store: FileTokenStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    monkeypatch.setattr("requests_cc.cache.stores.folder._OWN_USER", None)
    store.set("k", VALUE, 60)
    assert store.get("k") == VALUE
    assert take(store)


def test_a_full_disk_is_a_miss_and_one_log_line(
    store: FileTokenStore,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder.mkdir(parents=True)
    real = os.fdopen

    def full(descriptor: int, *arguments: Any) -> Any:
        file = real(descriptor, *arguments)
        file.close()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fdopen", full)
    message = f"writing in {folder} failed: No space left on device"
    with pytest.raises(TokenStoreError, match=f"^{message}$") as caught:
        store.set("k", VALUE, 60)
    assert caught.value.__context__ is None
    assert message in said(store, caplog)
    assert files(folder) == []


def test_a_disk_that_is_read_only_is_a_miss_and_one_log_line(
    store: FileTokenStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "mkdir", read_only)
    assert "Read-only file system" in said(store, caplog)


def test_a_folder_in_proc_can_be_written_by_nobody(caplog: pytest.LogCaptureFixture) -> None:
    if not Path("/proc/self").exists():
        pytest.skip("no /proc on this system")
    store = FileTokenStore("/proc/requests-cc")
    assert "writing in /proc/requests-cc failed" in said(store, caplog) or "locking" in caplog.text


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), OSError()])
def test_a_disk_that_cannot_be_read_is_an_error(
    store: FileTokenStore, folder: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    store.set("k", VALUE, 60)

    def broken(*_: object) -> int:
        raise error

    monkeypatch.setattr(os, "open", broken)
    with pytest.raises(
        TokenStoreError, match=f"^reading in {folder} failed: (Input|OSError)"
    ) as caught:
        store.get("k")
    assert caught.value.__context__ is None


def test_a_file_system_without_locks_is_an_error_of_the_store(
    store: FileTokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filelock import FileLock  # noqa: PLC0415

    failures = [
        (OSError(errno.ENOLCK, "No locks available"), "No locks available"),
        (NotImplementedError("no flock"), "NotImplementedError"),
    ]
    for error, reason in failures:
        monkeypatch.setattr(FileLock, "_acquire", Mock(side_effect=error))
        with pytest.raises(TokenStoreError, match=f"locking .* failed: {reason}$"):
            take(store)


def test_a_lock_that_cannot_be_released_fails_nothing(
    store: FileTokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filelock import FileLock  # noqa: PLC0415

    with monkeypatch.context() as broken, store.lock("k", 0) as obtained:
        assert obtained
        stale = OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        broken.setattr(FileLock, "_release", Mock(side_effect=stale))


def test_readers_never_see_half_a_token(store: FileTokenStore) -> None:
    values = [bytes([number]) * 50_000 for number in range(1, 5)]
    store.set("k", values[0], 60)
    done = threading.Event()

    def write(value: bytes) -> None:
        for _ in range(50):
            store.set("k", value, 60)
        done.set()

    def read() -> set[bytes | None]:
        seen = set()
        while not done.is_set():
            seen.add(store.get("k"))
        return seen

    writers = [lambda value=value: write(value) for value in values]
    seen = [each for each in outcomes([*writers, read, read]) if each is not None]
    assert all(isinstance(each, set) and each <= set(values) for each in seen)


KILLED = """
import os, sys
from requests_cc.cache.stores.file import FileTokenStore
store = FileTokenStore(sys.argv[1])
real = os.replace
os.replace = lambda *_: os.kill(os.getpid(), 9)
store.set("k", b"v", 60)
"""


def test_a_writer_that_is_killed_leaves_the_old_token_and_a_file_that_is_swept(
    folder: Path,
) -> None:
    clock = ManualClock()
    store = FileTokenStore(folder)
    store.set("k", VALUE, 60)
    assert subprocess.run([sys.executable, "-c", KILLED, folder], check=False).returncode == -9
    assert store.get("k") == VALUE
    assert len(files(folder)) == 2
    later = FileTokenStore(folder, clock=clock)  # the clock is years ahead
    later.set("another", VALUE, 60)
    [left] = files(folder)
    assert left.name == f"{later._vault.names('another')[0]}.token"


@pytest.fixture
def swept(folder: Path) -> tuple[FileTokenStore, ManualClock]:
    clock = ManualClock()
    return FileTokenStore(folder, clock=clock, encryption_key=ENCRYPTION_KEY), clock


def test_what_expired_an_hour_ago_is_swept_now_and_then(
    swept: tuple[FileTokenStore, ManualClock], folder: Path
) -> None:
    store, clock = swept
    for number in range(10):
        store.set(f"short {number}", VALUE, 60)
    store.set("long", VALUE, 86400)
    clock.forward(60 + 3599)
    for _ in range(SETS_PER_SWEEP):
        store.set("now", VALUE, 60)
    assert len(files(folder)) == 12
    clock.forward(2)
    for _ in range(SETS_PER_SWEEP):
        store.set("now", VALUE, 60)
    assert len(files(folder)) == 2
    assert store.get("long") == store.get("now") == VALUE


def test_a_sweep_is_bounded_and_comes_to_an_end(
    swept: tuple[FileTokenStore, ManualClock], folder: Path
) -> None:
    store, clock = swept
    many = LOOKED_AT * 2
    for number in range(many):
        store.set(str(number), VALUE, 60)
    clock.forward(7200)
    store._folder.sweep(clock.time())
    assert len(files(folder)) == many - LOOKED_AT
    store._folder.sweep(clock.time())
    assert files(folder) == []


def test_a_sweep_touches_nothing_else(
    swept: tuple[FileTokenStore, ManualClock], folder: Path
) -> None:
    store, clock = swept
    assert take(store)
    (folder / "README").write_bytes(b"")
    (folder / "x.token").mkdir()
    for path in folder.iterdir():
        os.utime(path, (0, 0))
    store._folder.sweep(clock.time())
    assert sorted(path.name for path in folder.iterdir()) == ["README", "locks", "x.token"]
    assert len(list((folder / "locks").iterdir())) == 1


def test_a_sweep_of_a_folder_that_is_gone_raises_nothing(
    swept: tuple[FileTokenStore, ManualClock],
) -> None:
    store, clock = swept
    store._folder.sweep(clock.time())


def test_a_key_has_one_lock_file_of_its_own(store: FileTokenStore, folder: Path) -> None:
    for number in range(300):
        with store.lock(f"key {number}", 0) as obtained:
            assert obtained
    names = {path.name for path in (folder / "locks").iterdir()}
    assert len(names) == 300
    assert all(len(name) == 64 + len(".lock") for name in names)
    for _ in range(2):
        with store.lock("key 0", 0):
            assert {path.name for path in (folder / "locks").iterdir()} == names


@needs_fork
def test_a_child_uses_the_store_and_leaves_its_parents_lock(store: FileTokenStore) -> None:
    store.set("k", VALUE, 60)
    lock = store.lock("k", 0)
    assert lock.__enter__()

    def child() -> tuple[bytes | None, bool, bool]:
        lock.__exit__(None, None, None)
        with store.lock("other", 0) as other:
            return store.get("k"), take(store), other

    assert in_child(child) == f"({VALUE!r}, False, True)"
    assert not take(store)
    lock.__exit__(None, None, None)
    assert take(store)
