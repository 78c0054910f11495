"""Signed JWTs (RFC 7515, RFC 7519): written, read and verified.

HMAC needs the standard library only; keys need joserfc (extra ``jwt``).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any

from requests_cc.testing.extras import optional

SYMMETRIC = ("HS256", "HS384", "HS512")
ASYMMETRIC = (
    *("ES256", "ES384", "ES512", "RS256", "RS384", "RS512"),
    *("PS256", "PS384", "PS512", "EdDSA", "Ed25519"),
)


class InvalidJWTError(ValueError):
    """The JWT is malformed or its signature does not match; the message is safe to show."""


def base64url(data: bytes) -> str:
    """Encode without padding: RFC 7515 §2."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the header and the claims of a JWT, without verifying anything.

    :raises InvalidJWTError: if it is not a JWT in the compact serialization.
    """
    parts = token.split(".")
    try:
        header, claims = (json.loads(_decoded(part)) for part in parts[:2])
    except ValueError:
        header = claims = None
    if len(parts) != 3 or not isinstance(header, dict) or not isinstance(claims, dict):  # noqa: PLR2004 - RFC 7515 §3.1
        raise InvalidJWTError("it is not a signed JWT in the compact serialization")
    return header, claims


def verify_secret(token: str, secrets: Iterable[str]) -> None:
    """Check an HMAC with any of these secrets: RFC 7518 §3.2.

    :param token: a JWT whose ``alg`` is one of :data:`SYMMETRIC`.
    :raises InvalidJWTError: if none matches.
    """
    header, _ = read(token)
    message, _, signature = token.rpartition(".")
    digest = f"sha{header['alg'][2:]}"
    for secret in secrets:
        expected = hmac.digest(secret.encode(), message.encode(), digest)
        if hmac.compare_digest(base64url(expected).encode(), signature.encode()):
            return
    raise InvalidJWTError("its signature does not match a secret of the client")


def verify_key(token: str, keys: Iterable[Any]) -> None:
    """Check a signature with any of these keys, which :func:`public_key` returned.

    :raises InvalidJWTError: if none matches.
    """
    header, _ = read(token)
    message, _, signature = token.rpartition(".")
    algorithm = _algorithm(header.get("alg"))
    if not any(_matches(algorithm, message, signature, key) for key in keys):
        raise InvalidJWTError("its signature does not match a known key")


def public_key(key: str | bytes | Mapping[str, Any]) -> Any:
    """Return the joserfc key of a PEM (private or public) or a JWK.

    :raises ValueError: if it cannot be read; the message shows nothing of it.
    """
    jwk = optional("joserfc.jwk", "jwt")
    data = dict(key) if isinstance(key, Mapping) else key
    for kind in (jwk.ECKey, jwk.RSAKey, jwk.OKPKey):
        try:
            return kind.import_key(data)
        except Exception:  # noqa: BLE001, S112, PERF203 - each kind refuses in its own way
            continue
    raise ValueError("a client's key must be PEM, or a JWK as a dict: RSA, EC or OKP")


def thumbprint(key: Any) -> str:
    """Return the thumbprint of a joserfc key: RFC 7638 with SHA-256."""
    # RFC 7638 §3.2 and RFC 8037 §2: the required members, in lexicographic order.
    names = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}
    members = key.as_dict(private=False)
    required = {name: members[name] for name in names[members["kty"]]}
    canonical = json.dumps(required, separators=(",", ":"), sort_keys=True)
    return base64url(hashlib.sha256(canonical.encode()).digest())


class SigningKey:
    """The key that the server signs its access tokens with.

    :param alg: str, ``ES256`` or ``RS256``.
    :raises MissingExtraError: if joserfc is not installed.
    """

    def __init__(self, alg: str) -> None:
        jwk = optional("joserfc.jwk", "jwt")
        generate = {
            "ES256": lambda: jwk.ECKey.generate_key("P-256"),
            "RS256": lambda: jwk.RSAKey.generate_key(2048),
        }
        if alg not in generate:
            raise ValueError(f"jwt must be True, 'ES256' or 'RS256', not {alg!r}")
        self._key = generate[alg]()
        self._alg = alg
        self.kid = thumbprint(self._key)

    @property
    def public_jwk(self) -> dict[str, Any]:
        """The public key as a JWK: RFC 7517 §4."""
        members = self._key.as_dict(private=False)
        return {**members, "use": "sig", "alg": self._alg, "kid": self.kid}

    def sign(self, claims: Mapping[str, Any], typ: str) -> str:
        """Return a JWT with these claims, of this type."""
        header = {"typ": typ, "alg": self._alg, "kid": self.kid}
        message = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        signature = _algorithm(self._alg).sign(message.encode(), self._key)
        return f"{message}.{base64url(signature)}"


def _decoded(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _algorithm(name: object) -> Any:
    # The algorithm itself, not joserfc's jwt.decode(), which warns for EdDSA each time.
    known = optional("joserfc.jws", "jwt").JWSRegistry.algorithms
    if name not in ASYMMETRIC or name not in known:
        raise InvalidJWTError(f"its alg must be one of {', '.join(ASYMMETRIC)}")
    return known[name]


def _matches(algorithm: Any, message: str, signature: str, key: Any) -> bool:
    try:
        return bool(algorithm.verify(message.encode(), _decoded(signature), key))
    except Exception:  # noqa: BLE001 - a key of another kind, or a signature of another length
        return False
