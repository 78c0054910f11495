"""requests_oauth2client: an auth object over a client."""

from __future__ import annotations

from typing import Any

import requests
from requests_oauth2client import BearerToken, OAuth2Client, OAuth2ClientCredentialsAuth

from peers.libraries.program import (
    CLIENT,
    LIFETIME,
    Call,
    MakeAdapter,
    Peer,
    authorized_by,
    mounted,
)


class RequestsOAuth2Client(Peer):
    name = "requests_oauth2client"
    distribution = "requests_oauth2client"
    statement = "from requests_oauth2client import OAuth2Client, OAuth2ClientCredentialsAuth"
    way = (
        "``auth=OAuth2ClientCredentialsAuth(OAuth2Client(...))``, shared by the sessions of all "
        "threads."
    )
    _auth: Any = None

    def session(self) -> requests.Session:
        if self._auth is None:
            leeway = self.situation.leeway
            client = OAuth2Client(
                self.situation.token_url,
                auth=CLIENT,
                testing=True,  # accept http
            )
            self._auth = OAuth2ClientCredentialsAuth(
                client,
                requests_kwargs={"timeout": self.situation.timeout},
                **({} if leeway is None else {"leeway": leeway}),
            )
        return authorized_by(self._auth)

    def many(self, count: int, transport: MakeAdapter) -> Call:
        session, shared = mounted(requests.Session(), transport()), requests.Session()
        auths = [
            OAuth2ClientCredentialsAuth(
                OAuth2Client(
                    "https://auth.example.com/token", auth=(f"{number}", "secret"), session=shared
                ),
                token=BearerToken(f"{number:043x}", expires_in=LIFETIME),
            )
            for number in range(count)
        ]
        return lambda number, url: session.get(url, auth=auths[number])
