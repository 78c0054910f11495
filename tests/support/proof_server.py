"""An authorization server and an API on loopback that check DPoP proofs (RFC 9449 §4.3, §7)."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import threading
import time
import warnings
from collections.abc import Iterable

import requests
from joserfc import jwk, jws, jwt

from requests_cc import (
    ClientCredentials,
    ClientCredentialsAdapter,
    DPoPKey,
    TokenCache,
    mount,
)
from tests.support.scripts import Reply, Request
from tests.support.server import Server

FRESH = 60  # seconds
ALGORITHMS = [
    alg
    for alg in ("ES256", "ES384", "ES512", "EdDSA", "Ed25519", "RS256", "PS256")
    if alg in jws.JWSRegistry.algorithms  # an old joserfc does not know Ed25519 by that name
]


class Proofs:
    """Which proofs a server has seen, and which nonces it takes.

    :param nonces: what it demands one of: the last two count, and the last one is told.
    :param used_up_after: accepted proofs, after which there is another nonce; 0: never.
    """

    def __init__(self, *nonces: str, used_up_after: int = 0) -> None:
        self.nonces = list(nonces)
        self.seen: list[dict[str, object]] = []
        self._used_up_after = used_up_after
        self._accepted = 0
        self._lock = threading.Lock()  # guards all of them

    def rotate(self, *nonces: str) -> None:
        """Other nonces than before."""
        with self._lock:
            self.nonces = list(nonces)

    def told(self) -> tuple[tuple[str, str], ...]:
        """The header that hands out the nonce."""
        with self._lock:
            return (("DPoP-Nonce", self.nonces[-1]),) if self.nonces else ()

    def check(self, arrived: Request, url: str, token: str | None = None) -> tuple[str, str]:
        """What is wrong with a request's proof, "" if nothing is; and its key's thumbprint."""
        proofs = arrived.headers.get_all("DPoP") or []
        if len(proofs) != 1:
            return "invalid_dpop_proof", f"{len(proofs)} proofs"
        header, claims = opened(proofs[0])
        with self._lock:
            used = {each["jti"] for each in self.seen}
            self.seen.append(claims)
            right = (
                header["typ"] == "dpop+jwt"
                and claims["htm"] == arrived.method
                and claims["htu"] == url
                and abs(time.time() - float(str(claims["iat"]))) < FRESH
                and claims["jti"] not in used
                and claims.get("ath") == (None if token is None else ath(token))
            )
            if not right:
                return "invalid_dpop_proof", ""
            if self.nonces and claims.get("nonce") not in self.nonces[-2:]:
                return "use_dpop_nonce", ""
            self._accepted += 1
            if self._used_up_after and self._accepted % self._used_up_after == 0:
                self.nonces.append(f"nonce-{self._accepted}")
        return "", jwk.import_key(header["jwk"]).thumbprint()


class DPoPAuthority(Server):
    """A token endpoint whose tokens are bound to the key of the proof.

    ``next`` are answers that come before all others.
    """

    def __init__(self, proofs: Proofs | None = None) -> None:
        super().__init__(self._token)
        self.proofs = proofs or Proofs()
        self.bound: dict[str, str] = {}
        self.next: list[Reply | None] = []
        self.token_type = "DPoP"
        self._count = itertools.count(1)

    @property
    def forms(self) -> list[dict[str, list[str]]]:
        """The parameters of each token request."""
        return [request.form for request in self.requests]

    def _token(self, arrived: Request) -> Reply | None:
        wrong, thumbprint = self.proofs.check(arrived, self.url)
        if self.next:
            return self.next.pop(0)
        if wrong:
            return Reply(400, self.proofs.told(), json.dumps({"error": wrong}).encode())
        token = f"token-{next(self._count)}"
        self.bound[token] = thumbprint
        answer = {"access_token": token, "token_type": self.token_type, "expires_in": 3600}
        return Reply(200, self.proofs.told(), json.dumps(answer).encode())


class DPoPApi(Server):
    """An API that takes the tokens of an authority, each with a proof by its key.

    ``next`` are answers that come before all others; ``revoked_tokens`` are no good any more.
    """

    def __init__(self, authority: DPoPAuthority, proofs: Proofs | None = None) -> None:
        super().__init__(self._protected)
        self.proofs = proofs or Proofs()
        self.revoked_tokens: set[str] = set()
        self.next: list[Reply | None] = []
        self._authority = authority

    def revoke_all(self) -> None:
        """Every token that there is now is no good any more."""
        self.revoked_tokens |= set(self._authority.bound)

    @property
    def presented(self) -> list[str]:
        """The token of each request that arrived."""
        return [presented(arrived) for arrived in self.requests]

    @property
    def bodies(self) -> list[bytes]:
        return [arrived.body for arrived in self.requests]

    @property
    def nonces_seen(self) -> list[object]:
        """The nonce of each proof that arrived."""
        return [claims.get("nonce") for claims in self.proofs.seen]

    def _protected(self, arrived: Request) -> Reply | None:
        token = presented(arrived)
        url = self.origin + arrived.target.partition("?")[0]
        wrong, thumbprint = self.proofs.check(arrived, url, token)
        if self.next:
            return self.next.pop(0)
        if not wrong and (
            token in self.revoked_tokens or self._authority.bound.get(token) != thumbprint
        ):
            wrong = "invalid_token"
        if wrong:
            return Reply(401, (*challenge(wrong), *self.proofs.told()), b"rejected")
        return Reply(200, self.proofs.told())


def challenge(error: str) -> tuple[tuple[str, str]]:
    """A challenge with this error code."""
    return (("WWW-Authenticate", f'DPoP error="{error}", algs="ES256"'),)


def demand(*nonces: str) -> Reply:
    """A 401 that demands a nonce, and hands these out."""
    headers = [*challenge("use_dpop_nonce"), *(("DPoP-Nonce", nonce) for nonce in nonces)]
    return Reply(401, tuple(headers), b"nonce")


def presented(arrived: Request) -> str:
    """What stands after ``DPoP``; "" where there is no such header."""
    values = arrived.headers.get_all("Authorization") or [""]
    scheme, _, token = values[0].partition(" ")
    return token if scheme == "DPoP" and len(values) == 1 else ""


def opened(proof: str) -> tuple[dict[str, object], dict[str, object]]:
    """Header and claims of a proof, its signature checked with the key in its header."""
    header = json.loads(base64.urlsafe_b64decode(proof.split(".", 1)[0] + "=="))
    assert not set("dpqik") & set(header["jwk"]), "a private member"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # joserfc prefers the name Ed25519 to EdDSA
        registry = jws.JWSRegistry(algorithms=ALGORITHMS)
        registry.max_header_length = 4096  # an RSA key is longer than joserfc expects a header
        decoded = jwt.decode(proof, jwk.import_key(header["jwk"]), registry=registry)
    return decoded.header, decoded.claims


def ath(token: str) -> str:
    """The hash of a token in its proof (RFC 9449 §4.2)."""
    digest = hashlib.sha256(token.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def bound_credentials(authority: DPoPAuthority, **settings: object) -> ClientCredentials:
    """Credentials at this authority, with a key of their own."""
    settings.setdefault("dpop", DPoPKey.generate())
    return ClientCredentials(authority.url, "client", "s3cret-of-the-client", **settings)  # type: ignore[arg-type]


def bound_session(
    credentials: ClientCredentials, *apis: Server, **options: object
) -> requests.Session:
    """A session with an adapter for these APIs, and a cache of its own."""
    options.setdefault("cache", TokenCache())
    origins: Iterable[str] = [api.origin for api in apis]
    session = requests.Session()
    mount(session, ClientCredentialsAdapter(credentials, origins=origins, **options))  # type: ignore[arg-type]
    return session


def statuses(response: requests.Response) -> list[int]:
    """What a caller sees, in the order in which it came."""
    return [each.status_code for each in [*response.history, response]]
