"""A token that the client signs itself: no server, and no network."""

from __future__ import annotations

import json
import time
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import InitVar, dataclass, field
from functools import cached_property
from typing import Any

from ..access_token import AccessToken
from ..client_auth.assertion import check_lifetime
from ..client_auth.private_key import PrivateKey
from ..client_auth.secret import digest
from ..client_auth.signing_key import SigningKey, further_members
from ..errors import ConfigurationError
from ..settings import optional_text
from .parameters import audiences, cache_key, scope_text
from .source import Source
from .tracebacks import entry_point, guarded_constructor

BACKDATED = 60  # seconds, against clocks that are behind; at most a tenth of the lifetime
_OWN_CLAIMS = {
    "iss": "use issuer= instead",
    "sub": "use subject= instead",
    "aud": "use audience= instead",
    "scope": "use scope= instead",
    "exp": "use lifetime= instead",
    "iat": "it is the time at which the token is signed",
}
_OWN_HEADERS = {"alg": "use alg= instead", "kid": "use kid= instead"}


@guarded_constructor
@dataclass(frozen=True, repr=False, eq=False)
class SelfSignedJWT(Source):
    """A source of tokens that the client signs itself: Google, Snowflake, App Store Connect.

    :param key: the private key, as for :class:`PrivateKeyJWT`: PEM, a JWK, a key of cryptography or
        joserfc, or a signer.
    :param issuer: str, the ``iss`` claim; ``""``: no such claim.
    :param subject: str, the ``sub`` claim; None: no such claim.
    :param audience: str or iterable of str, the ``aud`` claim; None: no such claim. The URLs among
        them are the origins of an adapter without ``origins=``.
    :param scope: str, or iterable of str that are joined with a space: the ``scope`` claim.
    :param lifetime: float, seconds from ``iat`` to ``exp``, from one to a day. ``iat`` is a minute
        ago, or a tenth of the lifetime if that is less: the API's clock may be behind.
    :param alg: str, such as ``"PS256"``; None: a JWK's own, or one that fits the key.
    :param kid: str, the key id; ``"thumbprint"``: the key's own (RFC 7638); None: a JWK's own.
    :param headers: mapping, further members of the JOSE header; ``{"typ": None}`` leaves out
        ``typ``, which is otherwise ``JWT``.
    :param claims: mapping, further claims, as JSON can hold them.
    :param password: str or bytes, of an encrypted PEM.
    :raises ConfigurationError: if a setting is wrong, or the extra ``jwt`` is missing.

    A cache signs a new one before the old one expires, and after an API rejected one.

    Frozen: safe to share between threads. Its ``repr`` shows neither the key nor ``headers`` nor
    ``claims``. A pickle holds the key, decrypted. RFC 7519, RFC 7515.
    """

    key: PrivateKey
    issuer: str = field(kw_only=True)
    subject: str | None = field(default=None, kw_only=True)
    audience: str | Iterable[str] | None = field(default=None, kw_only=True)
    scope: str | Iterable[str] | None = field(default=None, kw_only=True)
    lifetime: float = field(default=3600, kw_only=True)
    alg: str | None = field(default=None, kw_only=True)
    kid: str | None = field(default=None, kw_only=True)
    headers: Mapping[str, Any] | None = field(default=None, kw_only=True, hash=False)
    claims: Mapping[str, Any] | None = field(default=None, kw_only=True, hash=False)
    password: InitVar[str | bytes | None] = field(default=None, kw_only=True)

    def __post_init__(self, password: str | bytes | None) -> None:
        if self.issuer is None:
            raise ConfigurationError('issuer is missing: pass the iss claim, or "" for none')
        if self.issuer != "":
            optional_text(self.issuer, "issuer")
        optional_text(self.subject, "subject")
        check_lifetime(self.lifetime)
        self._set(
            key=SigningKey(self.key, alg=self.alg, kid=self.kid, password=password),
            audience=audiences(self.audience),
            scope=scope_text(self.scope),
            headers=further_members(self.headers, _OWN_HEADERS, "headers"),
            claims=further_members(self.claims, _OWN_CLAIMS),
        )

    @entry_point
    def request_token(self) -> AccessToken:
        """Sign a new token; nothing is requested or cached.

        :returns: a new :class:`AccessToken`.
        """
        now = time.time()
        signed_at = int(now - min(BACKDATED, self.lifetime / 10))
        expires_at = signed_at + max(1, int(self.lifetime))
        times = {"iat": signed_at, "exp": expires_at}
        key: Any = self.key
        kid = {} if key.kid is None else {"kid": key.kid}
        header = {"typ": "JWT", **kid, **(self.headers or {})}
        header = {name: value for name, value in header.items() if value is not None}
        value = key.sign({**self._claims, **times}, header)
        return AccessToken(value, expires_at=float(expires_at), issued_at=now)

    @cached_property
    def cache_key(self) -> Hashable:
        """Equal only for sources whose tokens may be used in place of each other."""
        key: Any = self.key
        content = json.dumps([self._claims, self.headers, self.lifetime], sort_keys=True)
        return cache_key("self_signed", key.key_part, key.kid, digest(content))

    @property
    def label(self) -> str:
        """The issuer, as log lines and events name it."""
        return f"a token signed by {self.issuer or self.subject or 'the client'}"

    @property
    def _claims(self) -> dict[str, Any]:
        audience = self.audience
        named = {
            "iss": self.issuer or None,
            "sub": self.subject,
            "aud": list(audience) if isinstance(audience, tuple) else audience,
            "scope": self.scope,
        }
        named = {name: value for name, value in named.items() if value is not None}
        return {**named, **(self.claims or {})}

    def __repr__(self) -> str:
        names = ("issuer", "subject", "audience", "scope", "alg", "kid", "lifetime")
        settings = ", ".join(f"{n}={getattr(self, n)!r}" for n in names if getattr(self, n))
        return f"SelfSignedJWT({settings})"
