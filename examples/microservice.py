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
    """The other service. Make it once, for all threads."""

    def __init__(self, token_url: str, url: str) -> None:
        self.url = url
        credentials = ClientCredentials(token_url, "orders", "a secret", scope="stock:read")
        # The adapter has the connections: make one for all threads, with a connection for each.
        self.adapter = ClientCredentialsAdapter(credentials, origins=url, pool_maxsize=32)

    def availability(self, article: str) -> dict[str, object]:
        session = requests.Session()  # cheap, and not shared between threads
        mount(session, self.adapter)
        response = session.get(f"{self.url}articles/{article}", timeout=5)
        response.raise_for_status()
        content: dict[str, object] = response.json()
        return content


class OrdersHandler(BaseHTTPRequestHandler):
    stock: Stock

    def do_GET(self) -> None:
        try:
            found = self.stock.availability(self.path.rpartition("/")[2])
        except TokenRequestError as error:
            # The caller cannot correct this, so no 401, and no details.
            self.log_error("no token for stock: %s", error)
            self.respond(503, {"error": "stock is not available now"})
        except requests.RequestException as error:
            self.log_error("stock: %s", error)
            self.respond(502, {"error": "stock failed"})
        else:
            self.respond(200, {"order": "accepted", "stock": found["path"]})

    def respond(self, status: int, content: dict[str, object]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Log nothing for a request that succeeded."""


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
            at_the_start = len(stock.token_requests)
            stock.revoke_tokens()
            revoked = statuses_of(40, url)
            in_all = len(stock.token_requests)
        finally:
            orders.shutdown()
            orders.server_close()
            thread.join()
        print(f"40 orders at a cold start: {set(cold)}, token requests: {at_the_start}")
        print(f"40 more, tokens revoked:   {set(revoked)}, token requests in all: {in_all}")
        return 0 if (set(cold), set(revoked), at_the_start, in_all) == ({200}, {200}, 1, 2) else 1


if __name__ == "__main__":
    sys.exit(main())
