"""A private key that signs JWTs (RFC 7515, RFC 7517)."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError
from ..settings import optional_text, require
from .private_key import LEAST_RSA_BITS, PrivateKey, key_type_of, kind_of, read
from .secret import callable_key_part
from .signer import Signer, signature_of

if TYPE_CHECKING:
    from typing import TypeGuard

BACKDATED = 5  # seconds between iat and now, at the most
THUMBPRINT = "thumbprint"  # as a kid: the key's own

# RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2: for each kind of key the algorithms that fit it; the
# first one is the default.
_ALGORITHMS = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "P-521": ("ES512",),
    "Ed25519": ("EdDSA", "Ed25519"),
}


class SigningKey:
    """A private key with its algorithm and key id.

    :param key: PEM (str or bytes, encrypted too), a JWK as a mapping, a key of joserfc or
        cryptography, another :class:`SigningKey`, or a :class:`Signer`.
    :param alg: str, a JWS algorithm (RFC 7518 §3.1); None: a JWK's own, or the default of the key.
    :param kid: str, the key id; ``"thumbprint"``: the key's own (RFC 7638); None: a JWK's own.
    :param password: str or bytes, of an encrypted PEM.
    :raises ConfigurationError: if it is not a private key, ``alg`` does not fit it, or the extra
        ``jwt`` is missing.

    Safe to share between threads, and after a fork. A pickle holds the private key, decrypted.
    """

    def __init__(
        self,
        key: PrivateKey,
        *,
        alg: str | None = None,
        kid: str | None = None,
        password: str | bytes | None = None,
    ) -> None:
        optional_text(kid, "kid")
        self.signer: Signer | None = None
        if isinstance(key, SigningKey) and key.signer is not None:
            key, kid = key.signer, kid or key.kid
        if _is_signer(key):
            self._init_of_signer(key, alg, kid, password)
            return
        if isinstance(key, SigningKey):
            native, members = key.joserfc_key.private_key, key.names
        else:
            native, members = read(key, password)
        self._kind, key_type = kind_of(native)
        #: Whether the user, or a JWK, says which algorithm it is.
        self.has_own_alg = (alg or members.get("alg")) is not None
        self.alg = _fitting(members.get("alg") if alg is None else alg, self._kind)
        # Without key id and algorithm, and made from the native key: the public members of a JWK
        # need not belong to its "d".
        self.joserfc_key: Any = key_type(native, native)
        self.thumbprint: str = self.joserfc_key.thumbprint()
        self.kid: str | None = self.thumbprint if kid == THUMBPRINT else kid or members.get("kid")
        self._signature = self._signature_with(self.alg)

    def _init_of_signer(
        self, signer: Signer, alg: str | None, kid: str | None, password: object
    ) -> None:
        known = [name for fitting in _ALGORITHMS.values() for name in fitting]
        if signer.alg not in known:
            raise ConfigurationError(
                f"the alg of a signer must be one of {', '.join(known)}, not {signer.alg!r:.20}"
            )
        if alg not in (None, signer.alg) or password is not None or kid == THUMBPRINT:
            raise ConfigurationError(
                "key is a signer, which has an alg and a kid of its own: leave out alg, password "
                'and kid="thumbprint"'
            )
        self.signer, self.alg, self.has_own_alg = signer, signer.alg, True
        self.kid = kid or optional_text(signer.kid, "the kid of a signer")
        self._signature = partial(signature_of, signer)

    def _signature_with(self, alg: str) -> Callable[[bytes], bytes]:
        # The algorithm itself, and not joserfc's jwt.encode: that warns each time for EdDSA, and a
        # warning cannot be suppressed in one thread only. Ed25519 is the same signature.
        name = "EdDSA" if self._kind == "Ed25519" else alg
        algorithm = require("joserfc.jws", "jwt").JWSRegistry.algorithms[name]
        signature: Callable[[bytes], bytes] = partial(algorithm.sign, key=self.joserfc_key)
        return signature

    @classmethod
    def generate(cls, alg: str) -> SigningKey:
        """Return a new key.

        :param alg: str, the JWS algorithm to use it with.
        :raises ConfigurationError: if ``alg`` is not known, or the extra ``jwt`` is missing.
        """
        for kind, fitting in _ALGORITHMS.items():
            if alg in fitting:
                size = LEAST_RSA_BITS if kind == "RSA" else kind
                return cls(key_type_of(kind).generate_key(size), alg=alg)
        known = ", ".join(name for fitting in _ALGORITHMS.values() for name in fitting)
        raise ConfigurationError(f"alg must be one of {known}, not {alg!r:.20}")

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The algorithms that it can sign with, the default first; one, if that was said."""
        return (self.alg,) if self.has_own_alg else _ALGORITHMS[self._kind]

    @property
    def key_part(self) -> Hashable:
        """The part of a cache key: algorithm and thumbprint; of a signer its equality."""
        signer = self.signer
        key = self.thumbprint if signer is None else callable_key_part(signer)
        return (self.alg, key)

    @property
    def public_jwk(self) -> dict[str, Any]:
        """The public key only (RFC 7517 §4)."""
        jwk: dict[str, Any] = self.joserfc_key.as_dict(private=False)
        return jwk

    @property
    def names(self) -> Mapping[str, str | None]:
        """``alg`` and ``kid``, as in a JWK."""
        return {"alg": self.alg if self.has_own_alg else None, "kid": self.kid}

    def sign(
        self, claims: Mapping[str, Any], header: Mapping[str, Any], alg: str | None = None
    ) -> str:
        """Return a compact JWT (RFC 7519 §3.1).

        :param header: mapping, in addition to ``alg``.
        :param alg: str, another of :attr:`algorithms`; None: :attr:`alg`.
        """
        if alg is None or alg == self.alg:
            return compact({"alg": self.alg, **header}, claims, self._signature)
        return compact({"alg": alg, **header}, claims, self._signature_with(alg))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SigningKey) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[Hashable, str | None]:
        return (self.key_part, self.kid)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.signer is not None:
            return partial(SigningKey, kid=self.kid), (self.signer,)
        named = {} if self.kid is None else {"kid": self.kid}
        jwk = {**self.joserfc_key.as_dict(private=True), **named}
        return partial(SigningKey, alg=self.alg if self.has_own_alg else None), (jwk,)

    def __repr__(self) -> str:
        return f"SigningKey({self.alg}, kid={self.kid!r})"


