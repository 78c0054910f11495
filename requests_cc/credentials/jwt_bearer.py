"""A signed assertion as the grant itself (RFC 7523 §2.1)."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from os import PathLike
from typing import Any

from requests.auth import AuthBase

from ..access_token import AccessToken
from ..client_auth.assertion import check_lifetime
from ..client_auth.private_key import PrivateKey
from ..client_auth.secret import Secret, as_secrets, digest
from ..client_auth.signing_key import SigningKey, fresh_claims, further_members
from ..errors import ConfigurationError, InvalidTokenResponse
from ..protocols import ClientAuthentication, ClientIdentity
from ..server.authorization_server import AuthorizationServer
from ..settings import optional_text, required_text
from .optional_client import GrantSource
from .parameters import Params, further_params, pairs, scope_text
from .source import server_of
from .supplied_token import Supplied, SuppliedToken
from .token_response import jwt_expiry
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
class JWTBearer(GrantSource):
    """A source of tokens whose grant is a signed assertion: its own, or another server's.

    :param server: str, the token endpoint's URL; or an :class:`AuthorizationServer`, and kept as
        one.
    :param issuer: str, the ``iss`` claim.
    :param key: the issuer's private key, as for :class:`PrivateKeyJWT`.
    :param subject: str, the ``sub`` claim; None: the issuer; ``""``: no such claim.
    :param audience: str, the ``aud`` claim; None: the token endpoint's URL.
    :param scope: str, or iterable of str, sent as the parameter ``scope``.
    :param assertion: in place of ``issuer`` and ``key``: an assertion that another server issued.
        A str; a callable that returns it; or any source, such as :class:`TokenFile`. A callable and
        a source are read anew for each attempt.
    :param target_audience: str, Google's: the audience of an ID token, which is then the token.
    :param client_id: str, if a client is named beside the assertion.
    :param client_secret: as for :class:`ClientCredentials`; None without ``auth``: the client does
        not authenticate.
    :param auth: as for :class:`ClientCredentials`.
    :param params: mapping, further parameters, as for :class:`ClientCredentials`.
    :param alg: str, such as ``"PS256"``; None: a JWK's own, or one that fits the key.
    :param kid: str, the key id; ``"thumbprint"``: the key's own (RFC 7638); None: a JWK's own.
    :param lifetime: float, seconds from ``iat`` to ``exp``, from one to a day.
    :param claims: mapping, further claims, as JSON can hold them. ``{"jti": None}`` leaves out
        ``jti``, which is otherwise new in each assertion.
    :param password: str or bytes, of an encrypted PEM.
    :raises ConfigurationError: if a setting is wrong, or the extra ``jwt`` is missing.

    Frozen: safe to share between threads, and to give to a cache as a source, or to an adapter
    with ``origins=``. Its ``repr`` shows neither the key nor ``claims`` nor the assertion. A pickle
    holds the key, decrypted. RFC 7523 section 2.1.
    """

    server: AuthorizationServer | str
    issuer: str | None = field(default=None, kw_only=True)
    key: PrivateKey | None = field(default=None, kw_only=True)
    subject: str | None = field(default=None, kw_only=True)
    audience: str | None = field(default=None, kw_only=True)
    scope: str | Iterable[str] | None = field(default=None, kw_only=True)
    assertion: Supplied | None = field(default=None, kw_only=True, hash=False)
    target_audience: str | None = field(default=None, kw_only=True)
    client_id: str | None = field(default=None, kw_only=True)
    client_secret: Secret | Sequence[Secret] | None = field(default=None, kw_only=True, hash=False)
    auth: str | ClientAuthentication | AuthBase | None = field(
        default=None, kw_only=True, hash=False
    )
    params: Params | None = field(default=None, kw_only=True, hash=False)
    alg: str | None = field(default=None, kw_only=True)
    kid: str | None = field(default=None, kw_only=True)
    lifetime: float = field(default=300, kw_only=True)
    claims: Mapping[str, Any] | None = field(default=None, kw_only=True, hash=False)
    password: InitVar[str | bytes | None] = field(default=None, kw_only=True)
    _kind = "jwt_bearer"

    def __post_init__(self, password: str | bytes | None) -> None:
        grant = self._own_assertion(password) if self.assertion is None else self._supplied()
        self._set(
            scope=scope_text(self.scope),
            server=server_of(self.server),
            client_secret=as_secrets(self.client_secret),
            params=further_params(self.params, {"assertion": "assertion"}),
        )
        params = {"grant_type": GRANT_TYPE, "scope": self.scope, **(self.params or {})}
        self._ask_with(grant, pairs(params))

    @classmethod
    @entry_point
    def from_google_service_account(
        cls,
        path_or_dict: str | PathLike[str] | Mapping[str, Any],
        scope: str | Iterable[str] | None = None,
        *,
        subject: str | None = None,
        target_audience: str | None = None,
    ) -> JWTBearer:
        """Return the source of tokens for a service account of Google Cloud.

        :param path_or_dict: path of the account's JSON key file, or its contents as a mapping.
        :param scope: str, or iterable of str, such as
            ``"https://www.googleapis.com/auth/cloud-platform"``; for an access token.
        :param subject: str, the user to act for (domain-wide delegation); None: the account.
        :param target_audience: str, in place of ``scope``: the audience of an ID token, such as the
            URL of a Cloud Run service, or the client id of an Identity-Aware Proxy.
        :returns: :class:`JWTBearer`.
        :raises ConfigurationError: if it is not the key file of a service account.

        Google Identity, "Using OAuth 2.0 for Server to Server Applications", HTTP/REST; Google
        Cloud, "Get an ID token", service account key.
        """
        from .google_service_account import service_account_settings  # noqa: PLC0415 - optional

        settings = service_account_settings(path_or_dict, scope, target_audience)
        return cls(**settings, subject=subject or "")

    @property
    def resource_servers(self) -> tuple[str, ...]:
        """The audience of an ID token; that of the assertion is the authorization server."""
        return () if self.target_audience is None else (self.target_audience,)

    @property
    def label(self) -> str:
        """The issuer and the authorization server, as log lines and events name them."""
        who = self.issuer or self.client_id or "a supplied assertion"
        return f"{who} at {self._request.server.given_url}"

    def _own_assertion(self, password: str | bytes | None) -> _Assertion:
        issuer = required_text(self.issuer, "issuer")
        if self.subject != "":
            optional_text(self.subject, "subject")
        optional_text(self.audience, "audience")
        optional_text(self.target_audience, "target_audience")
        check_lifetime(self.lifetime)
        key = SigningKey(self.key, alg=self.alg, kid=self.kid, password=password)
        further = further_members(self.claims, _OWN_CLAIMS)
        self._set(key=key, claims=further)
        subject = issuer if self.subject is None else self.subject
        claims = {"iss": issuer, **({"sub": subject} if subject else {}), **(further or {})}
        if self.target_audience is not None:
            claims["target_audience"] = self.target_audience
        return _Assertion(key, claims, self.audience, self.lifetime)

    def _supplied(self) -> _SuppliedAssertion:
        for name in ("issuer", "key", "subject", "audience", "target_audience", "alg", "kid"):
            if getattr(self, name) is not None:
                raise ConfigurationError(
                    f"{name} is for an assertion that is signed here, and assertion= is sent as it "
                    f"is: leave one of them out"
                )
        if self.claims is not None:
            raise ConfigurationError("claims cannot be added to assertion=: leave one of them out")
        return _SuppliedAssertion(SuppliedToken(self.assertion, "assertion"))

    def _token_of(self, members: Mapping[str, Any], requested_at: float) -> AccessToken:
        if self.target_audience is None:
            return super()._token_of(members, requested_at)
        value = members.get("id_token")
        if not isinstance(value, str):
            raise InvalidTokenResponse("the response to target_audience= has no id_token")
        extra = {name: member for name, member in members.items() if name != "id_token"}
        expires_at = jwt_expiry(value)  # as it says itself
        return AccessToken(value, expires_at=expires_at, issued_at=requested_at, extra=extra)

    def __repr__(self) -> str:
        names = (
            "issuer", "subject", "audience", "scope", "target_audience", "client_id", "alg", "kid",
        )  # fmt: skip
        shown = [f"{n}={getattr(self, n)!r}" for n in names if getattr(self, n)]
        if self.assertion is None:
            shown.append(f"lifetime={self.lifetime!r}")
        return f"JWTBearer({', '.join([repr(self._request.server.given_url), *shown])})"


class _Assertion:
    """A signed assertion, which is made anew for each attempt."""

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
        return (self._key.key_part, claims)

    def params(self, identity: ClientIdentity) -> Mapping[str, str]:
        fresh = {"aud": self._audience or identity.token_endpoint, **fresh_claims(self._lifetime)}
        claims = {**fresh, **self._claims}
        if claims["jti"] is None:
            del claims["jti"]
        header = {"typ": "JWT", **({"kid": self._key.kid} if self._key.kid else {})}
        return {"assertion": self._key.sign(claims, header)}


class _SuppliedAssertion:
    """An assertion that another server issued."""

    def __init__(self, supplied: SuppliedToken) -> None:
        self._supplied = supplied

    @property
    def key_part(self) -> Hashable:
        return ("supplied", self._supplied.key_part)

    def params(self, identity: ClientIdentity) -> Mapping[str, str]:
        return {"assertion": self._supplied.read()}
