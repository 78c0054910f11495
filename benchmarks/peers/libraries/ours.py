"""This library."""

from __future__ import annotations

import time

import requests
from requests.adapters import BaseAdapter

from peers.libraries.program import (
    CLIENT,
    LIFETIME,
    Call,
    MakeAdapter,
    Peer,
    Situation,
    client_origin,
    mounted,
)
from requests_cc import (
    AccessToken,
    AuthorizationServer,
    ClientCredentials,
    ClientCredentialsAdapter,
    FileTokenStore,
    OriginRouter,
    TokenCache,
    mount,
)


class Offline(ClientCredentials):
    """Has a token without a token request."""

    def request_token(self) -> AccessToken:
        now = time.time()
        return AccessToken(f"{self.client_id:>043}", "Bearer", now + LIFETIME, now)


class Ours(Peer):
    name = "requests_cc"
    distribution = "requests_cc"
    statement = "from requests_cc import ClientCredentials, ClientCredentialsAdapter, mount"
    way = (
        "``mount(session, ClientCredentialsAdapter(credentials))``, one ``TokenCache``, a session "
        "for each thread; an ``OriginRouter`` for many clients, a ``FileTokenStore`` for many "
        "processes."
    )

    def __init__(self, situation: Situation) -> None:
        super().__init__(situation)
        folder, timeout = situation.folder, situation.timeout
        server = AuthorizationServer(situation.token_url, timeout=(timeout, timeout))
        self._credentials = ClientCredentials(server, *CLIENT)
        self._cache = TokenCache(None if folder is None else FileTokenStore(f"{folder}/tokens"))

    def session(self) -> requests.Session:
        session = requests.Session()
        origin = self.situation.origin
        mount(
            session, ClientCredentialsAdapter(self._credentials, origins=origin, cache=self._cache)
        )
        return session

    def many(self, count: int, transport: MakeAdapter) -> Call:
        adapters: dict[str, BaseAdapter] = {}
        server, shared = AuthorizationServer("https://auth.example.com/token"), transport()
        for number in range(count):
            origin = client_origin(number)
            source = Offline(server, f"{number}", "secret")
            self._cache.token(source)
            adapters[origin] = ClientCredentialsAdapter(
                source, origins=origin, cache=self._cache, transport=shared
            )
        session = mounted(requests.Session(), OriginRouter(adapters))
        return lambda number, url: session.get(url)
