"""Tokens shared through a folder: by cron jobs, command-line tools, the workers of one machine."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from ...errors import TokenStoreError
from ...protocols import SYSTEM_CLOCK, Clock
from ...settings import require, required_path
from .folder import LOCK_SUFFIX, LOCKS, PrivateFolder
from .sealed import SealedStore
from .vault import MAX_SIZE, EncryptionKey

SETS_PER_SWEEP = 64


class FileTokenStore(SealedStore):
    """A folder of one user that holds tokens: mode 0700, its files 0600.

    :param path: str or path of the folder; ``~`` is the home directory. It is created when first
        written to, and refused if it is a symbolic link, belongs to another user, or others can
        write in it. It must be on a local disk: locks over a network are not reliable.
    :param encryption_key: a Fernet key, or a list of keys of which the first encrypts (extra
        ``encryption``); None: whoever reads the disk or a backup can read the tokens.
    :param clock: an object with ``time()``.
    :raises ConfigurationError: if a setting is not valid, or an extra is missing (``file``).

    The methods raise :class:`TokenStoreError` if the folder cannot be used; a
    :class:`~requests_cc.TokenCache` treats that as a miss. Safe to share between threads, and to
    use after ``fork()``. A pickle carries the encryption keys.
    """

    advice = "Check that the folder is this user's own, with mode 700, and that the disk has room."

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        encryption_key: EncryptionKey = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        folder = required_path(path, "path")
        require("filelock", "file")
        # Absolute, since a daemon changes its working directory later.
        self._folder = PrivateFolder(os.path.abspath(os.path.expanduser(folder)))
        super().__init__(encryption_key, clock)
        self._sets = itertools.count()

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[bool]:
        """Take a lock that one process at a time holds; the system releases it if its holder dies.

        Each key has a lock file of its own.

        :param key: str.
        :param timeout: float, seconds to wait for the lock.
        :returns: a context manager that gives whether the lock was obtained.
        :raises TokenStoreError: if the folder cannot be used.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415 - an extra

        name = self._vault.names(key)[0]
        path = os.path.join(self._folder.subfolder(LOCKS), f"{name}{LOCK_SUFFIX}")
        lock, obtained = FileLock(path, timeout=max(0.0, timeout), mode=0o600), False
        try:
            lock.acquire()
            obtained = True
            with suppress(OSError):
                os.utime(path)  # so that no sweep removes it soon
        except Timeout:
            pass
        except Exception as error:  # noqa: BLE001 - of the system, or of a file system without locks
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise TokenStoreError(f"locking {path} failed: {reason}") from None
        try:
            yield obtained
        finally:
            # In a child that was forked meanwhile, filelock makes this do nothing. A lock that
            # cannot be released ends with its process.
            with suppress(OSError):
                lock.release()

    def _read(self, name: str) -> bytes | None:
        return self._folder.read(name, MAX_SIZE + 1)

    def _write(self, name: str, sealed: bytes, seconds: float) -> None:
        now = self._clock.time()
        self._folder.write(name, sealed, now + seconds)
        if next(self._sets) % SETS_PER_SWEEP == 0:
            self._folder.sweep(now)
            self._folder.sweep_locks(time.time())  # the files' own clock

    def _remove(self, name: str) -> None:
        self._folder.remove(name)

    def __repr__(self) -> str:
        return self._describe(self._folder.path)

    def __reduce__(self) -> tuple[Any, ...]:
        settings: dict[str, Any] = {"encryption_key": self._vault.keys, "clock": self._clock}
        return partial(type(self), self._folder.path, **settings), ()
