"""Certificates in files, and an authorization server and an API that demand one."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.mtls_server import CertificateApi, CertificateAuthority, Certificates

from .pem import NOW, certificate, pem_of, pem_of_key


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    certificates = Certificates(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.bundle))
    return certificates


@pytest.fixture
def authority(files: Certificates) -> Iterator[CertificateAuthority]:
    with CertificateAuthority(files.server_context(ssl.CERT_REQUIRED)) as running:
        yield running


@pytest.fixture
def api(files: Certificates, authority: CertificateAuthority) -> Iterator[CertificateApi]:
    with CertificateApi(authority, files.server_context(ssl.CERT_REQUIRED)) as running:
        yield running


@pytest.fixture
def combined(tmp_path: Path) -> Path:
    """Certificate and key in one file."""
    path = tmp_path / "client.pem"
    path.write_bytes(pem_of(certificate(NOW + timedelta(days=1))) + pem_of_key())
    return path


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "tls.crt", tmp_path / "tls.key"
    paths[0].write_bytes(pem_of(certificate(NOW + timedelta(days=1))))
    paths[1].write_bytes(pem_of_key())
    return paths
