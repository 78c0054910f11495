"""Authlib: a session that fetches its first token, and renews it by itself."""

from __future__ import annotations

import requests
from authlib.integrations.requests_client import OAuth2Session

from peers.libraries.program import CLIENT, Call, MakeAdapter, Peer, mounted, token_of


class Authlib(Peer):
    name = "Authlib"
    distribution = "Authlib"
    statement = "from authlib.integrations.requests_client import OAuth2Session"
    way = (
        '``OAuth2Session(..., token_endpoint=..., grant_type="client_credentials")`` and '
        "``fetch_token()``; it fetches the next one by itself. All threads share the session, "
        "which holds the token."
    )
    _session: requests.Session | None = None

    def session(self) -> requests.Session:
        if self._session is None:
            leeway = self.situation.leeway
            session = OAuth2Session(
                *CLIENT,
                token_endpoint=self.situation.token_url,
                grant_type="client_credentials",
                default_timeout=self.situation.timeout,
                **({} if leeway is None else {"leeway": leeway}),
            )
            session.fetch_token()
            self._session = session
        return self._session

    def many(self, count: int, transport: MakeAdapter) -> Call:
        sessions = [
            mounted(
                OAuth2Session(
                    f"{number}",
                    "secret",
                    token_endpoint="https://auth.example.com/token",
                    grant_type="client_credentials",
                    token=token_of(number),
                ),
                transport(),
            )
            for number in range(count)
        ]
        return lambda number, url: sessions[number].get(url)
