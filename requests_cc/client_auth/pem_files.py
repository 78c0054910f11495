"""PEM text in files, for OpenSSL, which reads certificates and keys from files only.

It stands alone: nothing else here writes a secret to a disk.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

from ..threads import ForkSafeLock
from .secret import digest

_files: dict[str, str] = {}  # by a digest of the text
_lock = ForkSafeLock()  # guards _files


def file_of_pem(pem: str) -> str:
    """Return the path of a file that holds a text, which only this user can read.

    :param pem: str, certificates and a private key.
    :returns: str, the same for the same text; the file is removed when the process ends.
    """
    name = digest(pem)

    def path() -> str:
        known = _files.get(name)
        if known is None or not os.path.exists(known):
            known = _files[name] = _written(pem)
        return known

    return _lock.run(path)


def _written(pem: str) -> str:
    folder = tempfile.mkdtemp(prefix="requests-cc-")  # 0700
    atexit.register(_remove, folder, os.getpid())
    path = os.path.join(folder, "client.pem")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(pem)
    return path


def _remove(folder: str, process: int) -> None:
    if os.getpid() == process:  # a forked child leaves its parent's file alone
        shutil.rmtree(folder, ignore_errors=True)
