"""A store that keeps sealed values under names that nobody can guess, wherever it keeps them."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod

from ...protocols import Clock
from .vault import EncryptionKey, Vault, lifetime

logger = logging.getLogger("requests_cc")


class SealedStore(ABC):
    """The methods that every store has, over three of its own for one name.

    :param encryption_key: as for a :class:`Vault`.
    :param clock: an object with ``time()``.
    :raises ConfigurationError: if a key is not valid, or an extra is missing.
    """

    def __init__(self, encryption_key: EncryptionKey, clock: Clock) -> None:
        self._clock = clock
        self._vault = Vault(encryption_key, clock)
        self._has_warned = False

    @property
    def encrypts(self) -> bool:
        """True if values are encrypted."""
        return self._vault.encrypts

    def prepare(self, key: str) -> None:
        """Compute the names of a key: once, and some 25 ms of CPU time; no I/O.

        :param key: str.
        """
        self._vault.names(key)

    def get(self, key: str) -> bytes | None:
        """Return the value under a key, unless it has expired.

        :param key: str.
        :returns: bytes; None if there is no value, or none that was sealed for this key.
        :raises TokenStoreError: if the store fails.
        """
        for name in self._vault.names(key):
            sealed = self._read(name)
            value = self._vault.open(name, sealed)
            if value is not None:
                return value
            if sealed is not None:
                self._warn_of(name, sealed)
        return None

    def set(self, key: str, value: bytes, ttl: float) -> None:
        """Keep a value.

        :param key: str.
        :param value: bytes.
        :param ttl: float, seconds until it expires; 30 days at the most.
        :raises TokenStoreError: if the store fails.
        """
        seconds = lifetime(ttl)
        if not seconds:
            self.delete(key)
            return
        name, *others = self._vault.names(key)
        self._write(name, self._vault.seal(name, value, ttl), seconds)
        for other in others:  # under a key that is being rotated out: older than this one
            self._remove(other)

    def delete(self, key: str) -> None:
        """Delete the value under a key, if there is one.

        :param key: str.
        :raises TokenStoreError: if the store fails.
        """
        for name in self._vault.names(key):
            self._remove(name)

    def _warn_of(self, name: str, sealed: object) -> None:
        """Log, once, an entry that is not just expired."""
        if not self._has_warned and self._vault.open(name, sealed, 0.0) is None:
            self._has_warned = True
            logger.warning(
                "ignoring an unusable entry in the token store: %r holds something that was not "
                "written for it with this encryption_key",
                self,
            )

    @abstractmethod
    def _read(self, name: str) -> object:
        """Return what is kept under a name, cut at MAX_SIZE + 1 bytes, or None."""

    @abstractmethod
    def _write(self, name: str, sealed: bytes, seconds: float) -> None:
        """Keep a sealed value for some seconds."""

    @abstractmethod
    def _remove(self, name: str) -> None:
        """Remove what is kept under a name, if anything is."""

    def _describe(self, place: str) -> str:
        encrypted = "encrypted" if self._vault.encrypts else "not encrypted"
        return f"<{type(self).__name__} {place!r}, {encrypted}>"
