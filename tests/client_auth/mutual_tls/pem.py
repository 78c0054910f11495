"""Certificates and keys with what a test wants in them, as PEM."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from requests_cc.protocols import ClientIdentity

IDENTITY = ClientIdentity("me", None, "https://auth.example.com/token")
NOW = datetime.now(timezone.utc)
KEY = ec.generate_private_key(ec.SECP256R1())


def pem_of_key(key: Any = KEY, password: bytes | None = None) -> bytes:
    secret = NoEncryption() if password is None else BestAvailableEncryption(password)
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret)
    return pem


def certificate(
    not_after: datetime, *, issuer: str = "the authority", subject: str = "me"
) -> x509.Certificate:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(1960, 1, 1, tzinfo=timezone.utc))
        .not_valid_after(not_after)
    )
    return builder.sign(KEY, hashes.SHA256())


def pem_of(made: x509.Certificate) -> bytes:
    return made.public_bytes(Encoding.PEM)
