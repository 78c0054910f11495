"""A batch of API calls in a thread pool: one token for all threads, also after a revocation.

Run it: python examples/parallel_batch.py
"""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import requests

from requests_cc import ClientCredentials, ClientCredentialsAdapter, mount
from requests_cc.testing import LocalServer

# --- to copy ----------------------------------------------------------------------------------

THREADS = 16


class Batch:
    def __init__(self, credentials: ClientCredentials, url: str) -> None:
        self.url = url
        # One adapter, and so one pool of connections, with room for each thread.
        self.adapter = ClientCredentialsAdapter(credentials, origins=url, pool_maxsize=THREADS)
        self.of_this_thread = threading.local()

    def session(self) -> requests.Session:
        """Return this thread's session: requests does not promise that threads can share one."""
        if not hasattr(self.of_this_thread, "session"):
            session = requests.Session()
            mount(session, self.adapter)
            self.of_this_thread.session = session
        return self.of_this_thread.session

    def send(self, number: int) -> int:
        response = self.session().post(f"{self.url}items/{number}", json={"n": number}, timeout=10)
        response.raise_for_status()
        return response.status_code

    def run(self, items: range) -> list[int]:
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(self.send, items))


# --- what runs it here: a local authorization server and API ----------------------------------


def main() -> int:
    with LocalServer({"batch": "a secret"}) as server:
        credentials = ClientCredentials(server.token_url, "batch", "a secret")
        batch = Batch(credentials, server.api_url)
        first_half = batch.run(range(100))
        at_the_start = len(server.token_requests)
        server.revoke_tokens()
        second_half = batch.run(range(100, 200))
        in_all = len(server.token_requests)
    succeeded = (first_half + second_half).count(200)
    print(f"{succeeded} of 200 items sent in {THREADS} threads")
    print(
        f"token requests: {at_the_start} at the start, {in_all - at_the_start} after a revocation"
    )
    return 0 if (succeeded, at_the_start, in_all) == (200, 1, 2) else 1


if __name__ == "__main__":
    sys.exit(main())
