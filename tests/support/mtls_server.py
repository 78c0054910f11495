"""TLS servers on loopback that ask for a client certificate and bind tokens to it (RFC 8705)."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import ssl
import time
from datetime import datetime
from pathlib import Path

import requests
import trustme

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    ClientCredentialsAdapter,
    TLSClientAuth,
    TokenCache,
    mount,
)
from tests.support.certificates import server_context
from tests.support.scripts import Reply, Request
from tests.support.server import PATIENCE, Server


class Certificates:
    """A CA with its bundle, and client certificates in files.

    :param folder: where the files are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = trustme.CA()
        self.bundle = folder / "ca.pem"
        self.ca.cert_pem.write_to_path(str(self.bundle))

    def issue(
        self, name: str = "client.pem", ca: trustme.CA | None = None, **more: datetime
    ) -> Path:
        """Puts a new certificate with its key into a file at once; others see no half of it."""
        leaf = (ca or self.ca).issue_cert("client.example", **more)
        path = self.folder / name
        fresh = path.with_suffix(".new")
        leaf.private_key_and_cert_chain_pem.write_to_path(str(fresh))
        os.replace(fresh, path)
        return path

    def server_context(self, verify: ssl.VerifyMode) -> ssl.SSLContext:
        """For a server that trusts client certificates of this CA."""
        return server_context(self.ca, verify=verify)


def thumbprint(path: Path) -> str:
    """Of the first certificate in a file, in hex."""
    pem = path.read_text()
    end = "-----END CERTIFICATE-----"
    der = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERT") : pem.index(end) + len(end)])
    return hashlib.sha256(der).hexdigest()


class MutualTLSServer(Server):
    """A server over TLS that knows who its clients are."""

    @property
    def peers(self) -> list[str | None]:
        """The thumbprint of the certificate that each request came with."""
        return [request.connection.peer for request in self.requests]

    def closes_all_but(self, peer: str) -> bool:
        """Return whether its connections with other clients end soon."""
        until = time.monotonic() + PATIENCE
        while {open_.peer for open_ in self.open} != {peer} and time.monotonic() < until:
            time.sleep(0.01)
        return {open_.peer for open_ in self.open} == {peer}


class CertificateAuthority(MutualTLSServer):
    """An authorization server whose tokens are bound to the certificate that asked for them."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(self._answer_to, tls=context)
        self.bound: dict[str, str | None] = {}
        self._count = itertools.count(1)

    def endpoint(self, name: str) -> str:
        return f"{self.origin}/{name}"

    @property
    def forms(self) -> list[dict[str, list[str]]]:
        """The parameters of each request."""
        return [request.form for request in self.requests]

    def _answer_to(self, arrived: Request) -> Reply:
        if arrived.target != "/token":
            return Reply(body=b'{"active": true}')
        token = f"token-{next(self._count)}"
        self.bound[token] = arrived.connection.peer
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
        return Reply(body=json.dumps(answer).encode())


class CertificateApi(MutualTLSServer):
    """An API that takes a token from the client whose certificate it is bound to."""

    def __init__(self, authority: CertificateAuthority, context: ssl.SSLContext) -> None:
        super().__init__(self._protected, tls=context)
        self._authority = authority

    def _protected(self, arrived: Request) -> Reply:
        bound_to = self._authority.bound.get(str(arrived.token), "nobody")
        if bound_to == arrived.connection.peer:
            return Reply()
        return Reply(401, (("WWW-Authenticate", 'Bearer error="invalid_token"'),), b"not yours")


def credentials_with(
    cert: object, authority: CertificateAuthority, **settings: object
) -> ClientCredentials:
    """Credentials of a client that authenticates by this certificate."""
    server = AuthorizationServer(authority.url, **settings)  # type: ignore[arg-type]
    return ClientCredentials(server, "the-client", auth=TLSClientAuth(cert), scope="read")  # type: ignore[arg-type]


def session_with(
    credentials: ClientCredentials, api: CertificateApi, **options: object
) -> requests.Session:
    """A session with an adapter for this API, and a cache of its own."""
    options.setdefault("cache", TokenCache())
    session = requests.Session()
    mount(session, ClientCredentialsAdapter(credentials, origins=api.origin, **options))  # type: ignore[arg-type]
    return session
