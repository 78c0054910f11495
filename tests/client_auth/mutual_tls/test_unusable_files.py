"""Files that hold no certificate with its key: refused early, and named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from requests_cc import ConfigurationError, TLSClientAuth

from .pem import IDENTITY, NOW, certificate, pem_of_key


def refused(match: str, cert: Any) -> ConfigurationError:
    with pytest.raises(ConfigurationError, match=match) as caught:
        TLSClientAuth(cert)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert "PRIVATE KEY" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    "cert", [None, "", 7, (), ("a",), ("a", "b", "c"), ("a", None), ("", "b"), b"a", {"a": "b"}]
)
def test_an_invalid_path_is_refused(cert: Any) -> None:
    refused("cert must be a path", cert)


def test_a_file_that_cannot_be_read_is_named(pair: tuple[Path, Path], tmp_path: Path) -> None:
    refused("none.pem cannot be read: No such file", tmp_path / "none.pem")
    refused("none.key cannot be read: No such file", (pair[0], tmp_path / "none.key"))
    refused("cannot be read: Is a directory", tmp_path)
    refused("cannot be read: it is not a valid path", "a\0b")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"-----BEGIN CERTIFICATE-----\nhello",
        b"-----BEGIN CERTIFICATE-----\na\n-----END CERTIFICATE-----\n",
        b"-----END CERTIFICATE----- -----BEGIN CERTIFICATE-----",
        pem_of_key(),
        certificate(NOW).public_bytes(Encoding.DER),
    ],
)
def test_a_file_without_a_certificate_is_named(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "client.pem"
    path.write_bytes(text)
    refused("client.pem holds no PEM certificate", path)


def test_what_openssl_does_not_take_for_a_certificate_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "client.pem"
    text = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"
    path.write_text(text + pem_of_key().decode())
    refused("OpenSSL finds no certificate .* in [^ ]*client.pem", path)


def test_a_key_that_is_not_there_is_missed(pair: tuple[Path, Path]) -> None:
    add = r"tls.crt holds no private key; pass both files: TLSClientAuth\(\(cert, key\)\)$"
    refused(add, pair[0])
    refused("the file [^ ]*tls.crt holds no PEM private key$", (pair[0], pair[0]))


def test_for_a_pair_in_the_wrong_order_the_error_shows_the_right_one(
    combined: Path, pair: tuple[Path, Path]
) -> None:
    words = (
        r"tls.key holds a key, [^ ]*tls.crt a certificate: pass \(certificate, key\) in this order"
    )
    refused(words, (pair[1], pair[0]))
    refused("tls.key holds no PEM certificate", (pair[1], pair[1]))
    assert TLSClientAuth((combined, combined))


@pytest.mark.parametrize("place", [0, 1])
def test_a_key_in_place_of_its_path_is_not_repeated(pair: tuple[Path, Path], place: int) -> None:
    words = "^cert looks like the contents of a file; pass the file's path$"
    given: list[Any] = list(pair)
    for text in (pem_of_key().decode(), pem_of_key().decode().replace("\n", " ")):
        refused(words, text)
        given[place] = text
        refused(words, tuple(given))


def test_a_key_of_another_certificate_is_refused(pair: tuple[Path, Path]) -> None:
    pair[1].write_bytes(pem_of_key(ec.generate_private_key(ec.SECP256R1())))
    refused("tls.key does not belong to the certificate in .*tls.crt", pair)


def test_an_encrypted_key_is_refused_before_any_request(pair: tuple[Path, Path]) -> None:
    pair[1].write_bytes(pem_of_key(password=b"open sesame"))
    refused("tls.key is encrypted, which requests cannot use; decrypt the file", pair)


def test_files_are_looked_at_again_for_each_token_request(pair: tuple[Path, Path]) -> None:
    auth = TLSClientAuth(pair)
    pair[1].write_bytes(pem_of_key(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(ConfigurationError, match="does not belong to the certificate"):
        auth.authenticate(IDENTITY)
    pair[1].unlink()
    with pytest.raises(ConfigurationError, match=r"tls\.key cannot be read"):
        auth.authenticate(IDENTITY)
