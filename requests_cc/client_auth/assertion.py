"""Client authentication by a signed assertion (RFC 7523 §2.2, OpenID Connect Core §9)."""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Hashable
from dataclasses import InitVar, dataclass, field
from functools import partial
from os import PathLike
from typing import Any, cast

from ..errors import ConfigurationError
from ..protocols import Authentication, ClientIdentity
from ..settings import is_number, optional_text, required_path, required_text
from .private_key import PrivateKey
from .secret import SecretFile
from .signing_key import SigningKey, compact, fresh_claims

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 §2.2
ISSUER = "issuer"  # as an audience: the server's own
LONGEST_LIFETIME = 86_400  # seconds; servers may refuse less: "unreasonably far" (RFC 7523 §3)

_HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}  # RFC 7518 §3.2
_ONE_WORD = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, kw_only=True)
class ClientSecretJWT:
    """A JWT signed with the client secret (``client_secret_jwt``).

    :param alg: ``"HS256"``, ``"HS384"`` or ``"HS512"``; the secret should have at least 32, 48 or
        64 bytes (RFC 7518 §3.2), and some servers insist on that.
    :param audience: str, the ``aud`` claim; ``"issuer"``: the server's issuer; None: the token
        endpoint's URL.
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
        claims = _claims(identity, self.audience, self.lifetime)
        assertion = compact({"alg": self.alg, "typ": "JWT"}, claims, signature)
        return _authentication(identity, assertion, JWT_BEARER, secret)


@dataclass(frozen=True)
class PrivateKeyJWT:
    """A JWT signed with the client's private key (``private_key_jwt``).

    :param key: PEM (str or bytes, encrypted too), a JWK as a dict, or a joserfc key.
    :param alg: str, such as ``"PS256"``; None: a JWK's own, or the one of RS256, ES256, ES384,
        ES512 and EdDSA that fits the key.
    :param kid: str, the key id; ``"thumbprint"``: the key's own (RFC 7638); None: a JWK's own.
    :param audience: str, the ``aud`` claim; ``"issuer"``: the server's issuer; None: the token
        endpoint's URL.
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
    password: InitVar[str | bytes | None] = field(default=None, kw_only=True)
    method = "private_key_jwt"
    needs_secret = False

    def __post_init__(self, password: str | bytes | None) -> None:
        optional_text(self.audience, "audience")
        check_lifetime(self.lifetime)
        key = SigningKey(self.key, alg=self.alg, kid=self.kid, password=password)
        object.__setattr__(self, "key", key)

    @property
    def key_part(self) -> Hashable:
        key = self._signing_key
        return (self.method, key.alg, key.thumbprint)

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        key = self._signing_key
        header: dict[str, Any] = (
            {"typ": "JWT"} if key.kid is None else {"typ": "JWT", "kid": key.kid}
        )
        assertion = key.sign(_claims(identity, self.audience, self.lifetime), header)
        return _authentication(identity, assertion, JWT_BEARER)

    @property
    def _signing_key(self) -> SigningKey:
        return cast("SigningKey", self.key)  # since __post_init__


@dataclass(frozen=True)
class AssertionFile:
    """A JWT in a file that another program keeps fresh: Kubernetes, SPIFFE, a cloud's identity.

    :param path: str or path; the file is read for each token request. White space around its text
        is dropped.
    :param assertion_type: str, the ``client_assertion_type``.
    :raises ConfigurationError: if a setting is not valid; for a token request, if the file cannot
        be read or holds no assertion.

    Safe to share between threads. Needs no extra. RFC 7523 §2.2.
    """

    path: str | PathLike[str]
    assertion_type: str = field(default=JWT_BEARER, kw_only=True)
    method = "private_key_jwt"
    needs_secret = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", os.path.abspath(required_path(self.path, "path")))
        required_text(self.assertion_type, "assertion_type")

    @property
    def key_part(self) -> Hashable:
        return (self.method, str(self.path), self.assertion_type)

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        assertion = SecretFile(self.path)().lstrip()
        # A key file has spaces and lines: it must not be sent by mistake.
        if not _ONE_WORD.fullmatch(assertion):
            found = "no assertion, which is one word of ASCII" if assertion else "no text"
            raise ConfigurationError(f"the assertion file {self.path} holds {found}")
        return _authentication(identity, assertion, self.assertion_type)


def check_lifetime(lifetime: object) -> None:
    """Check the lifetime of an assertion.

    :param lifetime: seconds.
    :raises ConfigurationError: if it is not a number from 1 to 86400.
    """
    if not is_number(lifetime) or not 1 <= lifetime <= LONGEST_LIFETIME:
        raise ConfigurationError(f"lifetime must be 1 to {LONGEST_LIFETIME} seconds")


def _claims(identity: ClientIdentity, audience: str | None, lifetime: float) -> dict[str, Any]:
    """RFC 7523 §3: "iss" and "sub" are the client_id, "aud" names the authorization server."""
    if audience == ISSUER:
        if identity.issuer is None:
            raise ConfigurationError(
                'audience="issuer" needs an issuer: pass AuthorizationServer(..., issuer="https://...")'
            )
        audience = identity.issuer
    return {
        "iss": identity.client_id,
        "sub": identity.client_id,
        "aud": audience or identity.token_endpoint,
        **fresh_claims(lifetime),
    }


def _authentication(
    identity: ClientIdentity, assertion: str, assertion_type: str, *secrets: str
) -> Authentication:
    params = {
        "client_id": identity.client_id,
        "client_assertion_type": assertion_type,
        "client_assertion": assertion,
    }
    return Authentication(params=params, secrets=(assertion, *secrets))
