"""Client authentication by a signed assertion (RFC 7523 §2.2, OpenID Connect Core §9)."""

from __future__ import annotations

import hmac
import json
from collections.abc import Hashable, Mapping
from dataclasses import InitVar, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from ..errors import ConfigurationError
from ..protocols import Authentication, ClientIdentity
from ..settings import is_number, optional_text
from .private_key import PrivateKey
from .secret import digest
from .signing_key import SigningKey, compact, fresh_claims, further_members

if TYPE_CHECKING:
    from .assertion_certificate import AssertionCertificate

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 §2.2
TYPED = "client-authentication+jwt"  # draft-ietf-oauth-rfc7523bis §4
ISSUER = "issuer"  # as an audience: the server's own
LONGEST_LIFETIME = 86_400  # seconds; servers may refuse less: "unreasonably far" (RFC 7523 §3)

_HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}  # RFC 7518 §3.2
_OWN_HEADERS = {"alg": "use alg= instead", "typ": "use typ= instead", "kid": "use kid= instead"}
_OWN_CLAIMS = {
    "iss": "it is the client_id",
    "sub": "it is the client_id",
    "aud": "use audience= instead",
    "exp": "use lifetime= instead",
    "iat": "it is the time of each request",
    "jti": "it is new in each assertion; None leaves it out",
}


@dataclass(frozen=True, kw_only=True)
class ClientSecretJWT:
    """A JWT signed with the client secret (``client_secret_jwt``).

    :param alg: ``"HS256"``, ``"HS384"`` or ``"HS512"``; the secret should have at least 32, 48 or
        64 bytes (RFC 7518 §3.2), and some servers insist on that.
    :param audience: str, the ``aud`` claim; ``"issuer"``: the server's issuer; None: what the
        provider documents, else the issuer, or the token endpoint's URL if no issuer is known.
    :param lifetime: float, seconds from ``iat`` to ``exp``, from one to a day.
    :raises ConfigurationError: if a setting is not valid.

    Safe to share between threads. Needs no extra. RFC 7523 §2.2, OpenID Connect Core §9.
    """

    alg: str = "HS256"
    audience: str | None = None
    lifetime: float = 60
    method = "client_secret_jwt"
    needs_secret = True

    def __post_init__(self) -> None:
        if self.alg not in tuple(_HASHES):
            raise ConfigurationError(f"alg must be {' or '.join(_HASHES)}, not {self.alg!r}")
        optional_text(self.audience, "audience")
        check_lifetime(self.lifetime)

    @property
    def key_part(self) -> Hashable:
        return (self.method, self.alg)

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        secret = identity.client_secret
        if not secret:
            raise ConfigurationError("client_secret is missing: client_secret_jwt needs it")
        signature = partial(hmac.digest, secret.encode(), digest=_HASHES[self.alg])
        audience, typ = audience_of(identity, self.audience)
        claims = _claims(identity, audience, self.lifetime)
        assertion = compact({"alg": self.alg, "typ": typ}, claims, signature)
        return authentication_by(identity, assertion, JWT_BEARER, secret)


