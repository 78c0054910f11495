"""A signed assertion as the grant itself (RFC 7523 §2.1)."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import InitVar, dataclass, field
from os import PathLike
from typing import Any, ClassVar

from ..client_auth.assertion import check_lifetime
from ..client_auth.private_key import PrivateKey
from ..client_auth.secret import ClientSecret, digest
from ..client_auth.signing_key import SigningKey, fresh_claims
from ..errors import ConfigurationError
from ..protocols import Authentication, ClientIdentity
from ..server.authorization_server import AuthorizationServer
from ..settings import optional_text, required_text
from .authenticated_request import AuthenticatedRequest
from .parameters import cache_key, pairs, scope_text
from .source import Source, SourceKey, server_of
from .tracebacks import entry_point, guarded_constructor

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_OWN_CLAIMS = {
    "iss": "use issuer= instead",
    "sub": "use subject= instead",
    "aud": "use audience= instead",
    "exp": "use lifetime= instead",
    "iat": "it is the time of each request",
    "jti": "it is new in each assertion; None leaves it out",
}


@guarded_constructor
@dataclass(frozen=True, repr=False, eq=False)
class JWTBearer(Source):
    """A source of tokens for whoever holds an issuer's key: the grant is a signed assertion.

    :param server: str, the token endpoint's URL; or an :class:`AuthorizationServer`, and kept as
        one.
    :param issuer: str, the ``iss`` claim.
    :param key: PEM (str or bytes, encrypted too), a JWK as a dict, or a joserfc key.
    :param subject: str, the ``sub`` claim; None: the issuer; ``""``: no such claim.
    :param audience: str, the ``aud`` claim; None: the token endpoint's URL.
    :param scope: str, or iterable of str, sent as the parameter ``scope``.
    :param alg: str, such as ``"PS256"``; None: a JWK's own, or one that fits the key.
    :param kid: str, the key id; ``"thumbprint"``: the key's own (RFC 7638); None: a JWK's own.
    :param lifetime: float, seconds from ``iat`` to ``exp``, from one to a day.
    :param claims: mapping, further claims, as JSON can hold them. ``{"jti": None}`` leaves out
        ``jti``, which is otherwise new in each assertion.
    :param password: str or bytes, of an encrypted PEM.
    :raises ConfigurationError: if a setting is wrong, or the extra ``jwt`` is missing.

    Frozen: safe to share between threads, and to give to a cache as a source, or to an adapter
    with ``origins=``. Its ``repr`` shows neither the key nor ``claims``. A pickle holds the key,
    decrypted. RFC 7523 §2.1.
    """

    # Its audience names the authorization server (RFC 7523 §3), not an API.
    resource_servers: ClassVar[tuple[str, ...]] = ()

    server: AuthorizationServer | str
    issuer: str = field(kw_only=True)
    key: PrivateKey = field(kw_only=True)
    subject: str | None = field(default=None, kw_only=True)
    audience: str | None = field(default=None, kw_only=True)
    scope: str | Iterable[str] | None = field(default=None, kw_only=True)
    alg: str | None = field(default=None, kw_only=True)
    kid: str | None = field(default=None, kw_only=True)
    lifetime: float = field(default=300, kw_only=True)
    claims: Mapping[str, Any] | None = field(default=None, kw_only=True, hash=False)
    password: InitVar[str | bytes | None] = field(default=None, kw_only=True)

    def __post_init__(self, password: str | bytes | None) -> None:
        required_text(self.issuer, "issuer")
        if self.subject != "":
            optional_text(self.subject, "subject")
        optional_text(self.audience, "audience")
        check_lifetime(self.lifetime)
        key = SigningKey(self.key, alg=self.alg, kid=self.kid, password=password)
        self._set(
            key=key,
            scope=scope_text(self.scope),
            claims=_further_claims(self.claims),
            server=server_of(self.server),
        )
        self._set(_request=self._token_request(key), _secret=ClientSecret(None))

    @classmethod
    @entry_point
    def from_google_service_account(
        cls,
        path_or_dict: str | PathLike[str] | Mapping[str, Any],
        scope: str | Iterable[str],
        *,
        subject: str | None = None,
    ) -> JWTBearer:
        """Return the source of tokens for a service account of Google Cloud.

        :param path_or_dict: path of the account's JSON key file, or its contents as a mapping.
        :param scope: str, or iterable of str, such as
            ``"https://www.googleapis.com/auth/cloud-platform"``.
        :param subject: str, the user to act for (domain-wide delegation); None: the account.
        :returns: :class:`JWTBearer`.
        :raises ConfigurationError: if it is not the key file of a service account.

        Google Identity, "Using OAuth 2.0 for Server to Server Applications", HTTP/REST.
        """
        from .google_service_account import service_account_settings  # noqa: PLC0415 - optional

        return cls(**service_account_settings(path_or_dict, scope), subject=subject or "")

    @SourceKey
    def cache_key(self) -> Hashable:
        """Equal only for sources whose tokens may be exchanged for each other."""
        request = self._request
        assertion = request.authentication.key_part
        return cache_key("jwt_bearer", request.server.key_part, assertion, request.params)

    @property
    def label(self) -> str:
        """The issuer and the authorization server, as log lines and events name them."""
        return f"{self.issuer} at {self._request.server.given_url}"

    def _token_request(self, key: SigningKey) -> AuthenticatedRequest:
        subject = self.issuer if self.subject is None else self.subject
        claims = {
            "iss": self.issuer,
            **({"sub": subject} if subject else {}),
            **(self.claims or {}),
        }
        assertion = _Assertion(key, claims, self.audience, self.lifetime)
        params = (("grant_type", GRANT_TYPE), *pairs("scope", self.scope))
        return AuthenticatedRequest(server_of(self.server), "token_endpoint", "", assertion, params)

    def __repr__(self) -> str:
        names = ("issuer", "subject", "audience", "scope", "alg", "kid", "lifetime")
        settings = ", ".join(f"{n}={getattr(self, n)!r}" for n in names if getattr(self, n))
        return f"JWTBearer({self._request.server.given_url!r}, {settings})"


class _Assertion:
    """The grant, in place of client authentication: both are made anew for each attempt.

    "Authentication of the client is optional" (RFC 7521 §4.1).
    """

    method = "a signed assertion"
    needs_secret = False

    def __init__(
        self, key: SigningKey, claims: Mapping[str, Any], audience: str | None, lifetime: float
    ) -> None:
        self._key = key
        self._claims = claims
        self._audience = audience
        self._lifetime = lifetime

    @property
    def key_part(self) -> tuple[Hashable, ...]:
        claims = digest(json.dumps([self._claims, self._audience], sort_keys=True))
        return (self._key.alg, self._key.thumbprint, claims)

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        fresh = {"aud": self._audience or identity.token_endpoint, **fresh_claims(self._lifetime)}
        claims = {**fresh, **self._claims}
        if claims["jti"] is None:
            del claims["jti"]
        header = {"typ": "JWT", **({"kid": self._key.kid} if self._key.kid else {})}
        assertion = self._key.sign(claims, header)
        return Authentication(params={"assertion": assertion}, secrets=(assertion,))


def _further_claims(claims: object) -> dict[str, Any] | None:
    """Return a checked copy of ``claims``."""
    if claims is None:
        return None
    if not isinstance(claims, Mapping):
        raise ConfigurationError("claims must be a mapping, or None")
    for name, advice in _OWN_CLAIMS.items():
        if name in claims and (name, claims[name]) != ("jti", None):
            raise ConfigurationError(f"claims repeats {name!r}: {advice}")
    try:
        copy: dict[str, Any] = json.loads(json.dumps(dict(claims), allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        raise ConfigurationError(
            "claims holds something that JSON cannot hold: use str, int, list, dict"
        ) from None
    return copy
