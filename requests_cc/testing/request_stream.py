"""What a client sends, up to where it goes away."""

from __future__ import annotations

import io

MAX_LINE = 65_536  # bytes


class RequestStream(io.BufferedReader):
    """Raises where the stream ends too early, so that half a request is never taken for a whole."""

    def readline(self, size: int | None = MAX_LINE, /) -> bytes:
        """Return a line with its end.

        :raises ConnectionAbortedError: if the stream ends before the line, or the line is too long.
        """
        line = super().readline(size)
        if not line.endswith(b"\n"):
            raise ConnectionAbortedError("the client sent half a line, or one that is too long")
        return line

    def read_exactly(self, size: int) -> bytes:
        """Return as many bytes.

        :raises ConnectionAbortedError: if the stream has fewer.
        """
        content = self.read(size)
        if len(content) < size:
            raise ConnectionAbortedError("the client sent half a body")
        return content
