"""Two services, one calling the other with its own client credentials.

Run it: python examples/microservice.py
"""

from __future__ import annotations

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

from requests_cc import ClientCredentials, ClientCredentialsAdapter, TokenRequestError, mount
from requests_cc.testing import LocalServer

# --- to copy: the service `orders`, which asks the service `stock` for each order ---------------


class Stock:
    """The other service. Made once; used by all threads."""

    def __init__(self, token_url: str, url: str) -> None:
        self.url = url
        credentials = ClientCredentials(token_url, "orders", "a secret", scope="stock:read")
        # The adapter holds the connections: one for all threads, with room for each.
        self.adapter = ClientCredentialsAdapter(credentials, origins=url, pool_maxsize=32)

    def availability(self, article: str) -> dict[str, object]:
        session = requests.Session()  # cheap, and no thread shares it
        mount(session, self.adapter)
        answer = session.get(f"{self.url}articles/{article}", timeout=5)
        answer.raise_for_status()
        content: dict[str, object] = answer.json()
        return content


class OrdersHandler(BaseHTTPRequestHandler):
    stock: Stock

    def do_GET(self) -> None:
        try:
            found = self.stock.availability(self.path.rpartition("/")[2])
        except TokenRequestError as error:
            # Ours to mend, not the caller's: no 401. And nothing of what it says for the caller.
            self.log_error("no token for stock: %s", error)
            self.answer(503, {"error": "stock cannot be asked now"})
        except requests.RequestException as error:
            self.log_error("stock: %s", error)
            self.answer(502, {"error": "stock does not answer"})
        else:
            self.answer(200, {"order": "accepted", "stock": found["path"]})

    def answer(self, status: int, content: dict[str, object]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Says nothing of the requests that went well."""


# --- what runs it here: `stock` is the API of a local server ------------------------------------


class OrdersServer(ThreadingHTTPServer):
    request_queue_size = 64  # callers that connect at once; with the usual 5, some would wait


def statuses_of(calls: int, url: str) -> list[int]:
    with ThreadPoolExecutor(16) as pool:
        numbers = range(calls)
        return list(pool.map(lambda n: requests.get(f"{url}/{n}", timeout=10).status_code, numbers))


def main() -> int:
    with LocalServer({"orders": "a secret"}) as stock:
        OrdersHandler.stock = Stock(stock.token_url, stock.api_url)
        orders = OrdersServer(("127.0.0.1", 0), OrdersHandler)
        thread = threading.Thread(target=orders.serve_forever, args=(0.05,))
        thread.start()
        url = f"http://127.0.0.1:{orders.server_address[1]}/orders"
        try:
            cold = statuses_of(40, url)
            asked_cold = len(stock.token_requests)
            stock.revoke_tokens()
            revoked = statuses_of(40, url)
            asked_in_all = len(stock.token_requests)
        finally:
            orders.shutdown()
            orders.server_close()
            thread.join()
        print(f"40 orders at a cold start: {set(cold)}, token requests: {asked_cold}")
        print(f"40 more, tokens revoked:   {set(revoked)}, token requests in all: {asked_in_all}")
        return (
            0 if (set(cold), set(revoked), asked_cold, asked_in_all) == ({200}, {200}, 1, 2) else 1
        )


if __name__ == "__main__":
    sys.exit(main())
