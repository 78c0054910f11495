"""Demonstrating proof of possession (RFC 9449): the key, its proofs, and the servers' nonces."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any

from requests import PreparedRequest
from requests.adapters import HTTPAdapter

from ..errors import ConfigurationError
from ..url import Origin
from .private_key import PrivateKey
from .signing_key import SigningKey, base64url

MAX_NONCES = 1024  # origins; a key is for a few
LONGEST_NONCE = 1024  # characters; it travels in a header of each request, beside the public key

_NONCE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # NQCHAR, RFC 9449 §8.1, RFC 6749 appendix A


class DPoPKey:
    """A key that access tokens are bound to, and the nonces that servers gave for its proofs.

    :param key: PEM (str or bytes, encrypted too), a JWK as a dict, or a joserfc key: RSA, EC or
        Ed25519.
    :param alg: str, a JWS algorithm (RFC 7518 §3.1); None: a JWK's own, or the default of the key.
    :param password: str or bytes, of an encrypted PEM.
    :raises ConfigurationError: if it is not a private key, or the extra ``jwt`` is missing.

    Safe to share between threads, and after a fork. Two are equal if key and algorithm are. A
    pickle holds the private key, decrypted, and no nonce. RFC 9449.
    """

    def __init__(
        self, key: PrivateKey, *, alg: str | None = None, password: str | bytes | None = None
    ) -> None:
        self._key = SigningKey(key, alg=alg, password=password)
        if self._key.signer is not None:
            raise ConfigurationError(
                "key is a signer, which does not show its public key: pass a key that this process "
                "holds, or DPoPKey.generate()"
            )
        # RFC 9449 §4.2: "jwk ... MUST NOT contain a private key"
        self._header = {"typ": "dpop+jwt", "jwk": self._key.public_jwk}
        # Each operation on it is atomic, so it needs no lock; a race can lose one nonce, and then
        # the server sends another.
        self._nonces: dict[Origin, str] = {}

    @classmethod
    def generate(cls, alg: str = "ES256") -> DPoPKey:
        """Return a new key, which exists in this process only, unless it is pickled.

        :param alg: str: ES256, ES384, ES512, EdDSA, or an RSA algorithm, for a key of 2048 bits.
        :raises ConfigurationError: if ``alg`` is not one of these, or the extra ``jwt`` is missing.
        """
        return cls(SigningKey.generate(alg))

    @property
    def thumbprint(self) -> str:
        """The thumbprint of the public key (RFC 7638): ``jkt`` in the tokens bound to it."""
        return self._key.thumbprint

    def proof(self, method: str, url: str, access_token: str | None = None) -> str:
        """Return a proof for one request, valid once (RFC 9449 §4.2).

        :param method: str, the HTTP method.
        :param url: str, the request's URL.
        :param access_token: str, the token that is sent along, or None for a token request.
        :raises ValueError: if the URL is not an absolute http(s) URL.
        """
        origin = Origin.from_url(url)
        claims: dict[str, Any] = {
            "jti": secrets.token_urlsafe(24),
            "htm": method,
            "htu": f"{origin}{_path(url)}",
            "iat": int(time.time()),
        }
        if access_token is not None:
            claims["ath"] = _ath(access_token)
        del access_token  # if the key cannot sign, the frame of this is in a traceback
        nonce = self._nonces.get(origin)
        if nonce is not None:
            claims["nonce"] = nonce
        return self._key.sign(claims, self._header)

    def take_nonce(self, url: str, headers: Mapping[str, str]) -> bool:
        """Keep the nonce of a response for the next proof (RFC 9449 §8.2, §9).

        :param url: str, the URL that the response came from.
        :param headers: mapping, of a response with any status.
        :returns: bool, whether there was a nonce. One that is not valid (RFC 9449 §8.1), or longer
            than 1024 characters, does not count.
        :raises ValueError: if there is a nonce, and the URL is not an absolute http(s) URL.
        """
        nonce = headers.get("DPoP-Nonce")
        if nonce is None or len(nonce) > LONGEST_NONCE or not _NONCE.fullmatch(nonce):
            return False
        if len(self._nonces) >= MAX_NONCES:
            self._nonces.clear()
        self._nonces[Origin.from_url(url)] = nonce
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DPoPKey) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[str, str]:
        return (self._key.thumbprint, self._key.alg)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._key,)

    def __repr__(self) -> str:
        return f"DPoPKey({self._key.alg}, thumbprint={self.thumbprint!r})"


def _ath(access_token: str) -> str:
    """Return the hash of a token, which binds a proof to it."""
    return base64url(hashlib.sha256(access_token.encode("utf-8", "surrogatepass")).digest())


def _path(url: str) -> str:
    """Return the path as requests sends it, without query and fragment.

    After an :class:`Origin`, which spells the host as the ``Host`` header does and drops a
    password, it makes the "HTTP target URI ... without query and fragment parts" (RFC 9449 §4.2).
    """
    hierarchical = url.partition("#")[0].partition("?")[0]
    after_authority = hierarchical.split("/", 3)[3:]
    path = "/" + "".join(after_authority)
    if not path.startswith("//"):
        return path
    # Before 2.34 requests sends it with one leading slash, and from then on as it is.
    request = PreparedRequest()
    request.url = url
    return HTTPAdapter().request_url(request, {}).partition("?")[0]
