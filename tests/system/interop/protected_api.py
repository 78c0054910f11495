"""A protected API: it checks tokens, what they are bound to, and proofs, as the RFCs have it."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import traceback
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.support.scripts import Reply, Request
from tests.support.server import Server

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
    """One request: who sent it with which token, and the response to it."""

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


class ProtectedApi(Server):
    """The API.

    :param provider: whose tokens it takes.
    :param tls: what it speaks TLS with; None: plain http.
    """

    def __init__(self, provider: Provider, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(self._script, path="", tls=tls)
        self.checks = TokenChecks(provider)
        self.proofs = ProofChecks()
        self.issuer = provider.issuer
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

    def _script(self, request: Request) -> Reply:
        try:
            return self._response(request)
        except Exception:
            self.faults.append(traceback.format_exc())
            raise

    def _response(self, request: Request) -> Reply:
        if request.target.startswith(METADATA):
            return self._reply(200, self.metadata(request.target[len(METADATA) :]))
        try:
            members = self.check(request)
        except Refusal as refusal:
            self._keep(request, refusal.status, str(refusal))
            return self._reply(refusal.status, {}, ("WWW-Authenticate", refusal.challenge))
        self._keep(request, 200, "")
        return self._reply(200, {"client_id": members["client_id"], "length": len(request.body)})

    def _keep(self, request: Request, status: int, why: str) -> None:
        token = request.headers.get("Authorization", "").partition(" ")[2]
        self.keep(Arrived(request.method, request.target, token, request.body, status, why))

    def _reply(self, status: int, members: dict[str, Any], *headers: tuple[str, str]) -> Reply:
        if self.proofs.require_nonce:
            headers += (("DPoP-Nonce", self.proofs.nonce),)
        json_type = ("Content-Type", "application/json")
        return Reply(status, (*headers, json_type), json.dumps(members).encode())

    def check(self, request: Request) -> dict[str, Any]:
        """Return what is known of the request's token.

        :raises Refusal: when it must not be served.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme not in ("Bearer", "DPoP"):
            raise Refusal(401, "", "no token")
        members = self.checks.members(token)
        if members is None:
            raise Refusal(401, "invalid_token", "not active", scheme)
        bound_to = members.get("cnf", {})
        _check_certificate(bound_to.get("x5t#S256"), request.connection.peer)
        if ("jkt" in bound_to) != (scheme == "DPoP"):
            raise Refusal(401, "invalid_token", "the token is bound to a key, or is not", scheme)
        if "jkt" in bound_to:
            self._check_proof(request, token, bound_to["jkt"])
        _check_needs(urlsplit(request.target).path, members)
        return members

    def _check_proof(self, request: Request, token: str, thumbprint: str) -> None:
        proofs = request.headers.get_all("DPoP", [])
        if len(proofs) != 1:
            raise Refusal(401, "invalid_dpop_proof", f"{len(proofs)} proofs", "DPoP")
        url = f"{self.url}{urlsplit(request.target).path}"
        try:
            self.proofs.check(proofs[0], request.method, url, token, thumbprint)
        except ProofRejected as rejected:
            raise Refusal(401, rejected.code, str(rejected), "DPoP") from None

    def metadata(self, path: str) -> dict[str, Any]:
        """RFC 9728 §3.2."""
        return {"resource": f"{self.url}{path}", "authorization_servers": [self.issuer]}


def _check_certificate(thumbprint: str | None, peer: str | None) -> None:
    if thumbprint is None:
        return
    presented = bytes.fromhex(peer or "")
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
