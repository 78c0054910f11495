"""One connection: requests are read, answers are written."""

from __future__ import annotations

import time
from http import HTTPStatus
from http.client import responses
from http.server import BaseHTTPRequestHandler

from requests_cc.testing.answer import Answer, error_answer
from requests_cc.testing.body import MalformedBodyError, read_body
from requests_cc.testing.listener import Listener
from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.request_stream import RequestStream

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