@dataclass(frozen=True)
class PrivateKeyJWT:
    """A JWT signed with the client's private key (``private_key_jwt``).

    :param key: PEM (str or bytes, encrypted too), a JWK as a dict, a key of joserfc or
        cryptography, or a signer: an object with ``alg``, ``kid`` and ``sign(bytes) -> bytes``.
    :param alg: str, such as ``"PS256"``; None: a JWK's own, else the first that fits the key and
        that the server's metadata lists: of RS256 to PS512, ES256, ES384, ES512 and EdDSA.
    :param kid: str, the key id; ``"thumbprint"``: the key's own (RFC 7638); None: a JWK's own.
    :param audience: str, the ``aud`` claim; ``"issuer"``: the server's issuer; None: what the
        provider documents, else the issuer, or the token endpoint's URL if no issuer is known.
    :param typ: str, the header ``typ``; None: ``client-authentication+jwt`` if the audience is the
        issuer, else ``JWT``.
    :param certificate: str or bytes, PEM: its thumbprint stands in the header ``x5t#S256``, and an
        RSA key signs with PS256, as Microsoft Entra ID documents it.
    :param headers: mapping, further headers, as JSON can hold them.
    :param claims: mapping, further claims, as JSON can hold them.
    :param lifetime: float, seconds from ``iat`` to ``exp``, from one to a day.
    :param password: str or bytes, of an encrypted PEM.
    :raises ConfigurationError: if a setting is not valid, or the extra ``jwt`` is missing.

    Safe to share between threads. A pickle holds the private key, decrypted. RFC 7523 §2.2, OpenID
    Connect Core §9.
    """

    key: PrivateKey = field(repr=False)
    alg: str | None = field(default=None, kw_only=True)
    kid: str | None = field(default=None, kw_only=True)
    audience: str | None = field(default=None, kw_only=True)
    lifetime: float = field(default=60, kw_only=True)
    typ: str | None = field(default=None, kw_only=True, repr=False)
    certificate: str | bytes | None = field(default=None, kw_only=True, repr=False)
    headers: Mapping[str, Any] | None = field(default=None, kw_only=True, repr=False, hash=False)
    claims: Mapping[str, Any] | None = field(default=None, kw_only=True, repr=False, hash=False)
    password: InitVar[str | bytes | None] = field(default=None, kw_only=True)
    _certificate: AssertionCertificate | None = field(
        init=False, repr=False, compare=False, default=None
    )
    method = "private_key_jwt"
    needs_secret = False

    def __post_init__(self, password: str | bytes | None) -> None:
        optional_text(self.audience, "audience")
        check_lifetime(self.lifetime)
        optional_text(self.typ, "typ")
        key = SigningKey(self.key, alg=self.alg, kid=self.kid, password=password)
        own_headers = dict(_OWN_HEADERS)
        certificate: AssertionCertificate | None = None
        if self.certificate is not None:
            certificate = _certificate_of(self.certificate, key)
            own_headers["x5t#S256"] = "it is that of certificate"
            if not key.has_own_alg and "PS256" in key.algorithms:
                key = SigningKey(key, alg="PS256")
        settings = {
            "key": key,
            "headers": further_members(self.headers, own_headers, "headers"),
            "claims": further_members(self.claims, _OWN_CLAIMS),
            "_certificate": certificate,
        }
        for name, value in settings.items():
            object.__setattr__(self, name, value)

    @property
    def key_part(self) -> Hashable:
        key, certificate = self._signing_key, self._certificate
        thumbprint = None if certificate is None else certificate.thumbprint
        further = digest(json.dumps([self.headers, self.claims], sort_keys=True))
        return (self.method, key.key_part, thumbprint, further)

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        key, certificate = self._signing_key, self._certificate
        audience, typ = audience_of(identity, self.audience)
        header: dict[str, Any] = {"typ": self.typ or typ}
        if key.kid is not None:
            header["kid"] = key.kid
        if certificate is not None:
            certificate.check_expiry()
            header["x5t#S256"] = certificate.thumbprint
        claims = {**_claims(identity, audience, self.lifetime), **(self.claims or {})}
        if claims["jti"] is None:
            del claims["jti"]
        algorithm = _algorithm(key, identity.algorithms)
        assertion = key.sign(claims, {**header, **(self.headers or {})}, algorithm)
        return authentication_by(identity, assertion, JWT_BEARER)

    @property
    def _signing_key(self) -> SigningKey:
        return cast("SigningKey", self.key)  # since __post_init__


def check_lifetime(lifetime: object) -> None:
    """Check the lifetime of an assertion.

    :raises ConfigurationError: if it is not a number from 1 to 86400.
    """
    if not is_number(lifetime) or not 1 <= lifetime <= LONGEST_LIFETIME:
        raise ConfigurationError(f"lifetime must be 1 to {LONGEST_LIFETIME} seconds")


def audience_of(identity: ClientIdentity, audience: str | None) -> tuple[str, str]:
    """Return the audience of a client assertion, and the header ``typ`` that goes with it.

    The issuer wherever one is known: metadata can name another server's token endpoint, and an
    assertion for that would be good there (the update of RFC 7523, draft-ietf-oauth-rfc7523bis).

    :param audience: str, what was set: ``"issuer"``, another audience, or None.
    :raises ConfigurationError: if it is ``"issuer"``, and none is known.
    """
    issuer = identity.issuer
    if audience == ISSUER:
        if issuer is None:
            raise ConfigurationError(
                'audience="issuer" needs an issuer: pass AuthorizationServer(..., issuer="https://...")'
            )
        audience = issuer
    audience = audience or identity.audience or issuer or identity.token_endpoint
    return audience, (TYPED if audience == issuer else "JWT")


def _claims(identity: ClientIdentity, audience: str, lifetime: float) -> dict[str, Any]:
    """Return the claims: "iss" and "sub" are the client's id, "aud" is the server (RFC 7523 §3)."""
    return {
        "iss": identity.client_id,
        "sub": identity.client_id,
        "aud": audience,
        **fresh_claims(lifetime),
    }


def _algorithm(key: SigningKey, accepted: tuple[str, ...] | None) -> str:
    """Return the algorithm to sign with: the first that fits the key and the server's list."""
    if accepted is None or key.has_own_alg:
        return key.alg
    for algorithm in key.algorithms:
        if algorithm in accepted:
            return algorithm
    raise ConfigurationError(
        f"the server accepts assertions that are signed with {', '.join(accepted[:10])}, and key "
        f"signs with {' or '.join(key.algorithms)}: use another key, or pass alg= to try it"
    )


def _certificate_of(pem: str | bytes, key: SigningKey) -> AssertionCertificate:
    from .assertion_certificate import AssertionCertificate  # noqa: PLC0415 - few have one

    if not isinstance(pem, (str, bytes)):
        raise ConfigurationError(f"certificate must be PEM, not {type(pem).__name__}")
    certificate = AssertionCertificate(pem)
    certificate.check_key(key)
    return certificate


def authentication_by(
    identity: ClientIdentity, assertion: str, assertion_type: str, *secrets: str
) -> Authentication:
    """Return what a client assertion adds to a request.

    :param assertion_type: str, the ``client_assertion_type``.
    :param secrets: str, further texts that no message may show.
    """
    params = {
        "client_id": identity.client_id,
        "client_assertion_type": assertion_type,
        "client_assertion": assertion,
    }
    return Authentication(params=params, secrets=(assertion, *secrets))
