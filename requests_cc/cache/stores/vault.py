"""Encryption at rest: an entry of a store shows neither a token nor whose it is."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

from ...errors import ConfigurationError
from ...protocols import SYSTEM_CLOCK, Clock
from ...settings import require
from .names import FORMAT, KeyedNames, Names, StretchedNames

LONGEST = 30 * 86400.0  # seconds that anything is kept: a token without an expiry too
LEAST = 0.001  # seconds: what Redis counts in
MAX_SIZE = 1024 * 1024  # bytes of a value in its envelope, encrypted; more is read from no store


def lifetime(ttl: float) -> float:
    """Return the seconds for which a value is kept; 0 if less than a millisecond is left."""
    return min(ttl, LONGEST) if ttl >= LEAST else 0.0  # NaN is not above anything


def pack(name: str, value: bytes, expires_at: float) -> bytes:
    """Make an envelope: JSON, since clients that decode what they read leave it whole."""
    document = {
        "format": FORMAT,
        "name": name,
        "expires_at": expires_at,
        "value": base64.b64encode(value).decode("ascii"),
    }
    return json.dumps(document).encode("ascii")


def unpack(name: str, data: bytes, now: float) -> bytes | None:
    """Return the value in an envelope that was found under a name.

    :returns: bytes; None for anything torn, foreign, expired, of another format, or made for
        another name: the token of such a copy would be another client's.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return None
    expires_at, value = document.get("expires_at"), document.get("value")
    if not isinstance(expires_at, float) or not now < expires_at < math.inf:
        return None
    if document.get("name") != name or not isinstance(value, str):
        return None
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        return None


if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

EncryptionKey: TypeAlias = "str | bytes | Sequence[str | bytes] | None"


class Vault:
    """The names and the encryption of a store.

    :param encryption_key: a Fernet key (``cryptography.fernet.Fernet.generate_key()``), str or
        bytes; or a sequence of them, of which the first encrypts and all decrypt. None: nothing
        is encrypted.
    :param clock: an object with ``time()``.
    :raises ConfigurationError: if a key is not valid, or the extra is missing.

    To rotate, add the new key at the end of the list in each process, then put it first in each,
    then leave out the old one: so each process can always read what the others write. A token is
    looked for under each of the keys, so that none is lost.

    ``keys`` are the encryption keys, or None. Safe to share between threads; no ``repr`` shows a
    key.
    """

    def __init__(self, encryption_key: EncryptionKey = None, clock: Clock = SYSTEM_CLOCK) -> None:
        self.keys = keys = _keys(encryption_key)
        self._clock = clock
        self._fernet = None if keys is None else _fernet(keys)
        # base64 skips characters outside its alphabet, in Fernet's constructor as well.
        self.names: Names = (
            StretchedNames()
            if keys is None
            else KeyedNames([base64.urlsafe_b64decode(key) for key in keys])
        )

    @property
    def encrypts(self) -> bool:
        """True if values are encrypted."""
        return self._fernet is not None

    def seal(self, name: str, value: bytes, ttl: float) -> bytes:
        """Put a value into an envelope of ASCII, encrypted if there is a key."""
        data = pack(name, value, self._clock.time() + lifetime(ttl))
        return data if self._fernet is None else self._fernet.encrypt(data)

    def open(self, name: str, sealed: object, now: float | None = None) -> bytes | None:
        """Return the value in an envelope that was found under a name.

        :param sealed: bytes, or the str that a client made of them.
        :param now: float, seconds since the epoch; None: the clock's.
        :returns: bytes; None if the envelope has expired, or was not sealed for this name with one
            of the keys.
        """
        if isinstance(sealed, str):
            sealed = sealed.encode("utf-8", "surrogatepass")
        if not isinstance(sealed, bytes) or len(sealed) > MAX_SIZE:
            return None
        data = sealed if self._fernet is None else _decrypted(self._fernet, sealed)
        return (
            None if data is None else unpack(name, data, self._clock.time() if now is None else now)
        )


def _keys(setting: EncryptionKey) -> list[bytes] | None:
    if setting is None:
        return None
    keys = [setting] if isinstance(setting, (str, bytes)) else setting
    if not isinstance(keys, Sequence) or not all(isinstance(key, (str, bytes)) for key in keys):
        raise ConfigurationError(
            "encryption_key must be a Fernet key, str or bytes, or a list of them"
        )
    if not keys:
        raise ConfigurationError("encryption_key is an empty list: pass at least one key, or None")
    encoded = [key.encode("utf-8", "replace") if isinstance(key, str) else key for key in keys]
    return list(dict.fromkeys(encoded))


def _fernet(keys: Sequence[bytes]) -> MultiFernet:
    require("cryptography", "encryption")
    from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415 - an extra

    fernets: list[Fernet] = []
    with suppress(ValueError):
        fernets.extend(map(Fernet, keys))
    if len(fernets) < len(keys):
        raise ConfigurationError(
            f"encryption_key, number {len(fernets) + 1} of {len(keys)}, is not a valid Fernet key "
            f"(32 bytes in URL-safe base64): use cryptography.fernet.Fernet.generate_key()"
        )
    return MultiFernet(fernets)


def _decrypted(fernet: MultiFernet, sealed: bytes) -> bytes | None:
    from cryptography.fernet import InvalidToken  # noqa: PLC0415 - an extra

    try:
        # base64 has several spellings of the same bytes, and nothing authenticates the spelling.
        if base64.urlsafe_b64encode(base64.urlsafe_b64decode(sealed)) != sealed:
            return None
        return fernet.decrypt(sealed)
    except (InvalidToken, ValueError):
        return None
