"""Proof of possession: DPoP proofs (RFC 9449) and client certificates (RFC 8705 §3)."""

from __future__ import annotations

import hashlib
from typing import Any

from requests_cc.testing import jose
from requests_cc.testing.claims import Replays, check_times
from requests_cc.testing.client import certificate_thumbprint
from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.settings import Settings

FRESH = 60.0  # seconds that a proof may be old


class InvalidProofError(Exception):
    """The request's DPoP proof is missing or not valid.

    :param error: ``invalid_dpop_proof`` or ``use_dpop_nonce`` (RFC 9449 §5, §8).
    """

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


class ProofChecker:
    """Checks DPoP proofs; safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.replays = Replays()

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return the headers that hand out the nonce, if one is required: RFC 9449 §8."""
        nonce = self._settings.dpop_nonce
        return () if nonce is None else (("DPoP-Nonce", nonce),)

    def key_thumbprint(self, request: RecordedRequest, token: str | None = None) -> str:
        """Return the thumbprint of the key that signed the request's proof.

        :param token: the access token beside the proof; None at the token endpoint.
        :raises InvalidProofError: if the proof is not valid: RFC 9449 §4.3.
        """
        proofs = request.headers.get_all("DPoP", [])
        if len(proofs) != 1:
            raise InvalidProofError("invalid_dpop_proof", "There must be one DPoP header.")
        try:
            return self._verified(proofs[0], request, token)
        except ValueError as error:
            description = f"The DPoP proof is not valid: {error}."
            raise InvalidProofError("invalid_dpop_proof", description) from None

    def _verified(self, proof: str, request: RecordedRequest, token: str | None) -> str:
        header, claims = jose.read(proof)
        if header.get("typ") != "dpop+jwt":
            raise ValueError("its typ must be dpop+jwt")
        members = header.get("jwk")
        if not isinstance(members, dict) or "d" in members:
            raise ValueError("its header must have a public jwk")
        key = jose.public_key(members)
        jose.verify_key(proof, [key])
        self._check_claims(claims, request, token)
        nonce = self._settings.dpop_nonce
        if nonce is not None and claims.get("nonce") != nonce:
            raise InvalidProofError("use_dpop_nonce", "The DPoP proof must have the current nonce.")
        thumbprint = jose.thumbprint(key)
        self.replays.check(thumbprint, claims["jti"])
        return thumbprint

    def _check_claims(
        self, claims: dict[str, Any], request: RecordedRequest, token: str | None
    ) -> None:
        scheme = self._settings.origin.partition(":")[0]
        url = f"{scheme}://{request.headers['Host']}{request.path.partition('?')[0]}"
        if (claims.get("htm"), claims.get("htu")) != (request.method, url):
            raise ValueError(f"its htm and htu must be {request.method} and {url}")
        if not isinstance(claims.get("jti"), str):
            raise ValueError("its jti must be a string")  # noqa: TRY004 - one error for all claims
        check_times(claims, max_age=FRESH)
        if token is not None and claims.get("ath") != token_hash(token):
            raise ValueError("its ath must be the hash of the access token")


def token_hash(token: str) -> str:
    """Return ``ath`` of an access token: RFC 9449 §4.2."""
    return jose.base64url(hashlib.sha256(token.encode()).digest())


def bound_to_certificate(request: RecordedRequest) -> dict[str, str]:
    """Return the ``cnf`` of a token that is requested with a client certificate."""
    if request.client_certificate is None:
        return {}
    return {"x5t#S256": certificate_thumbprint(request.client_certificate)}
