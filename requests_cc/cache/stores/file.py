"""Tokens shared through a folder: by cron jobs, command-line tools, the workers of a machine."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from ...errors import ConfigurationError, TokenStoreError
from ...protocols import Clock
from ...settings import require
from .folder import PrivateFolder
from .vault import MAX_SIZE, EncryptionKey, Vault, lifetime

SETS_PER_SWEEP = 64
STRIPE = 3  # hexadecimal digits of a name that choose one of 4096 lock files, which stay for good


class FileTokenStore:
    """Keeps tokens in a folder of one user: mode 0700, its files 0600.

    :param path: str or path of the folder; ``~`` is the home directory. It is made when first
        written to, and refused if it is a symbolic link, somebody else's, or others can write in
        it. It must be on a disk of the machine: locks over a network are not to be relied on.
    :param encryption_key: a Fernet key, or a list of which the first encrypts (extra
        ``encryption``); None: whoever reads the disk or a backup can read the tokens.
    :param clock: what has ``time()``.
    :raises ConfigurationError: when a setting is wrong, or an extra is missing (``file``:
        filelock).

    Its methods raise :class:`TokenStoreError` when the folder cannot be used; a
    :class:`~requests_cc.TokenCache` takes that for a miss. Safe to share between threads, and to
    use after ``fork()``. A pickle carries the encryption keys.
    """

    advice = "Check that the folder is this user's own, with mode 700, and that the disk has room."

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        encryption_key: EncryptionKey = None,
        clock: Clock = time,
    ) -> None:
        if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
            raise ConfigurationError("path must be the path of a folder, str or PathLike")
        if not os.fspath(path):
            raise ConfigurationError("path is empty: give the path of a folder")
        require("filelock", "file")
        # Absolute, since a daemon changes its working directory later.
        self._folder = PrivateFolder(os.path.abspath(os.path.expanduser(path)))
        self._clock = clock
        self._vault = Vault(encryption_key, clock)
        self._sets = itertools.count()

    def prepare(self, key: str) -> None:
        """Computes the names of a key, without a look at the disk: up to 40 ms, and once."""
        self._vault.names(key)

    def get(self, key: str) -> bytes | None:
        """What was set under a key and has not expired.

        :param key: str.
        :returns: bytes; None where there is nothing, or nothing that was sealed for this key.
        :raises TokenStoreError: when the folder cannot be used.
        """
        for name in self._vault.names(key):
            value = self._vault.open(name, self._folder.read(name, MAX_SIZE + 1))
            if value is not None:
                return value
        return None

    def set(self, key: str, value: bytes, ttl: float) -> None:
        """Keeps a value; now and then removes a few that have expired.

        :param key: str.
        :param value: bytes.
        :param ttl: float, seconds until it expires; 30 days count at the most.
        :raises TokenStoreError: when the folder cannot be used.
        """
        seconds = lifetime(ttl)
        if not seconds:
            self.delete(key)
            return
        now = self._clock.time()
        name, *others = self._vault.names(key)
        self._folder.write(name, self._vault.seal(name, value, ttl), now + seconds)
        for other in others:  # under a key that is being rotated out: older than this one
            self._folder.remove(other)
        if next(self._sets) % SETS_PER_SWEEP == 0:
            self._folder.sweep(now)

    def delete(self, key: str) -> None:
        """Forgets what is under a key.

        :raises TokenStoreError: when the folder cannot be used.
        """
        for name in self._vault.names(key):
            self._folder.remove(name)

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[bool]:
        """A lock that one process at a time holds; the system releases it when a holder dies.

        One of 4096 files: two keys share one now and then, and then wait for each other.

        :param timeout: float, seconds to wait for it.
        :returns: a context manager that gives whether it was obtained.
        :raises TokenStoreError: when the folder cannot be used.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415 - an extra

        stripe = self._vault.names(key)[0][:STRIPE]
        path = os.path.join(self._folder.subfolder("locks"), f"{stripe}.lock")
        lock, obtained, reason = FileLock(path, timeout=max(0.0, timeout), mode=0o600), False, ""
        try:
            lock.acquire()
            obtained = True
        except Timeout:
            pass
        except Exception as error:  # noqa: BLE001 - of the system, or of a file system without locks
            reason = getattr(error, "strerror", None) or type(error).__name__
        if reason:
            raise TokenStoreError(f"locking {path} failed: {reason}")
        try:
            yield obtained
        finally:
            # In a child that was forked meanwhile this does nothing: filelock sees to that. What
            # cannot be released is so when the process ends.
            with suppress(OSError):
                lock.release()

    def __repr__(self) -> str:
        encrypted = "encrypted" if self._vault.encrypts else "not encrypted"
        return f"<FileTokenStore {self._folder.path!r}, {encrypted}>"

    def __reduce__(self) -> tuple[Any, ...]:
        settings: dict[str, Any] = {"encryption_key": self._vault.keys}
        if self._clock is not time:  # a module, which no pickle can hold
            settings["clock"] = self._clock
        return partial(type(self), self._folder.path, **settings), ()
