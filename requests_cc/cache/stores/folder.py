"""A folder that only one user can read and write, and that others may try to plant things in."""

from __future__ import annotations

import os
import random
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from itertools import islice
from typing import Concatenate, ParamSpec, TypeAlias, TypeVar

from ...errors import TokenStoreError

SUFFIX = ".token"
LOCKS = "locks"
LOCK_SUFFIX = ".lock"
UNUSED = 86400.0  # seconds for which nobody used a lock file that is removed
LOOKED_AT = 64  # files in one sweep
LISTED = 10_000  # names in one sweep
LEFT = 3600.0  # seconds that a file outlives its time, so that no sweep meets its successor
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH

# A link is not followed, and a planted pipe opened without waiting for its other end.
READING = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


P = ParamSpec("P")
R = TypeVar("R")
_Method: TypeAlias = "Callable[Concatenate[PrivateFolder, P], R]"


def _reported(
    what: str,
) -> Callable[[_Method[P, R]], _Method[P, R]]:
    """Turn an OSError of a folder's method into a :class:`TokenStoreError`."""

    def decorate(method: _Method[P, R]) -> _Method[P, R]:
        @wraps(method)
        def reported(folder: PrivateFolder, /, *args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return method(folder, *args, **kwargs)
            except TokenStoreError:
                raise
            except OSError as error:
                reason = error.strerror or type(error).__name__
            # Outside the block: the frames of what was raised hold what was to be written.
            raise TokenStoreError(f"{what} in {folder.path} failed: {reason}")

        return reported

    return decorate


class PrivateFolder:
    """Files of one user, each replaced as a whole.

    :param path: str, absolute; created with mode 0700 when first written to.

    The methods raise :class:`TokenStoreError` if the folder belongs to another user, others can
    write in it, or the system refuses. Safe to share between threads and processes.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    @_reported("reading")
    def read(self, name: str, limit: int) -> bytes | None:
        """Return the contents of a file up to a limit; None if no file of this user can be read."""
        if not self._is_there():
            return None
        try:
            descriptor = os.open(self._file(name), READING)
        except (FileNotFoundError, PermissionError):
            return None
        except OSError:
            if os.path.islink(self._file(name)):
                return None
            raise
        try:
            return os.read(descriptor, limit) if _is_ours(descriptor) else None
        finally:
            os.close(descriptor)

    @_reported("writing")
    def write(self, name: str, data: bytes, good_until: float) -> None:
        """Replace a file as a whole: mode 0600, its time set to when it may be swept."""
        self._make()
        descriptor, temporary = tempfile.mkstemp(dir=self.path, prefix=".", suffix=SUFFIX)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            os.utime(temporary, (good_until, good_until))
            os.replace(temporary, self._file(name))
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise

    @_reported("deleting")
    def remove(self, name: str) -> None:
        """Remove a file, if there is one."""
        with suppress(FileNotFoundError):
            if self._is_there():
                os.unlink(self._file(name))

    @_reported("locking")
    def subfolder(self, name: str) -> str:
        """Return the path of a folder inside; create that folder if it does not exist."""
        self._make()
        path = os.path.join(self.path, name)
        _make_private(path)
        return path

    def sweep(self, now: float) -> None:
        """Remove some of the files whose time has passed, and of those that a crash left behind."""
        _sweep(self.path, SUFFIX, now - LEFT)

    def sweep_locks(self, now: float) -> None:
        """Remove some of the lock files that nobody has used for a day."""
        _sweep(os.path.join(self.path, LOCKS), LOCK_SUFFIX, now - UNUSED)

    def _file(self, name: str) -> str:
        return os.path.join(self.path, name + SUFFIX)

    def _make(self) -> None:
        if not self._is_there():
            _make_private(self.path)
            self._is_there()  # whoever made it

    def _is_there(self) -> bool:
        """Return whether the folder exists; refuse one that is not private."""
        try:
            status = os.lstat(self.path)
        except FileNotFoundError:
            return False
        if not stat.S_ISDIR(status.st_mode):
            raise TokenStoreError(
                f"{self.path} is not a folder; a symbolic link is not followed: pass the path that "
                f"it leads to"
            )
        if not _is_own(status):
            raise TokenStoreError(
                f"{self.path} belongs to another user, who could read and replace the tokens in "
                f"it: use a separate folder for each user"
            )
        if _OWN_USER is not None and status.st_mode & OTHERS_WRITE:
            shared = status.st_mode & stat.S_ISVTX  # such as /tmp, which others need as it is
            advice = "use a separate folder for the tokens" if shared else f"chmod 700 {self.path}"
            raise TokenStoreError(
                f"others than its owner can write in {self.path}, and replace the tokens in it: "
                f"{advice}"
            )
        return True


# Windows has neither users' numbers nor such modes: there the folder's own permissions count.
_OWN_USER = getattr(os, "geteuid", None)


def _sweep(folder: str, suffix: str, before: float) -> None:
    with suppress(OSError), os.scandir(folder) as entries:
        files = [entry for entry in islice(entries, LISTED) if entry.name.endswith(suffix)]
        # At random, or else those at the end would never be reached.
        for entry in random.sample(files, min(LOOKED_AT, len(files))):
            with suppress(OSError):
                if entry.stat(follow_symlinks=False).st_mtime < before:
                    os.unlink(entry.path)


def _make_private(path: str) -> None:
    """Make a folder and its parents, with mode 0700: os.makedirs gives it to the last one only."""
    parent = os.path.dirname(path)
    if parent != path and not os.path.isdir(parent):
        _make_private(parent)
    with suppress(FileExistsError):
        os.mkdir(path, 0o700)
        os.chmod(path, 0o700)  # whatever the umask


def _is_own(status: os.stat_result) -> bool:
    return _OWN_USER is None or status.st_uid == _OWN_USER()


def _is_ours(descriptor: int) -> bool:
    status = os.fstat(descriptor)
    return stat.S_ISREG(status.st_mode) and _is_own(status)
