"""Tokens shared through Redis or Valkey, with the user's own client."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Protocol, TypeVar

from ...errors import ConfigurationError, TokenStoreError
from ...protocols import SYSTEM_CLOCK, Clock
from ...threads import Call, Landing
from .sealed import SealedStore
from .vault import MAX_SIZE, EncryptionKey

T = TypeVar("T")

LEASE = 10.0  # seconds that a lock outlives a holder who died
LONGEST_HOLD = 300.0  # seconds; a lock is not extended any longer, since its holder hangs


class RedisLock(Protocol):
    """The lock of redis-py and valkey-py."""

    def acquire(self) -> bool | None:
        """Wait for the lock, for its ``blocking_timeout`` at the most."""

    def reacquire(self) -> object:
        """Start the lease over."""

    def release(self) -> object:
        """Release the lock."""


class RedisClient(Protocol):
    """The methods of redis-py and valkey-py that are used: single, Sentinel and Cluster alike."""

    def getrange(self, key: str, start: int, end: int, /) -> Any:
        """GETRANGE."""

    def set(self, name: str, value: bytes, /, *, px: int) -> Any:
        """SET with PX."""

    def delete(self, name: str, /) -> Any:
        """DEL."""

    def lock(
        self, name: str, /, *, timeout: float, blocking_timeout: float, thread_local: bool
    ) -> RedisLock:
        """The client's own lock, which is SET with NX and PX, and scripts."""


class RedisTokenStore(SealedStore):
    """Redis or Valkey, through which any number of processes and machines share tokens.

    :param client: a ``redis.Redis``, ``valkey.Valkey``, ``RedisCluster`` or the client of a
        ``Sentinel``, with or without ``decode_responses``. Set its ``socket_timeout`` to a second
        or two: without one, a thread hangs for as long as the server does.
    :param encryption_key: a Fernet key, or a list of keys of which the first encrypts (extra
        ``encryption``); None: whoever can read the server can read the tokens.
    :param prefix: str, the beginning of all names. The client's user needs the commands GETRANGE,
        GET, SET, DEL, PEXPIRE, EVALSHA and SCRIPT LOAD on these names.
    :param clock: an object with ``time()``.
    :raises ConfigurationError: if a setting is not valid, or an extra is missing.

    The methods raise :class:`TokenStoreError` if the server fails; a
    :class:`~requests_cc.TokenCache` treats that as a miss. Safe to share between threads, and to
    use after ``fork()``, as the client is. It can be pickled if the client can; the pickle carries
    the encryption keys.
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
        clock: Clock = SYSTEM_CLOCK,
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
        super().__init__(encryption_key, clock)

    @contextmanager
    def lock(self, key: str, timeout: float) -> Iterator[bool]:
        """Take a lock that one process at a time holds: the client's own, leased for 10 seconds.

        The lease is extended while the lock is held, so a holder that was killed delays the others
        by 10 seconds at the most. Releasing a lock that has lapsed is not an error.

        :param key: str.
        :param timeout: float, seconds to wait for the lock.
        :returns: a context manager that gives whether the lock was obtained.
        :raises TokenStoreError: if the server fails.
        """
        name = f"{self._prefix}{self._vault.names(key)[0]}:lock"
        lock = self._client.lock(
            name, timeout=LEASE, blocking_timeout=max(0.0, timeout), thread_local=False
        )
        if not _run("SET NX", lock.acquire):
            yield False
            return
        pid, released = os.getpid(), Landing()
        try:
            # If no thread can be started, the lock is held for its first lease.
            Call(partial(_extend, lock, released), "requests-cc lease").start()
            yield True
        finally:
            released.land()
            if os.getpid() == pid:  # a child that was forked meanwhile does not hold it
                # Another process may hold it by now; and if this fails, it lapses with its lease.
                with suppress(Exception):
                    lock.release()

    def _read(self, name: str) -> object:
        # Not GET: the value may be hundreds of megabytes, if something else wrote it. GETRANGE
        # returns an empty one for a name that is not there.
        read = partial(self._client.getrange, self._prefix + name, 0, MAX_SIZE)
        return _run("GETRANGE", read) or None

    def _write(self, name: str, sealed: bytes, seconds: float) -> None:
        px = int(seconds * 1000)
        _run("SET", partial(self._client.set, self._prefix + name, sealed, px=px))

    def _remove(self, name: str) -> None:
        # One name at a time: in a cluster they live in different slots.
        _run("DEL", partial(self._client.delete, self._prefix + name))

    def __repr__(self) -> str:
        return self._describe(self._prefix)

    def __reduce__(self) -> tuple[Any, ...]:
        settings: dict[str, Any] = {
            "encryption_key": self._vault.keys,
            "prefix": self._prefix,
            "clock": self._clock,
        }
        return partial(type(self), self._client, **settings), ()


def _is_client(client: object) -> bool:
    methods = ("getrange", "set", "delete", "lock")
    usable = all(callable(getattr(client, method, None)) for method in methods)
    return usable and "asyncio" not in type(client).__module__.split(".")


def _run(command: str, function: Callable[[], T]) -> T | None:
    """Return the server's response; None for a value of another type, or text that is not UTF-8."""
    try:
        return function()
    except UnicodeDecodeError:
        return None
    except Exception as error:  # noqa: BLE001 - of redis-py, of valkey-py, or the user's own
        if str(error).startswith("WRONGTYPE"):
            return None
        reason = _in_words(error)
    # Outside the block, since the frames of the error hold what was sent; and without the server's
    # text, which can repeat it.
    raise TokenStoreError(f"{command} failed: {reason}")


def _in_words(error: Exception) -> str:
    name, code = type(error).__name__, str(error).partition(" ")[0]
    return f"{name}, {code}" if code.isalpha() and code.isupper() and len(code) > 1 else name


def _extend(lock: RedisLock, released: Landing) -> None:
    for _ in range(int(LONGEST_HOLD / LEASE * 3)):
        if released.wait(LEASE / 3):
            return
        try:
            lock.reacquire()
        except Exception as error:  # noqa: BLE001 - the next try may reach the server again
            if _is_lock_error(error):
                return


def _is_lock_error(error: Exception) -> bool:
    """Return whether a lock is lost, by the name of the error: each library has its own class."""
    return any(kind.__name__ == "LockError" for kind in type(error).__mro__)
