"""requests-oauthlib: a session that fetches a token."""

from __future__ import annotations

from typing import Any

import requests
from oauthlib.oauth2 import BackendApplicationClient, TokenExpiredError
from requests_oauthlib import OAuth2Session

from peers.libraries.program import CLIENT, Call, MakeAdapter, Peer, Situation, mounted, token_of


class RequestsOAuthlib(Peer):
    name = "requests-oauthlib"
    distribution = "requests-oauthlib"
    statement = (
        "from oauthlib.oauth2 import BackendApplicationClient;"
        "from requests_oauthlib import OAuth2Session"
    )
    way = (
        "``OAuth2Session(client=BackendApplicationClient(...))`` and ``fetch_token()``, again "
        "after a ``TokenExpiredError``. A session and a token for each thread: while a session "
        "fetches a token, its other calls are sent without one."
    )

    def session(self) -> requests.Session:
        return FetchingSession(self.situation)

    def many(self, count: int, transport: MakeAdapter) -> Call:
        sessions = [
            mounted(
                OAuth2Session(
                    client=BackendApplicationClient(client_id=f"{number}"), token=token_of(number)
                ),
                transport(),
            )
            for number in range(count)
        ]
        return lambda number, url: sessions[number].get(url)


class FetchingSession(OAuth2Session):
    """Fetches a token now, and after each expiry."""

    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        super().__init__(client=BackendApplicationClient(client_id=CLIENT[0]))
        self._fetch()

    def request(self, method: str, url: str, *args: Any, **options: Any) -> requests.Response:
        if not self.token and url != self._situation.token_url:  # the last fetch failed
            self._fetch()
        try:
            return super().request(method, url, *args, **options)
        except TokenExpiredError:
            self._fetch()
            return super().request(method, url, *args, **options)

    def _fetch(self) -> None:
        self.fetch_token(
            self._situation.token_url,
            client_id=CLIENT[0],
            client_secret=CLIENT[1],
            timeout=self._situation.timeout,
        )
