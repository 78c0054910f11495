"""Another source of tokens: a signed assertion as the grant itself (RFC 7523 §2.1)."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import InitVar, dataclass, field, fields
from functools import cached_property, partial
from os import PathLike
from typing import Any, ClassVar, cast

from ..access_token import AccessToken
from ..client_auth.assertion import check_lifetime
from ..client_auth.private_key import PrivateKey
from ..client_auth.secret import ClientSecret, digest
from ..client_auth.signing_key import SigningKey, fresh_claims
from ..errors import ClientCredentialsError, ConfigurationError
from ..protocols import Authentication, ClientIdentity
from ..server.authorization_server import AuthorizationServer
from ..settings import optional_text, required_text
from .authenticated_request import AuthenticatedRequest
from .endpoints import as_told, request_token
from .google_service_account import service_account_settings
from .parameters import cache_key, pairs, scope_text

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_OWN_CLAIMS = {
    "iss": "write issuer= instead",
    "sub": "write subject= instead",
    "aud": "write audience= instead",
    "exp": "write lifetime= instead",
    "iat": "it is the moment of each request",
    "jti": "it is new in each assertion, or left out with None",
}


@dataclass(frozen=True, repr=False)
class JWTBearer:
    """Whoever holds a key asks for a token in the name of an issuer or of a subject.

    :param server: str, the token endpoint's URL; or an :class:`AuthorizationServer`.
    :param issuer: str, the ``iss`` claim.
    :param key: PEM (str or bytes, encrypted too), a JWK as a dict, or a joserfc key.
    :param subject: str, the ``sub`` claim; None: the issuer; ``""``: no such claim.
    :param audience: str, the ``aud`` claim; None: the token endpoint's URL.
    :param scope: str, or iterable of str, sent as the parameter ``scope``.
    :param alg: str, such as ``"PS256"``; None: a JWK's own, or what fits the key.
    :param kid: str, the key id; ``"thumbprint"``: the key's own (RFC 7638); None: a JWK's own.
    :param lifetime: float, seconds from ``iat`` to ``exp``, from one to a day.
    :param claims: mapping, further claims, as JSON can hold them. ``{"jti": None}`` leaves that
        one out, which is otherwise new in each assertion.
    :param password: str or bytes, of an encrypted PEM.
    :raises ConfigurationError: when a setting is wrong, or the extra ``jwt`` is missing.

    Frozen: safe to share between threads, and to give to a cache as a source, or to an adapter
    with ``origins=``. Its ``repr`` shows neither the key nor ``claims``. A pickle holds the key,
    decrypted. RFC 7523 §2.1.
    """

    # Its audience names the authorization server (RFC 7523 §3), and no API.
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
        in_one_form = {
            "key": SigningKey(self.key, alg=self.alg, kid=self.kid, password=password),
            "scope": scope_text(self.scope),
            "claims": _further_claims(self.claims),
        }
        for name, value in in_one_form.items():
            object.__setattr__(self, name, value)
        # Made now rather than at the first request, so that what is wrong is said here.
        self._request  # noqa: B018 - made by being read

    @classmethod
    def from_google_service_account(
        cls,
        path_or_dict: str | PathLike[str] | Mapping[str, Any],
        scope: str | Iterable[str],
        *,
        subject: str | None = None,
    ) -> JWTBearer:
        """A service account of Google Cloud.

        :param path_or_dict: path of the account's JSON key file, or what it holds as a mapping.
        :param scope: str, or iterable of str, such as
            ``"https://www.googleapis.com/auth/cloud-platform"``.
        :param subject: str, the user in whose name it asks (domain-wide delegation); None: its own.
        :returns: :class:`JWTBearer`.
        :raises ConfigurationError: when that is none of a service account.

        Google Identity, "Using OAuth 2.0 for Server to Server Applications", HTTP/REST.
        """
        try:
            return cls(**service_account_settings(path_or_dict, scope), subject=subject or "")
        except ConfigurationError as error:
            failure = error
        # What a traceback's variables show: they held the key, here and where it came through.
        del path_or_dict
        raise as_told(failure)

    def request_token(self) -> AccessToken:
        """Makes one token request, with a fresh assertion for each attempt; nothing is kept.

        :returns: a new :class:`AccessToken`.
        :raises TokenRequestError: when no token could be had.
        """
        try:
            return request_token(self._request, ClientSecret(None))
        except ClientCredentialsError as error:
            failure = error
        raise as_told(failure)

    @cached_property
    def cache_key(self) -> Hashable:
        """Equal only for sources whose tokens may be exchanged for each other."""
        request = self._request
        return cache_key(
            "jwt_bearer", request.server.key_part, *self._assertion.key_part, request.params
        )

    @property
    def label(self) -> str:
        """Whose tokens of which server, as log lines and events name them."""
        return f"{self.issuer} at {self._request.server.given_url}"

    @cached_property
    def _assertion(self) -> _Assertion:
        subject = self.issuer if self.subject is None else self.subject
        claims = {
            "iss": self.issuer,
            **({"sub": subject} if subject else {}),
            **(self.claims or {}),
        }
        return _Assertion(cast("SigningKey", self.key), claims, self.audience, self.lifetime)

    @cached_property
    def _request(self) -> AuthenticatedRequest:
        server = self.server
        if not isinstance(server, AuthorizationServer):
            server = AuthorizationServer(required_text(server, "server"))
        params = (("grant_type", GRANT_TYPE), *pairs("scope", self.scope))
        return AuthenticatedRequest(server, "token_endpoint", "", self._assertion, params)

    def __repr__(self) -> str:
        names = ("issuer", "subject", "audience", "scope", "alg", "kid", "lifetime")
        settings = ", ".join(f"{n}={getattr(self, n)!r}" for n in names if getattr(self, n))
        return f"JWTBearer({self._request.server.given_url!r}, {settings})"

    def __reduce__(self) -> tuple[Any, ...]:
        # Rebuilt from its fields alone: what is derived from them may mean nothing elsewhere.
        return partial(type(self), **{f.name: getattr(self, f.name) for f in fields(self)}), ()


class _Assertion:
    """The grant, in the place of client authentication: both are made anew for each attempt.

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
    """A copy of ``claims`` that nobody changes, checked."""
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
        pass
    else:
        return copy
    raise ConfigurationError("claims holds something that JSON cannot: write str, int, list, dict")
