"""The body of a request that may be sent again.

It stands alone because every request with a body needs it, and ``resend`` is imported after the
first rejection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def rewinder(body: Any) -> Callable[[], bool]:
    """Remember where a request's body stands, before it is sent.

    :param body: of a prepared request.
    :returns: a function that puts the body back there, and returns whether it could. A generator or
        a pipe cannot be sent again; bytes and str always can.
    """
    if isinstance(body, (bytes, str, bytearray, memoryview)):
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


def _nothing_to_rewind() -> bool:
    return True


def _cannot_rewind() -> bool:
    return False
