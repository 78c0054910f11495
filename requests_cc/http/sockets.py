"""The sockets of one exchange: it ends at its deadline, whatever it is doing.

Nothing else does: a timeout of requests counts from the last byte, so a server that sends one now
and then, in a header, a handshake or a proxy's response, holds a thread for as long as it likes.
"""

from __future__ import annotations

import contextvars
import http.client
import queue
import socket
import threading
import time
from contextlib import suppress
from functools import partial
from typing import Any

import requests
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util import Retry
from urllib3.util.connection import allowed_gai_family

LEAST_SHARE = 0.01  # seconds to connect to one of several addresses
MOST_INTERIM = 16  # responses 100 Continue before a final one; http.client reads them without end


class TooManyInterimResponses(http.client.HTTPException):
    """A server streams ``100 Continue``: reading that at full speed holds all other threads up."""


_sockets_of_exchange: contextvars.ContextVar[Sockets | None] = contextvars.ContextVar(
    "sockets_of_exchange", default=None
)


class Sockets:
    """The connections that one exchange uses, so that another thread can end it.

    ``are_watched`` says whether they are known, ``connected`` whether there was one. Safe to share
    between threads.
    """

    def __init__(self) -> None:
        self.connected = False
        self.are_watched = False
        self._ended = False
        self._lock = threading.Lock()  # guards all below and _ended; never held during I/O
        self._duplicates: list[socket.socket] = []

    @property
    def timeout(self) -> requests.Timeout:
        """The error of an exchange that took too long."""
        was_connected = self.connected or not self.are_watched
        return requests.ReadTimeout() if was_connected else requests.ConnectTimeout()

    def use(self) -> None:
        """Watch what this thread connects from now on."""
        _sockets_of_exchange.set(self)

    def add(self, connected: Any) -> None:
        """Watch one connection.

        :raises TimeoutError: if the exchange has ended meanwhile.
        """
        # TLS takes the descriptor out of the socket that it wraps: a duplicate outlives that.
        with suppress(OSError, AttributeError):
            duplicate = socket.fromfd(connected.fileno(), socket.AF_INET, socket.SOCK_STREAM)
            with self._lock:
                self._duplicates.append(duplicate)
        self.connected = True
        if self._ended:
            connected.close()
        self.check()

    def check(self) -> None:
        """Check that the exchange goes on.

        :raises TimeoutError: if it has ended.
        """
        if self._ended:
            self.end()
            raise TimeoutError("the exchange has ended")

    def end(self) -> None:
        """Shut every connection down: whoever reads from it reads its end."""
        self._ended = True
        with self._lock:
            for duplicate in self._duplicates:
                with suppress(OSError):
                    duplicate.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """Stop watching: the exchange is over."""
        with self._lock:
            for duplicate in self._duplicates:
                duplicate.close()
            self._duplicates.clear()


def watch(
    adapter: Any, request: requests.PreparedRequest, settings: dict[str, Any], *, is_own: bool
) -> bool:
    """Have an adapter's connections for one request watched by the exchange that uses them.

    :param adapter: the adapter that will send it.
    :param request: the request.
    :param settings: mapping, what the adapter will be called with.
    :param is_own: bool, whether the session is ours: then the addresses of a host also share the
        connect timeout.
    :returns: bool; False if it is not an ``HTTPAdapter`` over connections of :mod:`http.client`.
    """
    is_known = isinstance(adapter, requests.adapters.HTTPAdapter)
    if not is_known or not hasattr(adapter, "poolmanager"):
        return False
    pool = adapter.get_connection_with_tls_context(
        request, settings["verify"], proxies=settings["proxies"], cert=settings["cert"]
    )
    base: Any = pool.ConnectionCls
    if not (isinstance(base, type) and issubclass(base, http.client.HTTPConnection)):
        return False
    if not hasattr(base, "watched_by_exchanges"):
        pool.ConnectionCls = _watched(base, is_own=is_own)
        if not is_own:  # ours retries nothing
            pool.urlopen = partial(_urlopen, pool.urlopen)
        _drop_idle(pool)
    return True


