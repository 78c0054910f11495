"""Names under which a store keeps tokens; a reader of the store cannot guess keys from them.

A key stands for everything that shapes a token, a digest of the client secret included. If a store
used the keys themselves as names, its readers could try out weak secrets until one matches.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import TypeAlias

from ...errors import ConfigurationError
from ...threads import ForkSafeLock, exclusive

FORMAT = 1  # of the envelope; part of each name too, so that two formats share no entry

PURPOSE = f"requests_cc token store, names, format {FORMAT}".encode("ascii")
REMEMBERED = 1024  # keys whose scrypt is remembered

# Some 25 ms for each guess (RFC 7914 §2: N, r, p), in 1 MiB: the C library keeps that memory, once
# for each thread that has used it.
COST = {"n": 2**10, "r": 8, "p": 16}


#: From a key to its names, hexadecimal: first the one to write to, then others to read from.
Names: TypeAlias = Callable[[str], Sequence[str]]


class KeyedNames:
    """HMAC-SHA256 under each encryption key: without a key nobody can try a guess.

    :param keys: bytes each, the encryption keys.

    Safe to share between threads.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    def __call__(self, key: str) -> Sequence[str]:
        message = PURPOSE + b"\0" + _encoded(key)
        return [hmac.new(secret, message, hashlib.sha256).hexdigest() for secret in self._keys]


class StretchedNames:
    """Names by scrypt (RFC 7914), for a store without a key: each guess costs 25 ms of CPU time.

    :raises ConfigurationError: if this Python has no scrypt.

    Safe to share between threads, and to use after ``fork()``.
    """

    def __init__(self) -> None:
        if not hasattr(hashlib, "scrypt"):
            raise ConfigurationError(
                "encryption_key is missing: this Python has no hashlib.scrypt to protect the names "
                "in a store without it. Pass encryption_key="
            )
        self._known: dict[str, str] = {}
        self._lock = ForkSafeLock()  # one name at a time, each computed once; guards _known

    def __call__(self, key: str) -> Sequence[str]:
        return [self._known.get(key) or self._stretched(key)]

    @exclusive
    def _stretched(self, key: str) -> str:
        known = self._known.get(key)  # by a thread that had the lock before
        if known is not None:
            return known
        if len(self._known) >= REMEMBERED:
            del self._known[next(iter(self._known))]
        name = hashlib.scrypt(_encoded(key), salt=PURPOSE, dklen=32, **COST).hex()
        self._known[key] = name
        return name


def _encoded(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")
