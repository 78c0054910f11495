"""Read a body within a limit, and make it readable again."""

from __future__ import annotations

import io
from typing import Any

import urllib3

CHUNK = 8192  # bytes; small, since a compressed chunk can grow a thousandfold


def read_body(raw: Any, limit: int, *, decode: bool) -> tuple[bytes, bool]:
    """Read a body to its end, or to a limit.

    :param raw: a urllib3 response.
    :param limit: int, bytes.
    :param decode: bool, whether to undo the Content-Encoding.
    :returns: at most ``limit`` bytes, and whether that is the whole body.
    :raises urllib3.exceptions.HTTPError: if the connection drops or the encoding is wrong.
    """
    body = bytearray()
    for chunk in raw.stream(CHUNK, decode_content=decode):
        body += chunk
        if len(body) > limit:
            return bytes(body[:limit]), False
    missing = getattr(raw, "length_remaining", None)
    if missing:  # urllib3 1.26 does not raise this
        raise urllib3.exceptions.IncompleteRead(len(body), missing)
    return bytes(body), True


def with_body(raw: Any, body: bytes, *, decoded: bool) -> urllib3.HTTPResponse:
    """Return a urllib3 response that holds ``body`` and can be read again.

    :param raw: the urllib3 response that ``body`` was read from.
    :param body: bytes.
    :param decoded: bool, whether the Content-Encoding of ``body`` was undone.
    """
    return urllib3.HTTPResponse(
        body=io.BytesIO(body),
        headers={} if decoded else raw.headers,
        status=raw.status,
        version=raw.version,
        reason=raw.reason,
        preload_content=False,
        decode_content=False,  # unless the reader asks for it, as in the responses of requests
        # requests reads the cookies of the response from it.
        original_response=getattr(raw, "_original_response", None),
        # The header may have another length: of a body that was cut, or in a response to HEAD.
        enforce_content_length=False,
    )
