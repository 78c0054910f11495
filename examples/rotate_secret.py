"""Replace a client secret while programs run: both procedures of docs/rotation.rst, no failed call.

Run it: python examples/rotate_secret.py
"""

from __future__ import annotations

import base64
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import requests

from requests_cc import ClientCredentials, ClientCredentialsAdapter, mount
from requests_cc.testing import LocalServer

# --- to copy: a client whose secret is in a file, and how to replace that file -------------------


def session_with_secret_in_a_file(api_url: str) -> requests.Session:
    """Reads OAUTH_TOKEN_URL, OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET_FILE."""
    session = requests.Session()
    mount(session, ClientCredentialsAdapter(ClientCredentials.from_env(), origins=api_url))
    return session


def replace_secret(path: Path, secret: str) -> None:
    """Replace it in one step: a reader finds the old secret or the new one, never half a secret."""
    beside = path.with_name(path.name + ".new")
    beside.touch(mode=0o600)
    beside.write_text(secret, encoding="utf-8")
    beside.replace(path)


def session_with_both_secrets(token_url: str, api_url: str) -> requests.Session:
    credentials = ClientCredentials(token_url, "worker", client_secret=["old", "new"])
    session = requests.Session()
    mount(session, ClientCredentialsAdapter(credentials, origins=api_url))
    return session


# --- what runs it here: a token endpoint that knows several secrets, in front of a local server --


class TokenEndpoint(ThreadingHTTPServer):
    """Accepts each of ``active``, as authorization servers do while a secret is rotated."""

    def __init__(self, server: LocalServer, active: set[str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.server = server
        self.active = active
        self.last_used: dict[str, float] = {}
        self.refused = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}/oauth/token"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self.thread.join()


class Handler(BaseHTTPRequestHandler):
    server: TokenEndpoint

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        basic = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
        secret = unquote(basic.partition(":")[2])
        if secret in self.server.active:
            self.server.last_used[secret] = time.monotonic()
            headers = {"Content-Type": self.headers["Content-Type"]}
            body += b"&client_id=worker"
            response = requests.post(
                self.server.server.token_url, body, headers=headers, timeout=10
            )
            # A short lifetime makes many token requests in a short run.
            token = response.json() | {"expires_in": 0.3}
            self.respond(response.status_code, json.dumps(token).encode())
        else:
            self.server.refused += 1
            self.respond(401, b'{"error": "invalid_client"}')

    def respond(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Log nothing."""


class Worker(threading.Thread):
    """Calls the API all the time, and counts the calls that fail."""

    def __init__(self, session: requests.Session, url: str) -> None:
        super().__init__()
        self.session, self.url = session, url
        self.calls = self.failed = 0
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.wait(0.005):
            self.calls += 1
            try:
                self.failed += self.session.get(self.url, timeout=10).status_code != 200
            except requests.RequestException as error:
                print(f"  failed: {error}")
                self.failed += 1


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("it did not happen within a minute")
        time.sleep(0.01)


def two_active_secrets(endpoint: TokenEndpoint, secret_file: Path) -> None:
    until(lambda: "old" in endpoint.last_used)
    print("1. the old secret is in use")
    endpoint.active.add("new")
    print("2. the new secret is added at the authorization server: both are active")
    replace_secret(secret_file, "new")
    print("3. the new secret is written into the file")
    until(lambda: "new" in endpoint.last_used)
    print("4. the authorization server has seen the new secret")
    endpoint.active.remove("old")
    revoked_at = time.monotonic()
    print("5. the old secret is revoked")
    until(lambda: endpoint.last_used["new"] > revoked_at)
    print("6. a token was requested since then")


def one_active_secret(endpoint: TokenEndpoint) -> None:
    until(lambda: "old" in endpoint.last_used)
    print("1. the client knows both secrets, the old one is in use")
    endpoint.active = {"new"}
    print("2. the authorization server replaces the old secret by the new one")
    until(lambda: "new" in endpoint.last_used)
    print("3. the new one is in use")


def while_calling(
    url: str, session: Callable[[], requests.Session], steps: Callable[[], None]
) -> bool:
    """Go through the steps while threads call the API; return whether no call failed."""
    workers = [Worker(session(), url) for _ in range(4)]
    for worker in workers:
        worker.start()
    try:
        steps()
    finally:
        for worker in workers:
            worker.stopping.set()
        for worker in workers:
            worker.join()
    calls, failed = sum(w.calls for w in workers), sum(w.failed for w in workers)
    print(f"{failed} of {calls} calls failed")
    return calls > 0 and failed == 0


def main() -> int:
    with LocalServer() as server, tempfile.TemporaryDirectory() as folder:
        endpoint = TokenEndpoint(server, {"old"})
        secret_file = Path(folder, "client_secret")
        replace_secret(secret_file, "old")
        os.environ.update(
            OAUTH_TOKEN_URL=endpoint.url,
            OAUTH_CLIENT_ID="worker",
            OAUTH_CLIENT_SECRET_FILE=str(secret_file),
        )
        try:
            print("Two active secrets, the client reads a file")
            zero_failed = while_calling(
                server.api_url,
                lambda: session_with_secret_in_a_file(server.api_url),
                lambda: two_active_secrets(endpoint, secret_file),
            )
            zero_failed &= endpoint.refused == 0

            print("One active secret, the client knows the old one and the new one")
            endpoint.active = {"old"}
            endpoint.last_used.clear()
            zero_failed &= while_calling(
                server.api_url,
                lambda: session_with_both_secrets(endpoint.url, server.api_url),
                lambda: one_active_secret(endpoint),
            )
        finally:
            endpoint.close()
    return 0 if zero_failed else 1


if __name__ == "__main__":
    sys.exit(main())
