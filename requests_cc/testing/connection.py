"""One connection: reads requests, writes responses."""

from __future__ import annotations

import io
import re
import ssl
import time
from email.message import Message
from http import HTTPStatus
from http.client import responses
from http.server import BaseHTTPRequestHandler

from requests_cc.testing.listener import Listener
from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.response import Response, error_response


class MalformedBodyError(ValueError):
    """The body's framing is not valid, so the start of the next request is unknown."""


def read_body(headers: Message, stream: RequestStream) -> bytes:
    """Return the request's body; b"" if the headers announce none.

    :param headers: the request's headers.
    :param stream: positioned after the headers; afterwards, after the body.
    :raises MalformedBodyError: if the framing does not follow RFC 9112 §6 or §7.1.
    :raises ConnectionAbortedError: if the client disconnects before the end.
    """
    coding = headers.get("Transfer-Encoding")
    if coding is None:
        return stream.read_exactly(_number(headers.get("Content-Length", "0"), "[0-9]{1,10}", 10))
    if coding.strip().lower() != "chunked":
        raise MalformedBodyError(
            "Transfer-Encoding must be chunked, the only coding that is supported"
        )
    return _read_chunked(stream)


def _read_chunked(stream: RequestStream) -> bytes:
    chunks: list[bytes] = []
    while size := _chunk_size(stream):
        chunks.append(stream.read_exactly(size))
        if stream.readline().strip(b"\r\n"):
            raise MalformedBodyError("a chunk is longer than its size says")
    while stream.readline().strip(b"\r\n"):
        pass  # RFC 9112 §7.1.2: a recipient may "discard the received trailer fields"
    return b"".join(chunks)


def _chunk_size(stream: RequestStream) -> int:
    size = stream.readline().partition(b";")[0]  # ";" starts a chunk extension
    return _number(size.decode("latin-1"), "[0-9A-Fa-f]{1,8}", 16)


def _number(text: str, digits: str, base: int) -> int:
    # int() alone would let signs, underscores and other scripts' digits pass.
    text = text.strip(" \t\r\n")
    if not re.fullmatch(digits, text):
        raise MalformedBodyError("the size of the body or a chunk is not a number, or is too large")
    return int(text, base)


MAX_LINE = 65_536  # bytes


class RequestStream(io.BufferedReader):
    """A stream that raises if it ends early, so that half a request never counts as a whole one."""

    def readline(self, size: int | None = MAX_LINE, /) -> bytes:
        """Return one line, its line end included.

        :raises ConnectionAbortedError: if the stream ends before the line, or the line is too long.
        """
        line = super().readline(size)
        if not line.endswith(b"\n"):
            raise ConnectionAbortedError("the client sent half a line, or a line that is too long")
        return line

    def read_exactly(self, size: int) -> bytes:
        """Return exactly ``size`` bytes.

        :raises ConnectionAbortedError: if the stream ends before.
        """
        content = self.read(size)
        if len(content) < size:
            raise ConnectionAbortedError("the client sent half a body")
        return content


_BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)  # RFC 9112 §6.3


class ConnectionHandler(BaseHTTPRequestHandler):
    """The handler of one connection: reads its requests and writes its listener's responses."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener
    rfile: RequestStream

    def setup(self) -> None:
        """Wrap the connection's stream so that half a request raises."""
        super().setup()
        self.rfile = RequestStream(self.rfile.detach())

    def handle_one_request(self) -> None:
        """Read one request of any method and respond to it, or close the connection."""
        self.raw_requestline = self.rfile.readline()
        if not self.parse_request():  # it has sent the client the reason
            self.close_connection = True
            return
        response = self._respond()
        if response is None:
            self.close_connection = True
        else:
            self._send(response)

    def _respond(self) -> Response | None:
        try:
            body = read_body(self.headers, self.rfile)
        except MalformedBodyError as error:
            self.close_connection = True
            return error_response(HTTPStatus.BAD_REQUEST, "invalid_request", str(error))
        certificate = None
        if isinstance(self.connection, ssl.SSLSocket):
            certificate = self.connection.getpeercert(binary_form=True)
        return self.server.respond(
            RecordedRequest(self.command, self.path, self.headers, body, time.time(), certificate)
        )

    def _send(self, response: Response) -> None:
        lines = [
            f"{self.protocol_version} {response.status:d} {responses.get(response.status, '')}",
            f"Date: {self.date_time_string()}",
            *(f"{name}: {value}" for name, value in response.headers),
            f"Content-Length: {len(response.body)}",
        ]
        if self.close_connection:
            lines.append("Connection: close")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        # In one piece: a body sent after its headers can wait for the client's delayed
        # acknowledgement, 40 ms on Linux.
        bodiless = self.command == "HEAD" or response.status in _BODILESS
        self.wfile.write(head if bodiless else head + response.body)

    def log_message(self, *_: object) -> None:
        """Print nothing: a test's output belongs to the test."""
