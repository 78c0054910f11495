"""A client as the local server knows it."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from requests_cc.testing.jose import base64url, public_key

PublicKey: TypeAlias = "str | bytes | Mapping[str, Any]"

METHODS = (
    *("client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"),
    *("tls_client_auth", "self_signed_tls_client_auth", "none"),
)


class Client:
    """A registered client: what it authenticates with, and what it may request.

    Without a secret, a key or a certificate it is a public client, which sends only its
    ``client_id``. Safe to share between threads; its ``repr`` shows no secret.

    :param secrets: str; each of them is accepted, in Basic, in the body, or for an HMAC
        (``client_secret_jwt``, RFC 7523 §2.2).
    :param keys: its public keys, for ``private_key_jwt`` and as the issuer of assertion grants
        (RFC 7523 §2.1, §2.2): each PEM (str, bytes) or a JWK as a dict. Needs the extra ``jwt``.
    :param certificates: its own certificates, for ``self_signed_tls_client_auth`` (RFC 8705 §2.2):
        each PEM (str, bytes). Needs ``LocalServer(tls=True)``.
    :param scopes: the scopes that it may request; None: those of the server.
    :param grants: the grant types that it may use; None: those of the server.
    :param auth_methods: RFC 7591 names of the authentication methods that it may use; None: all.
    :raises ValueError: if a key, a certificate or a method is not valid.
    :raises MissingExtraError: if ``keys`` is given and joserfc is not installed.
    """

    __slots__ = ("auth_methods", "grants", "keys", "pems", "scopes", "secrets", "thumbprints")

    def __init__(
        self,
        *secrets: str,
        keys: Iterable[PublicKey] = (),
        certificates: Iterable[str | bytes] = (),
        scopes: str | Iterable[str] | None = None,
        grants: str | Iterable[str] | None = None,
        auth_methods: str | Iterable[str] | None = None,
    ) -> None:
        self.secrets = frozenset(secrets)
        self.keys = tuple(public_key(key) for key in keys)
        self.pems = tuple(_pem(certificate) for certificate in certificates)
        self.thumbprints = frozenset(
            certificate_thumbprint(ssl.PEM_cert_to_DER_cert(pem)) for pem in self.pems
        )
        self.scopes = names(scopes)
        self.grants = names(grants)
        self.auth_methods = names(auth_methods)
        if unknown := set(self.auth_methods or ()) - set(METHODS):
            raise ValueError(f"auth_methods must be of {', '.join(METHODS)}, not {min(unknown)!r}")

    @property
    def is_public(self) -> bool:
        """True if it has nothing to authenticate with; an empty secret counts as none."""
        return not (self.secrets - {""} or self.keys or self.thumbprints)

    def __repr__(self) -> str:
        counts = [
            f"{len(values)} {name}"
            for name, values in [
                ("secrets", self.secrets),
                ("keys", self.keys),
                ("certificates", self.thumbprints),
            ]
            if values
        ]
        return f"<Client {', '.join(counts) or 'public'}>"


def client_of(value: str | Sequence[str] | Client | None) -> Client:
    """Return the client that a value of ``LocalServer(clients=...)`` stands for."""
    if isinstance(value, Client):
        return value
    if value is None:
        return Client()
    return Client(value) if isinstance(value, str) else Client(*value)


def names(value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Return scopes, grant types or methods as a tuple; a str is split at white space."""
    if value is None:
        return None
    return tuple(value.split()) if isinstance(value, str) else tuple(value)


def certificate_thumbprint(der: bytes) -> str:
    """Return ``x5t#S256`` of a certificate: RFC 8705 §3.1."""
    return base64url(hashlib.sha256(der).digest())


def _pem(certificate: str | bytes) -> str:
    pem = certificate.decode("ascii", "replace") if isinstance(certificate, bytes) else certificate
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    if begin not in pem or end not in pem:
        raise ValueError("a client's certificate must be PEM: pass the file's contents")
    return pem[pem.index(begin) : pem.index(end) + len(end)] + "\n"
