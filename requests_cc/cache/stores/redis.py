"""Tokens shared through Redis or Valkey, with a client that the user makes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Protocol, TypeVar

from ...errors import ConfigurationError, TokenStoreError
from ...protocols import Clock
from .vault import MAX_SIZE, EncryptionKey, Vault, lifetime

T = TypeVar("T")

LEASE = 10.0  # seconds that a lock outlives a holder who died
LONGEST_HOLD = 300.0  # seconds, after which a lock is not extended: what holds it hangs


class RedisLock(Protocol):
    """The lock of redis-py and valkey-py."""

    def acquire(self) -> bool | None:
        """Waits for it, for its ``blocking_timeout`` at the most."""

    def reacquire(self) -> object:
        """Starts its lease over."""

    def release(self) -> object:
        """Releases it."""


class RedisClient(Protocol):
    """What is used of redis-py and valkey-py: single, Sentinel and Cluster alike."""

    def getrange(self, key: str, start: int, end: int, /) -> Any:
        """GETRANGE."""

    def set(self, name: str, value: bytes, /, *, px: int) -> Any:
        """SET with PX."""

    def delete(self, name: str, /) -> Any:
        """DEL."""

    def lock(
        self, name: str, /, *, timeout: float, blocking_timeout: float, thread_local: bool
    ) -> RedisLock:
        """A lock of its own, which is SET with NX and PX, and scripts."""


class RedisTokenStore:
    """Keeps tokens in Redis or Valkey, where any number of processes and machines share them.

    :param client: a ``redis.Redis``, ``valkey.Valkey``, ``RedisCluster`` or what a ``Sentinel``
        gives, with or without ``decode_responses``. Give it a ``socket_timeout`` of a second or
        two: without one, a thread hangs for as long as the server does.
    :param encryption_key: a Fernet key, or a list of which the first encrypts (extra
        ``encryption``); None: whoever can read the server can read the tokens.
    :param prefix: str, what the names begin with. The client's user needs the commands GETRANGE,
        GET, SET, DEL, PEXPIRE, EVALSHA and SCRIPT LOAD on them.
    :param clock: what has ``time()``.
    :raises ConfigurationError: when a setting is wrong, or an extra is missing.

    Its methods raise :class:`TokenStoreError` when the server fails; a
    :class:`~requests_cc.TokenCache` takes that for a miss. Safe to share between threads, and to
    use after ``fork()``, as its client is. It can be pickled where its client can; the pickle
    carries the encryption keys.
    """

    advice = (
        "Check that the Redis server is up, can be reached and has memory left, that the client's "
        "user may do GETRANGE, GET, SET, DEL, PEXPIRE, EVALSHA and SCRIPT LOAD, and that the "
        "client has a socket_timeout."
    )

    def __init__(
        self,
        client: RedisClient,
        *,
        encryption_key: EncryptionKey = None,
        prefix: str = "requests-cc:",
        clock: Clock = time,
    ) -> None:
        if not _is_client(client):
            raise ConfigurationError(
                f"RedisTokenStore takes a client that does not need await, such as redis.Redis(), "
                f"not {type(client).__module__}.{type(client).__qualname__}"
            )
        if not isinstance(prefix, str):
            raise ConfigurationError("prefix must be a str")
        self._client = client
        self._prefix = prefix
        self._clock = clock
        self._vault = Vault(encryption_key, clock)

    def prepare(self, key: str) -> None:
        """Computes the names of a key, without a word to the server: up to 40 ms, and once."""
        self._vault.names(key)

    def get(self, key: str) -> bytes | None:
        """What was set under a key and has not expired.

        :param key: str.
        :returns: bytes; None where there is nothing, or nothing that was sealed for this key.
        :raises TokenStoreError: when the server fails.
        """
        for name in self._vault.names(key):
            # Not GET: what somebody else put there may be hundreds of megabytes.
            read = partial(self._client.getrange, self._prefix + name, 0, MAX_SIZE)
            value = self._vault.open(name, _asked("GETRANGE", read))
            if value is not None:
                return value
        return None

    def set(self, key: str, value: bytes, ttl: float) -> None:
        """Keeps a value.

        :param key: str.
        :param value: bytes.
        :param ttl: float, seconds until it expires; 30 days count at the most.
        :raises TokenStoreError: when the server fails.
        """
        milliseconds = int(lifetime(ttl) * 1000)
        if not milliseconds:
            self.delete(key)
            return
        name, *others = self._vault.names(key)
        sealed = self._vault.seal(name, value, ttl)
        _asked("SET", partial(self._client.set, self._prefix + name, sealed, px=milliseconds))
        # A token under a key that is being rotated out is older than this one.
        self._delete(others)

    def delete(self, key: str) -> None:
        """Forgets what is under a key.

        :raises TokenStoreError: when the server fails.
        """
        self._delete(self._vault.names(key))

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[bool]:
        """A lock that one process at a time holds: redis-py's own, with a lease of 10 seconds.

        The lease is extended while it is held; so a holder that was killed delays the others by
        no more than that. A release that finds it lapsed is no error.

        :param timeout: float, seconds to wait for it.
        :returns: a context manager that gives whether it was obtained.
        :raises TokenStoreError: when the server fails.
        """
        name = f"{self._prefix}{self._vault.names(key)[0]}:lock"
        lock = self._client.lock(
            name, timeout=LEASE, blocking_timeout=max(0.0, timeout), thread_local=False
        )
        if not _asked("SET NX", lock.acquire):
            yield False
            return
        pid, released = os.getpid(), threading.Event()
        try:
            _in_background(partial(_extend, lock, released))
            yield True
        finally:
            released.set()
            if os.getpid() == pid:  # a child that was forked meanwhile does not hold it
                # It may be somebody else's by now; and what fails lapses with its lease.
                with suppress(Exception):
                    lock.release()

    def _delete(self, names: Sequence[str]) -> None:
        # One at a time: in a cluster they live in different slots.
        for name in names:
            _asked("DEL", partial(self._client.delete, self._prefix + name))

    def __repr__(self) -> str:
        encrypted = "encrypted" if self._vault.encrypts else "not encrypted"
        return f"<RedisTokenStore {self._prefix!r}, {encrypted}>"

    def __reduce__(self) -> tuple[Any, ...]:
        settings: dict[str, Any] = {"encryption_key": self._vault.keys, "prefix": self._prefix}
        if self._clock is not time:  # a module, which no pickle can hold
            settings["clock"] = self._clock
        return partial(type(self), self._client, **settings), ()


def _is_client(client: object) -> bool:
    methods = ("getrange", "set", "delete", "lock")
    usable = all(callable(getattr(client, method, None)) for method in methods)
    return usable and "asyncio" not in type(client).__module__.split(".")


def _asked(command: str, function: Callable[[], T]) -> T | None:
    """What the server answered; None for what is not of a type that we keep, or no text."""
    try:
        return function()
    except UnicodeDecodeError:
        return None
    except Exception as error:  # noqa: BLE001 - of redis-py, of valkey-py, or the user's own
        if str(error).startswith("WRONGTYPE"):
            return None
        reason = _in_words(error)
    # Outside the block, and not with the server's text, which can repeat what was sent.
    raise TokenStoreError(f"{command} failed: {reason}")


def _in_words(error: Exception) -> str:
    name, code = type(error).__name__, str(error).partition(" ")[0]
    return f"{name}, {code}" if code.isalpha() and code.isupper() and len(code) > 1 else name


def _in_background(function: Callable[[], None]) -> None:
    thread = threading.Thread(target=function, name="requests-cc lease", daemon=True)
    # The system's limit, or interpreter shutdown: then it is held for its first lease.
    with suppress(RuntimeError, MemoryError):
        thread.start()


def _extend(lock: RedisLock, released: threading.Event) -> None:
    for _ in range(int(LONGEST_HOLD / LEASE * 3)):
        if released.wait(LEASE / 3):
            return
        try:
            lock.reacquire()
        except Exception as error:  # noqa: BLE001 - the next try may reach the server again
            if _is_lock_error(error):
                return


def _is_lock_error(error: Exception) -> bool:
    """Whether a lock is lost. By its name, since each client library has a class of its own."""
    return any(kind.__name__ == "LockError" for kind in type(error).__mro__)
