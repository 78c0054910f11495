"""The ten lines that authenticate a session. Run it: python examples/quickstart.py"""

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
        answers = [session.get(server.api_url + "path", timeout=10) for _ in range(3)]
        server.revoke_tokens()
        answers.append(session.get(server.api_url + "path", timeout=10))

        statuses = [answer.status_code for answer in answers]
        first_answers = [answer.status_code for answer in answers[-1].history]
        token_requests = len(server.token_requests)
        print(f"the API answered {statuses}, and says that we are {answers[0].json()['client_id']}")
        print(f"tokens were revoked before the last call: {first_answers}, renewed and sent again")
        print(f"token requests: {token_requests}")
        return 0 if (statuses, first_answers, token_requests) == ([200] * 4, [401], 2) else 1


if __name__ == "__main__":
    sys.exit(main())
