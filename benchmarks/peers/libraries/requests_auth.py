"""requests-auth: an auth object, and a cache that the process shares."""

from __future__ import annotations

from typing import Any

import requests
from requests_auth import JsonTokenFileCache, OAuth2, OAuth2ClientCredentials

from peers.libraries.program import (
    CLIENT,
    LIFETIME,
    Call,
    MakeAdapter,
    Peer,
    authorized_by,
    mounted,
)


class RequestsAuth(Peer):
    name = "requests-auth"
    distribution = "requests_auth"
    statement = "from requests_auth import OAuth2ClientCredentials"
    way = (
        "``auth=OAuth2ClientCredentials(...)``, shared by the sessions of all threads; a "
        "``JsonTokenFileCache`` for many processes."
    )
    _auth: Any = None

    def session(self) -> requests.Session:
        if self._auth is None:
            if self.situation.folder is not None:
                OAuth2.token_cache = JsonTokenFileCache(f"{self.situation.folder}/tokens.json")
            self._auth = OAuth2ClientCredentials(
                self.situation.token_url,
                *CLIENT,
                timeout=self.situation.timeout,
                early_expiry=self.situation.leeway,
            )
        return authorized_by(self._auth)

    def many(self, count: int, transport: MakeAdapter) -> Call:
        class WithToken(OAuth2ClientCredentials):
            def request_new_token(self) -> tuple[str, str, int]:
                return self.state, f"{self.client_id:>043}", LIFETIME

        session = mounted(requests.Session(), transport())
        auths = [
            WithToken(f"https://auth.example.com/token?client={number}", f"{number}", "secret")
            for number in range(count)
        ]
        prepared = requests.Request("GET", "https://api.example.com/").prepare()
        for auth in auths:
            auth(prepared)
        return lambda number, url: session.get(url, auth=auths[number])
