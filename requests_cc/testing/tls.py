"""Certificates for a local server with TLS (trustme)."""

from __future__ import annotations

import os
import shutil
import ssl
import tempfile
import threading
import weakref
from collections.abc import Iterable
from pathlib import Path

from requests_cc.testing.client import certificate_thumbprint
from requests_cc.testing.extras import optional


class Certificates:
    """A certificate authority of its own, with its files in a temporary folder.

    The folder is deleted with this object, or when the process ends. Safe to share between threads.

    :param trusted: PEM certificates of clients that are accepted beside those issued here.
    :raises MissingExtraError: if trustme is not installed.
    """

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._ca = optional("trustme", "testing").CA()
        self._folder = Path(tempfile.mkdtemp(prefix="requests_cc."))
        weakref.finalize(self, _delete, self._folder, os.getpid())
        self.bundle = self._folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.bundle))
        self.context = self._server_context(trusted)
        self._lock = threading.Lock()  # guards both below
        self._files: dict[str, Path] = {}
        self._issued: dict[str, str] = {}

    def client_certificate(self, client_id: str) -> Path:
        """Return a PEM file with the certificate and the key of a client; the same each time."""
        with self._lock:
            if client_id not in self._files:
                leaf = self._ca.issue_cert("client.invalid", common_name=client_id)
                path = self._folder / f"client-{len(self._files)}.pem"
                leaf.private_key_and_cert_chain_pem.write_to_path(str(path))
                self._files[client_id] = path
                der = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
                self._issued[certificate_thumbprint(der)] = client_id
            return self._files[client_id]

    def issued_to(self, thumbprint: str) -> str | None:
        """Return the client id that a certificate was issued to; None if it was not issued here."""
        with self._lock:
            return self._issued.get(thumbprint)

    def _server_context(self, trusted: Iterable[str]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        self._ca.configure_trust(context)
        # A registered certificate counts by itself, whoever issued it: RFC 8705 §2.2.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        for pem in trusted:
            context.load_verify_locations(cadata=pem)
        context.verify_mode = ssl.CERT_OPTIONAL
        return context


def _delete(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked child leaves the parent its files
        shutil.rmtree(folder, ignore_errors=True)
