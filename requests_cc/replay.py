"""Sending a request's body a second time, and letting go of the answer to the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests
import urllib3

from .response_body import read_body, with_body

LARGEST_REJECTION = 64 * 1024  # bytes that are kept of an answer in whose place another comes


def rewinder(body: Any) -> Callable[[], bool]:
    """Remembers where a body stands, before it is sent.

    :param body: what a prepared request carries.
    :returns: a function that puts the body back there and tells whether it could. A generator or a
        pipe cannot be sent again; bytes, str and their like are as they were.
    """
    if body is None or isinstance(body, (bytes, str, bytearray, memoryview)):
        return _nothing_to_rewind
    try:
        position = body.tell()
    except Exception:  # noqa: BLE001 - the body is the user's own object, with errors of its own
        return _cannot_rewind

    def rewind() -> bool:
        try:
            body.seek(position)
        except Exception:  # noqa: BLE001 - as above
            return False
        return True

    return rewind


def is_small(response: requests.Response) -> bool:
    """Whether a response says that :func:`release` would keep its whole body."""
    length = response.headers.get("Content-Length", "")
    return length.isascii() and length.isdigit() and int(length[:20]) <= LARGEST_REJECTION


def release(response: requests.Response) -> bool:
    """Gives a response's connection back to its pool, and keeps the body's first 64 KiB.

    :param response: one of which nothing was read yet.
    :returns: bool, whether that is the whole body.
    """
    raw: Any = response.raw
    if not hasattr(raw, "stream"):
        return True  # from a transport without connections
    try:
        body, whole = read_body(raw, LARGEST_REJECTION, decode=False)
    except (urllib3.exceptions.HTTPError, OSError):
        body, whole = b"", False
    if not whole:
        raw.close()
    raw.release_conn()
    response.raw = with_body(raw, body, decoded=False)
    return whole


def _nothing_to_rewind() -> bool:
    return True


def _cannot_rewind() -> bool:
    return False
