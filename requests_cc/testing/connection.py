"""One connection: requests are read, answers are written."""

from __future__ import annotations

import io
import re
import time
from email.message import Message
from http import HTTPStatus
from http.client import responses
from http.server import BaseHTTPRequestHandler

from requests_cc.testing.endpoint import Answer, error_answer
from requests_cc.testing.listener import Listener
from requests_cc.testing.recorded_request import RecordedRequest


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


_BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)  # RFC 9112 section 6.3


class ConnectionHandler(BaseHTTPRequestHandler):
    """Reads the requests of one connection and has its listener's ``answer`` answer them."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener
    rfile: RequestStream

    def setup(self) -> None:
        """Prepare for the connection's requests."""
        super().setup()
        self.rfile = RequestStream(self.rfile.detach())

    def handle_one_request(self) -> None:
        """Read a request of any method and answer it, or close the connection."""
        self.raw_requestline = self.rfile.readline()
        if not self.parse_request():  # which has told the client why
            self.close_connection = True
            return
        answer = self._answer()
        if answer is None:
            self.close_connection = True
        else:
            self._send(answer)

    def _answer(self) -> Answer | None:
        try:
            body = read_body(self.headers, self.rfile)
        except MalformedBodyError as error:
            self.close_connection = True
            return error_answer(HTTPStatus.BAD_REQUEST, "invalid_request", str(error))
        return self.server.answer(
            RecordedRequest(self.command, self.path, self.headers, body, time.time())
        )

    def _send(self, answer: Answer) -> None:
        lines = [
            f"{self.protocol_version} {answer.status:d} {responses.get(answer.status, '')}",
            f"Date: {self.date_time_string()}",
            *(f"{name}: {value}" for name, value in answer.headers),
            f"Content-Length: {len(answer.body)}",
        ]
        if self.close_connection:
            lines.append("Connection: close")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        # In one piece: a body sent after its headers can wait for the client's delayed
        # acknowledgement, 40 ms on Linux.
        bodiless = self.command == "HEAD" or answer.status in _BODILESS
        self.wfile.write(head if bodiless else head + answer.body)

    def log_message(self, *_: object) -> None:
        """Say nothing: a test's output belongs to the test."""
