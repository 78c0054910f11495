"""What a protected API checks of a DPoP proof (RFC 9449 §4.3, §7.2, §9)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from typing import Any

from joserfc import jwk, jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError

from .material import PRIVATE_MEMBERS, SIGNING_ALGORITHMS

FRESH = 60  # seconds


class _Algorithms(jws.JWSRegistry):
    """Those of the tests, "EdDSA" without the warning that it has a newer name (RFC 9864)."""

    max_header_length = 4096  # bytes: a proof's header holds a key

    def get_alg(self, name: str) -> Any:
        if name not in SIGNING_ALGORITHMS:
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


class ProofRejected(Exception):
    """Why, and its error code (RFC 9449 §7.1)."""

    def __init__(self, why: str, code: str = "invalid_dpop_proof") -> None:
        super().__init__(why)
        self.code = code


class ProofChecks:
    """Remembers which proofs it has seen and which nonce it gave.

    Safe to call from several threads.
    """

    def __init__(self) -> None:
        self.require_nonce = False
        self.nonce_for_one_proof = False  # each accepted proof uses its nonce up
        self._lock = threading.Lock()  # guards what follows
        self._seen: set[str] = set()
        self._nonce = secrets.token_urlsafe(16)

    @property
    def nonce(self) -> str:
        """The one that a proof must have now."""
        return self._nonce

    def rotate(self) -> None:
        """Makes another nonce, and takes the one before no more."""
        with self._lock:
            self._nonce = secrets.token_urlsafe(16)

    def check(self, proof: str, method: str, url: str, token: str, thumbprint: str) -> None:
        """Checks the proof of one request.

        :param proof: the header's value.
        :param url: of the request, without its query.
        :param thumbprint: of the key that the token is bound to.
        :raises ProofRejected: when anything is wrong with it.
        """
        header, claims = _opened(proof)
        digest = hashlib.sha256(token.encode()).digest()
        ath = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        _expect(header.get("typ") == "dpop+jwt", "typ")
        _expect(claims.get("htm") == method, "htm")
        _expect(claims.get("htu") == url, "htu")
        _expect(claims.get("ath") == ath, "ath")
        _expect(abs(time.time() - claims.get("iat", 0)) <= FRESH, "iat")
        _expect(jwk.import_key(header["jwk"]).thumbprint() == thumbprint, "jkt")
        self._use_up(claims)

    def _use_up(self, claims: dict[str, Any]) -> None:
        with self._lock:
            if self.require_nonce and claims.get("nonce") != self._nonce:
                raise ProofRejected("nonce", "use_dpop_nonce")
            _expect(bool(claims.get("jti")) and claims["jti"] not in self._seen, "jti")
            self._seen.add(claims["jti"])
            if self.nonce_for_one_proof:
                self._nonce = secrets.token_urlsafe(16)


def _opened(proof: str) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        header = json.loads(_decoded(proof.partition(".")[0]))
        public = header["jwk"]
        _expect(not PRIVATE_MEMBERS & public.keys(), "a private key in the proof")
        key = jwk.import_key(public)
        opened = jws.deserialize_compact(proof, key, registry=_Algorithms())
        return header, json.loads(opened.payload)
    except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProofRejected(f"signature or form: {type(error).__name__}") from None


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _expect(right: bool, name: str) -> None:
    if not right:
        raise ProofRejected(name)
