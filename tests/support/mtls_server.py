"""TLS servers on loopback that ask for a client certificate and bind tokens to it (RFC 8705)."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs

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
from tests.support.api_server import ApiServer, Arrived, Reply, _Connection, _read_request

PATIENCE = 20.0  # seconds, after which a test that waits fails


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
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert("127.0.0.1").configure_cert(context)
        self.ca.configure_trust(context)
        context.verify_mode = verify
        return context


def thumbprint(path: Path) -> str:
    """Of the first certificate in a file, in hex."""
    pem = path.read_text()
    end = "-----END CERTIFICATE-----"
    der = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERT") : pem.index(end) + len(end)])
    return hashlib.sha256(der).hexdigest()


class MutualTLSServer(ApiServer):
    """An :class:`ApiServer` over TLS that knows who its clients are.

    ``peer`` is the thumbprint of the certificate that the current thread's client presented.

    :param answer: called in many threads at once.
    :param context: what it speaks TLS with.
    """

    def __init__(self, answer: Callable[[Arrived], Reply | None], context: ssl.SSLContext) -> None:
        super().__init__(answer)
        self.origin = f"https://127.0.0.1:{self.port}"
        self.context = context
        self.open: list[str | None] = []  # the peers of the connections that are open now
        self.peers: list[str | None] = []  # of the requests that arrived
        self._here = threading.local()
        self._server.RequestHandlerClass = _Secured

    @property
    def peer(self) -> str | None:
        return self._here.peer

    @peer.setter
    def peer(self, thumbprint: str | None) -> None:
        self._here.peer = thumbprint
        self.open.append(thumbprint)

    def receive(self, arrived: Arrived) -> Reply | None:
        self.peers.append(self.peer)
        return super().receive(arrived)

    def closes_all_but(self, peer: str) -> bool:
        """Whether its connections with other clients end soon."""
        until = time.monotonic() + PATIENCE
        while set(self.open) != {peer} and time.monotonic() < until:
            time.sleep(0.01)
        return set(self.open) == {peer}


class _Secured(_Connection):
    def setup(self) -> None:
        self.request.settimeout(PATIENCE)
        tls = self.server.api.context
        self.request = tls.wrap_socket(
            self.request, server_side=True, do_handshake_on_connect=False
        )
        try:
            self.request.do_handshake()
        except OSError:
            # Read to its end, so that the alert reaches the client, and no reset comes first.
            with suppress(OSError):
                self.request.shutdown(socket.SHUT_WR)
                while socket.socket.recv(self.request, 65536):
                    pass
            self.request.close()
            raise
        der = self.request.getpeercert(binary_form=True)
        self.server.api.peer = None if der is None else hashlib.sha256(der).hexdigest()
        super().setup()

    def handle(self) -> None:
        close = False
        while not close and (arrived := _read_request(self.rfile)):
            close = arrived.headers.get("Connection") == "close"  # RFC 9112 §9.6
            reply = self.server.api.receive(arrived)
            if reply is None:
                return
            self._send(reply, has_body=True)

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()
        self.request.close()
        self.server.api.open.remove(self.server.api.peer)


class CertificateAuthority(MutualTLSServer):
    """An authorization server whose tokens are bound to the certificate that asked for them."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(self._answer_to, context)
        self.bound: dict[str, str | None] = {}
        self._count = itertools.count(1)

    def url(self, endpoint: str) -> str:
        return f"{self.origin}/{endpoint}"

    @property
    def requests(self) -> list[dict[str, list[str]]]:
        """The parameters of each request."""
        return [parse_qs(arrived.body.decode()) for arrived in self.arrived]

    @property
    def targets(self) -> list[str]:
        return [arrived.target for arrived in self.arrived]

    def _answer_to(self, arrived: Arrived) -> Reply:
        if arrived.target != "/token":
            return Reply(body=b'{"active": true}')
        token = f"token-{next(self._count)}"
        self.bound[token] = self.peer
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
        return Reply(body=json.dumps(answer).encode())


class CertificateApi(MutualTLSServer):
    """An API that takes a token from the client whose certificate it is bound to."""

    def __init__(self, authority: CertificateAuthority, context: ssl.SSLContext) -> None:
        super().__init__(self._protected, context)
        self._authority = authority

    def _protected(self, arrived: Arrived) -> Reply:
        bound_to = self._authority.bound.get(str(arrived.token), "nobody")
        if bound_to == self.peer:
            return Reply()
        return Reply(401, (("WWW-Authenticate", 'Bearer error="invalid_token"'),), b"not yours")


def credentials_with(
    cert: object, authority: CertificateAuthority, **settings: object
) -> ClientCredentials:
    """Credentials of a client that authenticates by this certificate."""
    server = AuthorizationServer(authority.url("token"), **settings)  # type: ignore[arg-type]
    return ClientCredentials(server, "the-client", auth=TLSClientAuth(cert), scope="read")  # type: ignore[arg-type]


def session_with(
    credentials: ClientCredentials, api: CertificateApi, **options: object
) -> requests.Session:
    """A session with an adapter for this API, and a cache of its own."""
    options.setdefault("cache", TokenCache())
    session = requests.Session()
    mount(session, ClientCredentialsAdapter(credentials, origins=api.origin, **options))  # type: ignore[arg-type]
    return session
