"""Names under which a store keeps tokens: nobody who reads them can guess what is in a key.

A key stands for all that shapes a token, a digest of the client secret included. Under its own
name in a store, whoever reads the store could try out weak secrets until one of them gives it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import TypeAlias

from ...errors import ConfigurationError
from ...threads import ForkSafeLock

FORMAT = 1  # of the envelope; part of each name too, so that two formats share no entry

PURPOSE = f"requests_cc token store, names, format {FORMAT}".encode("ascii")
REMEMBERED = 1024  # keys whose scrypt is remembered

# 16 MiB and some 40 ms for each guess (RFC 7914 §2: N, r, p).
COST = {"n": 2**14, "r": 8, "p": 1}


#: From a key to its names, hexadecimal: where it is written first, and where it may be as well.
Names: TypeAlias = Callable[[str], Sequence[str]]


class KeyedNames:
    """HMAC-SHA256 under each encryption key: whoever has none of them cannot try a guess.

    :param keys: bytes each, the encryption keys.

    Safe to share between threads.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def __call__(self, key: str) -> Sequence[str]:
        message = PURPOSE + b"\0" + _encoded(key)
        return [hmac.new(secret, message, hashlib.sha256).hexdigest() for secret in self._keys]


class StretchedNames:
    """scrypt (RFC 7914) where there is no encryption key: a guess costs as much as a look-up.

    :raises ConfigurationError: when this Python has none.

    Safe to share between threads, and to use after ``fork()``.
    """

    def __init__(self) -> None:
        if not hasattr(hashlib, "scrypt"):
            raise ConfigurationError(
                "this Python has no hashlib.scrypt to protect the names in a shared store: set "
                "encryption_key="
            )
        self._known: dict[str, str] = {}
        self._lock = ForkSafeLock()  # one at a time: each takes 16 MiB; guards _known

    def __call__(self, key: str) -> Sequence[str]:
        name = self._known.get(key)
        if name is None:
            with self._lock:
                name = self._known.get(key) or self._stretch(key)
        return [name]

    def _stretch(self, key: str) -> str:
        if len(self._known) >= REMEMBERED:
            del self._known[next(iter(self._known))]
        name = hashlib.scrypt(_encoded(key), salt=PURPOSE, dklen=32, **COST).hex()
        self._known[key] = name
        return name


def _encoded(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")