def _urlopen(
    urlopen: Any, method: Any, url: Any, body: Any = None, headers: Any = None,
    retries: Any = None, *args: Any, **kwargs: Any,
) -> Any:  # fmt: skip
    """Call a pool's method; within an exchange, its retries only connect again.

    They would sleep for as long as a server's ``Retry-After`` says, and send one proof twice: what
    follows a response or a request that was sent is decided after the exchange.
    """
    if _sockets_of_exchange.get() is not None and isinstance(retries, Retry):
        retries = retries.new(read=False, status_forcelist=(), respect_retry_after_header=False)
    return urlopen(method, url, body, headers, retries, *args, **kwargs)


_classes: dict[tuple[Any, bool], Any] = {}


def _watched(base: Any, *, is_own: bool) -> Any:
    """Return a class of connections that tell the exchange that uses them of their sockets."""
    shares = is_own and base._new_conn is HTTPConnection._new_conn  # noqa: SLF001 - a hook
    if (base, shares) not in _classes:
        response_class = type("Response", (_EndsInterim, base.response_class), {})
        bases = (_Watched, _SharesTimeout, base) if shares else (_Watched, base)
        _classes[base, shares] = type("Watched", bases, {"response_class": response_class})
    return _classes[base, shares]


_Base: Any = object  # in front of a class of http.client, of urllib3 or of a user


class _EndsInterim(_Base):  # type: ignore[misc] # Any
    """The part of a response that ends a stream of ``100 Continue``."""

    _interim = 0

    def _read_status(self) -> Any:
        status = super()._read_status()
        self._interim += status[1] == http.client.CONTINUE
        if self._interim > MOST_INTERIM:
            raise TooManyInterimResponses
        return status


class _SharesTimeout(_Base):  # type: ignore[misc] # Any
    """The part of a connection with which the addresses of a host share the connect timeout."""

    def _new_conn(self) -> socket.socket:
        return _connected(self)


class _Watched(_Base):  # type: ignore[misc] # Any
    """The part of a connection that tells the exchange of each socket."""

    watched_by_exchanges = True

    def _new_conn(self) -> Any:
        connected = super()._new_conn()
        sockets = _sockets_of_exchange.get()
        if sockets is not None:
            sockets.add(connected)
        return connected

    def _tunnel(self) -> None:
        super()._tunnel()  # http.client takes the end of the connection for that of the header
        sockets = _sockets_of_exchange.get()
        if sockets is not None:
            sockets.check()

    def request(self, *args: Any, **kwargs: Any) -> Any:
        sockets = _sockets_of_exchange.get()
        if sockets is not None and self.sock is not None:  # kept alive from another exchange
            sockets.add(self.sock)
        return super().request(*args, **kwargs)


def _drop_idle(pool: Any) -> None:
    """Close the pool's idle connections, which nobody watches."""
    with suppress(queue.Empty, AttributeError):
        idle = [pool.pool.get_nowait() for _ in range(pool.pool.qsize())]
        for connection in idle:
            if connection is not None:
                connection.close()
            pool.pool.put_nowait(None)


def _connected(connection: Any) -> socket.socket:
    """Return a socket that is connected to the first address of a host that can be reached.

    They share the connect timeout: urllib3 gives the whole of it to each, so that a few that
    swallow packets use up the time of one that works.
    """
    host = getattr(connection, "_dns_host", connection.host).strip("[]")
    try:
        addresses = socket.getaddrinfo(
            host, connection.port, allowed_gai_family(), socket.SOCK_STREAM
        )
    except (OSError, UnicodeError) as error:
        raise NewConnectionError(connection, "the name cannot be resolved") from error
    until = time.monotonic() + connection.timeout
    failed: OSError = OSError("the name has no address")
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        share = (until - time.monotonic()) / (len(addresses) - tried)
        attempt = socket.socket(family, kind, protocol)
        try:
            for option in connection.socket_options or ():
                attempt.setsockopt(*option)
            attempt.settimeout(max(share, LEAST_SHARE))
            attempt.connect(address)
        except OSError as error:
            failed = error
            attempt.close()
        else:
            attempt.settimeout(connection.timeout)
            return attempt
    if isinstance(failed, TimeoutError):
        raise ConnectTimeoutError(connection, "no address could be connected to") from failed
    raise NewConnectionError(connection, "no address could be connected to") from failed
