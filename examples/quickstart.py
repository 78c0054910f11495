"""Ten lines that authenticate a session. Run it: python examples/quickstart.py"""

from __future__ import annotations

import os
import sys

import requests

from requests_cc import ClientCredentials, ClientCredentialsAdapter
from requests_cc.testing import LocalServer

# --- to copy ----------------------------------------------------------------------------------


def authenticated_session(token_url: str, api_url: str) -> requests.Session:
    credentials = ClientCredentials(
        token_url,
        client_id=os.environ["CLIENT_ID"],
        client_secret=os.environ["CLIENT_SECRET"],
        audience=api_url,
        scope=["read", "write"],
    )
    session = requests.Session()
    session.mount(api_url, ClientCredentialsAdapter(credentials))
    return session


# --- what runs it here: a local authorization server and API ----------------------------------


def main() -> int:
    os.environ.update(CLIENT_ID="quickstart", CLIENT_SECRET="a secret")
    with LocalServer({"quickstart": "a secret"}) as server:
        session = authenticated_session(server.token_url, server.api_url)
        responses = [session.get(server.api_url + "path", timeout=10) for _ in range(3)]
        server.revoke_tokens()
        responses.append(session.get(server.api_url + "path", timeout=10))

        statuses = [response.status_code for response in responses]
        rejections = [response.status_code for response in responses[-1].history]
        token_requests = len(server.token_requests)
        client_id = responses[0].json()["client_id"]
        print(f"the API responded {statuses} to the client {client_id}")
        print(f"tokens were revoked before the last call: {rejections}, renewed and resent")
        print(f"token requests: {token_requests}")
        return 0 if (statuses, rejections, token_requests) == ([200] * 4, [401], 2) else 1


if __name__ == "__main__":
    sys.exit(main())
