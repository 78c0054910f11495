"""Token exchange (RFC 8693): a gateway calls an API on behalf of its users.

Run it: python examples/token_exchange.py
"""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import requests

from requests_cc import ClientCredentialsAdapter, OAuthError, TokenExchange, mount

# --- to copy ----------------------------------------------------------------------------------


def on_behalf_of(user_token: str, origin: str) -> TokenExchange:
    """Exchange a user's token for a token that the API accepts (RFC 8693 §2.1)."""
    return TokenExchange(
        f"{origin}/token",
        "gateway",
        "a secret",
        subject=user_token,
        scope="orders:read",
        audience=f"{origin}/orders",
    )


def call_api(user_token: str, origin: str) -> requests.Response:
    """Call the API. Each user's token is exchanged once, since all sessions share one cache."""
    with requests.Session() as session:
        mount(session, ClientCredentialsAdapter(on_behalf_of(user_token, origin)))
        return session.get(f"{origin}/orders", timeout=10)


# --- what runs it here: a local server that exchanges tokens, and an API -------------------------

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
USERS = {"token-of-jane": "jane", "token-of-joe": "joe"}
GATEWAY = "Basic " + base64.b64encode(b"gateway:a%20secret").decode()


class Handler(BaseHTTPRequestHandler):
    """The token endpoint (POST), which counts exchanges, and the API (GET): it names the user."""

    exchanges = 0

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        sent = {name: values[0] for name, values in form.items()}
        user = USERS.get(sent.pop("subject_token"))
        expected = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token_type": ACCESS_TOKEN,
            "scope": "orders:read",
            "audience": f"http://127.0.0.1:{self.server.server_address[1]}/orders",
        }
        if self.headers["Authorization"] != GATEWAY:
            self.respond(401, {"error": "invalid_client"})
        elif user is None or sent != expected:
            # "If either the subject_token or actor_token are invalid" (RFC 8693 §2.2.2)
            self.respond(400, {"error": "invalid_request", "error_description": "unknown user"})
        else:
            Handler.exchanges += 1
            members = {"issued_token_type": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 60}
            self.respond(200, {"access_token": f"orders-for-{user}", **members})

    def do_GET(self) -> None:
        user = self.headers["Authorization"].removeprefix("Bearer orders-for-")
        self.respond(200 if user in USERS.values() else 401, {"user": user})

    def respond(self, status: int, members: dict[str, object]) -> None:
        body = json.dumps(members).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def local_server() -> Iterator[str]:
    """Yield the server's origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def main() -> int:
    with local_server() as origin:
        calls = ["token-of-jane", "token-of-joe", "token-of-jane", "token-of-joe", "token-of-jane"]
        users = [call_api(user_token, origin).json()["user"] for user_token in calls]
        issued = on_behalf_of("token-of-jane", origin).request_token().extra["issued_token_type"]
        exchanges = Handler.exchanges
        try:
            call_api("token-of-nobody", origin)
        except OAuthError as error:
            refused = error.error
        else:
            refused = "nothing"

    print(f"five calls, on behalf of {', '.join(users)}")
    print(f"token exchanges: {exchanges - 1} for these, and 1 by hand, which brought {issued}")
    print(f"an unknown user's token: {refused}")
    expected = (["jane", "joe", "jane", "joe", "jane"], ACCESS_TOKEN, 3, "invalid_request")
    return 0 if (users, issued, exchanges, refused) == expected else 1


if __name__ == "__main__":
    sys.exit(main())
