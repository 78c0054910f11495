"""A protected API: it checks tokens, what they are bound to, and proofs, as the RFCs have it."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from .methods import JWT_RESOURCE, OPAQUE_RESOURCE
from .proof_checks import ProofChecks, ProofRejected
from .provider import Provider
from .token_checks import TokenChecks

#: Path: what a token must have for it, beside being good.
NEEDS: dict[str, dict[str, str]] = {
    "/any": {},
    "/read": {"scope": "read"},
    "/jwt": {"aud": JWT_RESOURCE},
    "/opaque": {"aud": OPAQUE_RESOURCE},
}
METADATA = "/.well-known/oauth-protected-resource"  # RFC 9728 §3


@dataclass(frozen=True)
class Arrived:
    """One request: who sent it with which token, and how it was answered."""

    method: str
    target: str
    token: str
    body: bytes
    status: int
    why: str


class Refusal(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, error: str, why: str, scheme: str = "Bearer") -> None:
        super().__init__(why)
        self.status = status
        self.challenge = f'{scheme} error="{error}"' if error else scheme


class ProtectedApi:
    """The API; one that runs is made by :func:`serving`.

    :param provider: whose tokens it takes.
    """

    def __init__(self, provider: Provider) -> None:
        self.tokens = TokenChecks(provider)
        self.proofs = ProofChecks()
        self.issuer = provider.issuer
        self.url = ""
        self.faults: list[str] = []  # of the API itself: a test that sees one fails
        self._lock = threading.Lock()  # guards what follows
        self._arrived: list[Arrived] = []

    @property
    def arrived(self) -> list[Arrived]:
        """Every request so far, in the order in which they were answered."""
        with self._lock:
            return list(self._arrived)

    @property
    def accepted_bodies(self) -> list[bytes]:
        """The bodies of the requests that were answered 200, each as often as that happened."""
        return [one.body for one in self.arrived if one.status == 200]

    def keep(self, arrived: Arrived) -> None:
        """Writes a request down."""
        with self._lock:
            self._arrived.append(arrived)

    def forget(self) -> None:
        """What a new test starts with."""
        self.proofs.require_nonce = self.proofs.nonce_for_one_proof = False
        self.proofs.rotate()
        self.faults.clear()
        with self._lock:
            self._arrived.clear()

    def check(self, request: BaseHTTPRequestHandler, certificate: bytes | None) -> dict[str, Any]:
        """What is known of the request's token.

        :param certificate: the client's, as DER.
        :raises Refusal: when it must not be served.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme not in ("Bearer", "DPoP"):
            raise Refusal(401, "", "no token")
        members = self.tokens.members(token)
        if members is None:
            raise Refusal(401, "invalid_token", "not active", scheme)
        bound_to = members.get("cnf", {})
        _check_certificate(bound_to.get("x5t#S256"), certificate)
        if ("jkt" in bound_to) != (scheme == "DPoP"):
            raise Refusal(401, "invalid_token", "the token is bound to a key, or is not", scheme)
        if "jkt" in bound_to:
            self._check_proof(request, token, bound_to["jkt"])
        _check_needs(urlsplit(request.path).path, members)
        return members

    def _check_proof(self, request: BaseHTTPRequestHandler, token: str, thumbprint: str) -> None:
        proofs = request.headers.get_all("DPoP", [])
        if len(proofs) != 1:
            raise Refusal(401, "invalid_dpop_proof", f"{len(proofs)} proofs", "DPoP")
        url = f"{self.url}{urlsplit(request.path).path}"
        try:
            self.proofs.check(proofs[0], request.command, url, token, thumbprint)
        except ProofRejected as rejected:
            raise Refusal(401, rejected.code, str(rejected), "DPoP") from None

    def metadata(self, path: str) -> dict[str, Any]:
        """RFC 9728 §3.2."""
        return {"resource": f"{self.url}{path}", "authorization_servers": [self.issuer]}


def _check_certificate(thumbprint: str | None, certificate: bytes | None) -> None:
    if thumbprint is None:
        return
    presented = hashlib.sha256(certificate or b"").digest()
    if base64.urlsafe_b64encode(presented).rstrip(b"=").decode() != thumbprint:
        raise Refusal(401, "invalid_token", "bound to another certificate")


def _check_needs(path: str, members: dict[str, Any]) -> None:
    needs = NEEDS.get(path)
    if needs is None:
        raise Refusal(404, "", "no such path")
    audiences = members.get("aud", [])
    if "aud" in needs and needs["aud"] not in ([audiences], audiences)[isinstance(audiences, list)]:
        raise Refusal(401, "invalid_token", "for another audience")
    if needs.get("scope", "") not in ["", *members.get("scope", "").split()]:
        raise Refusal(403, "insufficient_scope", "scope")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        body = self._body()
        if self.path.startswith(METADATA):
            self._answer(200, self.server.api.metadata(self.path[len(METADATA) :]))
            return
        try:
            members = self.server.api.check(self, self._certificate())
        except Refusal as refusal:
            self._keep(body, refusal.status, str(refusal))
            self._answer(refusal.status, {}, refusal.challenge)
            return
        self._keep(body, 200, "")
        self._answer(200, {"client_id": members["client_id"], "length": len(body)})

    do_POST = do_PUT = do_GET  # noqa: N815 - the names that BaseHTTPRequestHandler looks for

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _certificate(self) -> bytes | None:
        if isinstance(self.connection, ssl.SSLSocket):
            return self.connection.getpeercert(binary_form=True)
        return None

    def _keep(self, body: bytes, status: int, why: str) -> None:
        token = self.headers.get("Authorization", "").partition(" ")[2]
        self.server.api.keep(Arrived(self.command, self.path, token, body, status, why))

    def _answer(self, status: int, members: dict[str, Any], challenge: str = "") -> None:
        body = json.dumps(members).encode()
        self.send_response(status)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        if self.server.api.proofs.require_nonce:
            self.send_header("DPoP-Nonce", self.server.api.proofs.nonce)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, api: ProtectedApi, tls: ssl.SSLContext | None) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)
        if tls is not None:
            # The handshake happens in the request's own thread.
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def handle_error(self, request: object, client_address: object) -> None:
        """Keeps what went wrong for the test; a client that hangs up is no news."""
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, ssl.SSLError)):
            self.api.faults.append(traceback.format_exc())


@contextmanager
def serving(provider: Provider, tls: ssl.SSLContext | None = None) -> Iterator[ProtectedApi]:
    """Runs an API on a free loopback port.

    :param tls: what it speaks TLS with; None: plain http.
    """
    api = ProtectedApi(provider)
    with _Server(api, tls) as server:
        scheme = "http" if tls is None else "https"
        api.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
