"""Reading a request's body off a connection: RFC 9112 section 6."""

from __future__ import annotations

import re
from email.message import Message

from requests_cc.testing.request_stream import RequestStream


class MalformedBodyError(ValueError):
    """The framing makes no sense, so nobody knows where the next request starts."""


def read_body(headers: Message, stream: RequestStream) -> bytes:
    """Return the body that these headers announce, b"" if they announce none.

    :param headers: the request's headers.
    :param stream: stands right after the headers, and afterwards right after the body.
    :raises MalformedBodyError: if the framing is not that of RFC 9112 section 6 or 7.1.
    :raises ConnectionAbortedError: if the client goes away before the end.
    """
    coding = headers.get("Transfer-Encoding")
    if coding is None:
        return stream.read_exactly(_number(headers.get("Content-Length", "0"), "[0-9]{1,10}", 10))
    if coding.strip().lower() != "chunked":
        raise MalformedBodyError("the only transfer coding that is understood is chunked")
    return _read_chunked(stream)


def _read_chunked(stream: RequestStream) -> bytes:
    chunks: list[bytes] = []
    while size := _chunk_size(stream):
        chunks.append(stream.read_exactly(size))
        if stream.readline().strip(b"\r\n"):
            raise MalformedBodyError("a chunk is longer than its size says")
    while stream.readline().strip(b"\r\n"):
        pass  # RFC 9112 section 7.1.2: a recipient may "discard the received trailer fields"
    return b"".join(chunks)


def _chunk_size(stream: RequestStream) -> int:
    size = stream.readline().partition(b";")[0]  # ";" starts a chunk extension
    return _number(size.decode("latin-1"), "[0-9A-Fa-f]{1,8}", 16)


def _number(text: str, digits: str, base: int) -> int:
    # int() alone would let signs, underscores and other scripts' digits pass.
    text = text.strip(" \t\r\n")
    if not re.fullmatch(digits, text):
        raise MalformedBodyError("a body's or a chunk's size is not a number, or too large")
    return int(text, base)
