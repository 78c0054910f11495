"""Letting a user's function look into a response whose body the caller reads afterwards."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import requests

from ..http.body import with_body


def look(function: Callable[[requests.Response], bool], response: requests.Response) -> bool:
    """Return what a function says of a response.

    :param function: may read the body.
    :param response: if the function read of its body, it gets a ``raw`` that begins with that.
    :raises Exception: whatever the function raises; the response is closed then.
    """
    raw: Any = response.raw
    probe, seen = response, None
    if hasattr(raw, "stream"):
        seen = _Seen(raw)
        probe = object.__new__(type(response))
        probe.__dict__.update(response.__dict__, raw=with_body(raw, seen))
    try:
        verdict = bool(function(probe))
    except BaseException:
        response.close()
        raise
    if seen is not None and seen.bytes:
        response.raw = with_body(raw, _Rest(bytes(seen.bytes), raw))
        response.raw.reads_from = raw
    return verdict


class _Seen(io.RawIOBase):
    """A body, and what was read of it; as it arrived, with its Content-Encoding."""

    def __init__(self, raw: Any) -> None:
        super().__init__()
        self._raw = raw
        self.bytes = bytearray()

    def read(self, size: int | None = -1) -> bytes:
        part: bytes = self._raw.read(
            None if size is None or size < 0 else size, decode_content=False
        )
        self.bytes += part
        return part


class _Rest(io.RawIOBase):
    """The bytes that were read of a body, and then the rest of it."""

    def __init__(self, seen: bytes, raw: Any) -> None:
        super().__init__()
        self._seen = seen
        self._raw = raw

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            seen, self._seen = self._seen, b""
            rest: bytes = self._raw.read(decode_content=False)
            return seen + rest
        if self._seen:  # at once: what comes next may take its time
            seen, self._seen = self._seen[:size], self._seen[size:]
            return seen
        # urllib3 1.26 cannot return what has arrived, and waits for as much as was asked for.
        read = getattr(self._raw, "read1", self._raw.read)
        part: bytes = read(size, decode_content=False)
        return part

    def close(self) -> None:
        self._raw.close()
        self._raw.release_conn()
        super().close()
