"""requests alone: the token is requested by hand, once."""

from __future__ import annotations

import requests

from peers.libraries.program import CLIENT, Call, MakeAdapter, Peer, mounted

GRANT = {"grant_type": "client_credentials"}


class Plain(Peer):
    name = "requests"
    distribution = "requests"
    statement = "pass"
    way = (
        "by hand: a POST to the token endpoint when the program starts, and "
        '``session.headers["Authorization"]`` from then on. Nothing renews the token.'
    )
    token: str | None = None

    def session(self) -> requests.Session:
        session = requests.Session()
        if self.token is None:
            self.token = self.request_token()
        session.headers["Authorization"] = f"Bearer {self.token}"
        return session

    def request_token(self) -> str:
        url, timeout = self.situation.token_url, self.situation.timeout
        response = requests.post(url, data=GRANT, auth=CLIENT, timeout=timeout)
        response.raise_for_status()
        token: str = response.json()["access_token"]
        return token

    def many(self, count: int, transport: MakeAdapter) -> Call:
        session = mounted(requests.Session(), transport())
        headers = [{"Authorization": f"Bearer {number:043x}"} for number in range(count)]
        return lambda number, url: session.get(url, headers=headers[number])
