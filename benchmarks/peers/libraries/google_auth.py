"""google-auth: a session over credentials that refresh."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2 import service_account as google

from peers.libraries.program import LIFETIME, Call, MakeAdapter, Peer, mounted


class GoogleAuth(Peer):
    name = "google-auth"
    distribution = "google-auth"
    statement = (
        "from google.auth.transport.requests import AuthorizedSession;"
        "from google.oauth2 import service_account"
    )
    way = (
        "``AuthorizedSession(service_account.Credentials(...))`` with "
        "``with_non_blocking_refresh()``; the credentials are shared by the sessions of all "
        "threads. It has the grant of RFC 7523, not client credentials."
    )
    _credentials: Any = None

    def session(self) -> requests.Session:
        if self._credentials is None:
            self._credentials = service_account(self.situation.token_url)
            self._credentials.with_non_blocking_refresh()
        session: requests.Session = AuthorizedSession(self._credentials)
        return session

    def many(self, count: int, transport: MakeAdapter) -> Call:
        account = service_account("https://auth.example.com/token")
        expiry = datetime.now(timezone.utc).replace(tzinfo=None) + timedelta(seconds=LIFETIME)
        shared = Request(requests.Session())
        sessions = []
        for number in range(count):
            credentials = account.with_scopes([f"{number}"])
            credentials.token, credentials.expiry = f"{number:043x}", expiry
            session = AuthorizedSession(credentials, auth_request=shared)
            sessions.append(mounted(session, transport()))
        return lambda number, url: sessions[number].get(url)


def service_account(token_url: str) -> Any:
    """Return credentials of a service account with a new key."""
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    info = {
        "type": "service_account",
        "client_email": "benchmark@example.iam.gserviceaccount.com",
        "token_uri": token_url,
        "private_key": key.decode(),
        "private_key_id": "1",
    }
    return google.Credentials.from_service_account_info(info, scopes=["read"])
