"""Read a body within a limit, and make it readable again."""

from __future__ import annotations

import io
import json
from functools import partial
from typing import Any

import urllib3

CHUNK = 8192  # bytes; small, since a compressed chunk can grow a thousandfold


def read_body(raw: Any, limit: int, *, decode: bool) -> tuple[bytes, bool]:
    """Read a body to its end, or to a limit.

    :param raw: a urllib3 response, or a file.
    :param decode: bool, whether to undo the Content-Encoding.
    :returns: at most ``limit`` bytes, and whether that is the whole body.
    :raises urllib3.exceptions.HTTPError: if the connection drops or the encoding is wrong.
    """
    body = bytearray()
    # A user's adapter may give the response a plain file, as requests allows.
    if hasattr(raw, "stream"):
        pieces = raw.stream(CHUNK, decode_content=decode)
    else:
        pieces = iter(partial(raw.read, CHUNK), b"")
    for chunk in pieces:
        body += chunk
        if len(body) > limit:
            return bytes(body[:limit]), False
    missing = getattr(raw, "length_remaining", None)
    if missing:  # urllib3 1.26 does not raise this
        raise urllib3.exceptions.IncompleteRead(len(body), missing)
    return bytes(body), True


def text_in(body: bytes) -> str:
    """Return the text in a body: UTF-8 (RFC 8259 §8.1), or else what old servers write, Latin-1."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def json_in(body: bytes) -> Any:
    """Return the JSON value in a body.

    :raises ValueError: if there is none.
    :raises RecursionError: if it is too deep.
    """
    try:
        return json.loads(body)
    except UnicodeDecodeError:
        return json.loads(text_in(body))


def with_body(raw: Any, body: io.IOBase, *, decoded: bool = False) -> urllib3.HTTPResponse:
    """Return a urllib3 response that reads its body from another file object.

    :param raw: the urllib3 response, or the file, whose place it takes.
    :param decoded: bool, whether the Content-Encoding of ``body`` was undone.
    """
    return urllib3.HTTPResponse(
        body=body,
        headers={} if decoded else getattr(raw, "headers", {}),
        status=getattr(raw, "status", 0),
        version=getattr(raw, "version", 0),
        reason=getattr(raw, "reason", None),
        preload_content=False,
        decode_content=False,  # unless the reader asks for it, as in the responses of requests
        # requests reads the cookies of the response from it.
        original_response=getattr(raw, "_original_response", None),
        # The header may have another length: of a body that was cut, or in a response to HEAD.
        enforce_content_length=False,
    )
