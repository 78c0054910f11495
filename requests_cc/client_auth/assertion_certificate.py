"""The certificate that an assertion names: ``x5t#S256`` (RFC 7515 §4.1.8)."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from ..errors import ConfigurationError
from ..settings import require
from .signing_key import SigningKey, base64url


class AssertionCertificate:
    """The certificate of a signing key.

    :param pem: str or bytes, a certificate; more may follow it.
    :raises ConfigurationError: if it is not a certificate, or the extra ``jwt`` is missing.

    Immutable, so safe to share between threads.
    """

    __slots__ = ("_certificate", "_pem", "thumbprint")

    def __init__(self, pem: str | bytes) -> None:
        x509 = require("cryptography.x509", "jwt")
        try:
            data = pem.encode() if isinstance(pem, str) else pem
            certificate: Any = x509.load_pem_x509_certificate(data)
        except Exception:  # noqa: BLE001 - its text could repeat a key that stands beside it
            certificate = None
        if certificate is None:
            raise ConfigurationError(
                "certificate is not a PEM certificate; pass the file's contents, not its path"
            )
        self._pem, self._certificate = pem, certificate
        digest = hashlib.sha256(certificate.public_bytes(_forms().Encoding.DER)).digest()
        #: SHA-256 of the certificate in DER, as base64url.
        self.thumbprint = base64url(digest)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._pem,)

    def check_key(self, key: SigningKey) -> None:
        """Check that the certificate belongs to a key.

        :param key: the key; a signer's is not known, and not checked.
        :raises ConfigurationError: if it does not.
        """
        if key.signer is not None:
            return
        form = (_forms().Encoding.DER, _forms().PublicFormat.SubjectPublicKeyInfo)
        own = key.joserfc_key.private_key.public_key().public_bytes(*form)
        if own != self._certificate.public_key().public_bytes(*form):
            raise ConfigurationError("certificate belongs to another key; pass the one of this key")

    def check_expiry(self) -> None:
        """Check that the certificate has not expired.

        :raises ConfigurationError: if it has.
        """
        end = self._certificate.not_valid_after_utc
        if time.time() > end.timestamp():
            raise ConfigurationError(
                f"certificate expired at {end:%Y-%m-%dT%H:%M:%SZ}: replace it at the authorization "
                f"server and here, or check this machine's clock"
            )


def _forms() -> Any:
    return require("cryptography.hazmat.primitives.serialization", "jwt")
