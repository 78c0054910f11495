"""An HTTP server on loopback that answers each path with what a test put there, and else 404."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

PATIENCE = 10.0  # seconds until a test gives up


class Plain(NamedTuple):
    """An answer as it is sent."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}


#: What a path gives: a document as JSON, an answer, or a function that may wait and then gives one.
Route = dict | Plain | Callable[[], "dict | Plain"]


class Seen(NamedTuple):
    """A request that arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class DocumentServer:
    """Serves ``routes``, from a path (with its query) to a :data:`Route`."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self.requests: list[Seen] = []
        self.hung = threading.Event()  # set at the end: whoever hangs may go
        server = self

        class Handler(BaseHTTPRequestHandler):
            timeout = PATIENCE

            def do_GET(self) -> None:
                server._answer(self)

            do_POST = do_GET  # noqa: N815 - http.server looks for this name

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
        self._http.daemon_threads = True
        self._http.request_queue_size = 64
        self._http.server_bind()
        self._http.server_activate()

    @property
    def port(self) -> int:
        return self._http.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        return [seen.path for seen in self.requests]

    def hang(self) -> Plain:
        """A route that answers nothing while the test lasts."""
        self.hung.wait(PATIENCE)
        return Plain(500)

    def __enter__(self) -> DocumentServer:  # noqa: PYI034 - typing.Self is new in Python 3.11
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hung.set()
        self._http.shutdown()
        self._http.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.requests.append(Seen(handler.command, handler.path, handler.headers, body))
        route = self.routes.get(handler.path, Plain(404))
        answer = route() if callable(route) else route
        if isinstance(answer, dict):
            answer = Plain(body=json.dumps(answer).encode())
        with suppress(OSError):  # the client may have gone away
            handler.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(answer.body)