def compact(
    header: Mapping[str, Any], claims: Mapping[str, Any], signature: Callable[[bytes], bytes]
) -> str:
    """Return a compact JWT (RFC 7515 §7.1)."""
    signing_input = f"{_segment(header)}.{_segment(claims)}"
    return f"{signing_input}.{base64url(signature(signing_input.encode('ascii')))}"


def base64url(data: bytes) -> str:
    """Encode as base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def fresh_claims(lifetime: float) -> dict[str, Any]:
    """Return ``iat``, some seconds ago, ``exp`` and a new, random ``jti`` (RFC 7523 §3).

    :param lifetime: float, seconds from ``iat`` to ``exp``.
    """
    # Some servers refuse an iat that is a second ahead of their clock. exp counts from iat, since
    # others refuse a lifetime that is longer than they allow.
    iat = int(time.time()) - min(BACKDATED, int(lifetime / 10))
    return {"iat": iat, "exp": iat + int(lifetime), "jti": secrets.token_urlsafe(24)}


def further_members(
    members: object, own: Mapping[str, str], setting: str = "claims"
) -> dict[str, Any] | None:
    """Return a checked copy of further claims or headers of a JWT.

    :param members: what was set.
    :param own: mapping from the names that have a setting of their own to what to use instead.
    :param setting: str, its name in messages.
    :raises ConfigurationError: if it repeats one of those, or JSON cannot hold it.
    """
    if members is None:
        return None
    if not isinstance(members, Mapping):
        raise ConfigurationError(f"{setting} must be a mapping, or None")
    for name, advice in own.items():
        if name in members and (name, members[name]) != ("jti", None):
            raise ConfigurationError(f"{setting} repeats {name!r}: {advice}")
    try:
        copy: dict[str, Any] = json.loads(json.dumps(dict(members), allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        raise ConfigurationError(
            f"{setting} holds something that JSON cannot hold: use str, int, list, dict"
        ) from None
    return copy


def _is_signer(key: object) -> TypeGuard[Signer]:
    if isinstance(key, (SigningKey, Mapping, str, bytes)):
        return False
    return all(hasattr(key, name) for name in ("alg", "kid", "sign"))


def _segment(members: Mapping[str, Any]) -> str:
    return base64url(json.dumps(members, separators=(",", ":")).encode("ascii"))


def _fitting(alg: object, kind: str) -> str:
    fitting = _ALGORITHMS[kind]
    if alg is None:
        return fitting[0]
    if not isinstance(alg, str) or alg not in fitting:
        raise ConfigurationError(
            f"alg {alg!r} does not fit this key, {kind}: use {' or '.join(fitting)}"
        )
    return alg
