"""Keys and certificates, new for each run."""

from __future__ import annotations

import base64
import datetime
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from joserfc import jwk

CLIENT_NAME = "client.example"  # the subject alternative name that tls_client_auth goes by
_KEYS: dict[str, tuple[Any, Any]] = {
    "RS256": ("RSA", 2048),
    "PS256": ("RSA", 2048),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "EdDSA": ("OKP", "Ed25519"),
}
SIGNING_ALGORITHMS = tuple(_KEYS)


def new_key(alg: str) -> dict[str, Any]:
    """A private JWK whose ``kid`` is its thumbprint."""
    kind, size = _KEYS[alg]
    key = jwk.generate_key(kind, size)
    return {**key.as_dict(private=True), "kid": key.thumbprint(), "alg": alg}


def public_part(key: dict[str, Any]) -> dict[str, Any]:
    """A private JWK without what is private."""
    return {name: value for name, value in key.items() if name not in PRIVATE_MEMBERS}


#: RFC 7518 §6.2.2, §6.3.2; RFC 8037 §2.
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi"})


@dataclass(frozen=True)
class ClientCertificate:
    """A certificate and its key, as PEM in files of their own."""

    certificate: Path
    key: Path

    @property
    def cert(self) -> tuple[str, str]:
        """As requests takes it."""
        return str(self.certificate), str(self.key)

    @cached_property
    def x509(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.certificate.read_bytes())

    def thumbprint(self) -> str:
        """``x5t#S256`` (RFC 8705 §3.1)."""
        digest = self.x509.fingerprint(hashes.SHA256())
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def jwk(self) -> dict[str, Any]:
        """What a server registers for ``self_signed_tls_client_auth`` (RFC 8705 §2.2.2)."""
        pem = self.x509.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        der = self.x509.public_bytes(serialization.Encoding.DER)
        public = jwk.ECKey.import_key(pem).as_dict(private=False)
        return {**public, "x5c": [base64.b64encode(der).decode()]}


class Material:
    """Everything that is made once for a run.

    :param folder: where the files go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self.ca.cert_pem.write_to_path(self.ca_file)
        self.server = self._written("server", self.ca.issue_cert("127.0.0.1", "localhost"))
        self.client = self.issued("client")
        self.self_signed = self._self_signed("self-signed")
        ended = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
        began = ended - datetime.timedelta(days=30)
        self.expired = self.issued("expired", not_before=began, not_after=ended)
        self.keys = {alg: new_key(alg) for alg in SIGNING_ALGORITHMS}

    def issued(
        self,
        name: str,
        not_before: datetime.datetime | None = None,
        not_after: datetime.datetime | None = None,
    ) -> ClientCertificate:
        """A client certificate from the CA.

        :param name: of its files.
        """
        leaf = self.ca.issue_cert(CLIENT_NAME, not_before=not_before, not_after=not_after)
        return self._written(name, leaf)

    def pem(self, alg: str) -> bytes:
        """One of the keys in the form that most are kept in."""
        key: Any = jwk.import_key(self.keys[alg])
        pem: bytes = key.as_pem(private=True)
        return pem

    def _written(self, name: str, leaf: trustme.LeafCert) -> ClientCertificate:
        files = ClientCertificate(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        leaf.cert_chain_pems[0].write_to_path(files.certificate)
        leaf.private_key_pem.write_to_path(files.key)
        return files

    def _self_signed(self, name: str) -> ClientCertificate:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "self-signed client")])
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .sign(key, hashes.SHA256())
        )
        files = ClientCertificate(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return files
