"""A front before the local server's API, for clients that want responses of their own protocol."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from requests_cc.testing import LocalServer

Answer = tuple[str, bytes]
UNTOUCHED = ("connection", "content-length", "content-type", "date", "server")


class Front:
    """Passes each request on to the API, which checks its token; safe to share between threads.

    :param server: whose API is behind it.
    :param answers: content type and body in the place of the API's 200, by path without query.
    :param headers: added to each response.
    :param delay: seconds that each response takes, so that calls of two processes overlap.
    :param tls: serves https with this context.
    """

    def __init__(
        self,
        server: LocalServer,
        answers: Mapping[str, Answer],
        *,
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.server, self.answers, self.headers = server, answers, headers or {}
        self.delay = delay
        self._listener = _Listener(("127.0.0.1", 0), _Handler)
        self._listener.front = self
        if tls is not None:
            self._listener.socket = tls.wrap_socket(self._listener.socket, server_side=True)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._listener.server_address[1]}"

    def __enter__(self) -> Front:  # noqa: PYI034 - typing.Self is new in Python 3.11
        threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown()
        self._listener.server_close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    front: Front


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def _pass_on(self) -> None:
        front = self.server.front
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        api = http.client.HTTPConnection(urlsplit(front.server.origin).netloc)
        path = front.server.api_url + self.path.lstrip("/")
        api.request(
            self.command,
            urlsplit(path)._replace(scheme="", netloc="").geturl(),
            body,
            dict(self.headers),
        )
        response = api.getresponse()
        content_type, content = response.headers["Content-Type"], response.read()
        if response.status == http.HTTPStatus.OK:
            answer = front.answers.get(self.path.partition("?")[0])
            content_type, content = answer or (content_type, content)
        time.sleep(front.delay)
        self.send_response(response.status)
        for name, value in response.headers.items():
            if name.lower() not in UNTOUCHED:
                self.send_header(name, value)
        for name, value in front.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", content_type or "application/octet-stream")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        api.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in http.server
        """Keep the output for what the packages print."""
