"""A client proves who it is with a certificate, and is told early what is wrong with it."""

from __future__ import annotations

import hashlib
import itertools
import os
import pickle
import re
import socket
import ssl
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
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
from hypothesis import given
from hypothesis import strategies as st
from raw_server import RawServer, token

from requests_cc import AuthorizationServer, ClientCredentials, ConfigurationError, TLSClientAuth
from requests_cc.mutual_tls import _dates, stamp, thumbprint
from requests_cc.protocols import ClientIdentity

IDENTITY = ClientIdentity("me", None, "https://auth.example.com/token")
AUTHORITY = trustme.CA()
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


def refused(match: str, cert: Any) -> ConfigurationError:
    with pytest.raises(ConfigurationError, match=match) as caught:
        TLSClientAuth(cert)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "PRIVATE KEY" not in str(caught.value)
    return caught.value


# --- what it presents ---------------------------------------------------------------------------


def test_the_client_presents_its_certificate_and_the_one_that_replaced_it(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    AUTHORITY.configure_trust(context)
    AUTHORITY.issue_cert("localhost").configure_cert(context)
    bundle, path = tmp_path / "ca.pem", tmp_path / "client.pem"
    AUTHORITY.cert_pem.write_to_path(str(bundle))
    presented: list[str] = []

    def answer(connection: socket.socket) -> None:
        assert isinstance(connection, ssl.SSLSocket)
        der = connection.getpeercert(binary_form=True)
        presented.append(hashlib.sha256(der or b"").hexdigest())
        connection.sendall(token())

    expected = []
    with RawServer(answer, tls=context) as server, requests.Session() as session:
        session.verify = str(bundle)
        for _ in range(2):
            issued = AUTHORITY.issue_cert("me").private_key_and_cert_chain_pem
            path.write_bytes(issued.bytes())
            auth = TLSClientAuth(path)
            endpoint = AuthorizationServer(server.url, session=session)
            ClientCredentials(endpoint, "me", auth=auth).request_token()
            expected.append(thumbprint(str(path)))
        assert b"client_id=me" in server.requests[0]
    assert presented == expected
    assert expected[0] != expected[1]


def test_it_names_the_client_and_hands_on_the_files(
    combined: Path, pair: tuple[Path, Path]
) -> None:
    authentication = TLSClientAuth(combined).authenticate(IDENTITY)
    assert authentication.params == {"client_id": "me"}
    assert authentication.cert == str(combined)
    files = (str(pair[0]), str(pair[1]))
    assert TLSClientAuth(pair).authenticate(IDENTITY).cert == files
    assert TLSClientAuth(list(pair)).cert == files  # type: ignore[arg-type]
    assert TLSClientAuth(pair).method == "tls_client_auth"


def test_it_is_a_value(pair: tuple[Path, Path]) -> None:
    auth = TLSClientAuth(pair)
    assert auth == TLSClientAuth([str(path) for path in pair])  # type: ignore[arg-type]
    assert hash(auth) == hash(TLSClientAuth(pair))
    assert pickle.loads(pickle.dumps(auth)) == auth


# --- what names its tokens ----------------------------------------------------------------------


def test_the_certificate_and_not_its_path_names_the_tokens(
    combined: Path, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    pair[0].write_bytes(combined.read_bytes())

    def key_of(cert: Any) -> Any:
        auth = TLSClientAuth(cert)
        return ClientCredentials("https://auth.example.com/token", "me", auth=auth).cache_key

    key = key_of(combined)
    assert isinstance(key, str)
    assert key == key_of(pair)
    combined.write_bytes(pem_of(certificate(NOW + timedelta(days=2))) + pem_of_key())
    assert key != key_of(combined)


def test_the_thumbprint_is_that_of_the_first_certificate(tmp_path: Path) -> None:
    leaf, above = certificate(NOW + timedelta(days=1)), certificate(NOW + timedelta(days=9))
    path = tmp_path / "chain.pem"
    path.write_bytes(pem_of_key() + b"Subject: m\xc3\xa9\n" + pem_of(leaf) + pem_of(above))
    expected = leaf.fingerprint(hashes.SHA256()).hex()
    assert thumbprint(str(path)) == expected
    assert TLSClientAuth(path).key_part == ("tls_client_auth", expected)


def test_the_stamp_changes_with_either_file(pair: tuple[Path, Path]) -> None:
    cert = (str(pair[0]), str(pair[1]))
    before = stamp(cert)
    assert before == stamp(cert)
    for path in pair:
        os.utime(path, ns=(1, 1))
        changed = stamp(cert)
        assert changed != before
        before = changed
    aside = pair[1].with_name("aside")
    aside.write_bytes(pair[1].read_bytes())
    os.utime(aside, ns=(1, 1))
    aside.replace(pair[1])  # the same time and size: as an atomic write with a set time leaves it
    changed = stamp(cert)
    assert changed != before
    pair[0].write_bytes(b"longer" + pair[0].read_bytes())
    os.utime(pair[0], ns=(1, 1))
    assert stamp(cert) != changed
    pair[0].unlink()
    assert stamp(cert) == ()


# --- what is wrong with it ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "cert", [None, "", 7, (), ("a",), ("a", "b", "c"), ("a", None), ("", "b"), b"a", {"a": "b"}]
)
def test_what_is_no_path_is_refused(cert: Any) -> None:
    refused("cert must be a path, or a pair of paths", cert)


def test_a_file_that_cannot_be_read_is_named(pair: tuple[Path, Path], tmp_path: Path) -> None:
    refused("none.pem cannot be read: No such file", tmp_path / "none.pem")
    refused("none.key cannot be read: No such file", (pair[0], tmp_path / "none.key"))
    refused("cannot be read: Is a directory", tmp_path)
    refused("cannot be read: it is no path", "a\0b")


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
    path.write_text("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n")
    refused("OpenSSL finds no certificate .* in [^ ]*client.pem", path)


def test_a_key_that_is_not_there_is_missed(pair: tuple[Path, Path]) -> None:
    refused("finds no certificate with its private key in [^ ]*tls.crt", pair[0])


def test_a_key_of_another_certificate_is_refused(pair: tuple[Path, Path]) -> None:
    pair[1].write_bytes(pem_of_key(ec.generate_private_key(ec.SECP256R1())))
    refused("tls.key is not that of the certificate in .*tls.crt", pair)


def test_an_encrypted_key_is_refused_and_nobody_is_asked(pair: tuple[Path, Path]) -> None:
    pair[1].write_bytes(pem_of_key(password=b"open sesame"))
    refused("tls.key is encrypted, which requests cannot use: decrypt the file", pair)


def test_files_are_looked_at_again_for_each_token_request(pair: tuple[Path, Path]) -> None:
    auth = TLSClientAuth(pair)
    pair[1].write_bytes(pem_of_key(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(ConfigurationError, match="is not that of the certificate"):
        auth.authenticate(IDENTITY)
    pair[1].unlink()
    with pytest.raises(ConfigurationError, match=r"tls\.key cannot be read"):
        auth.authenticate(IDENTITY)


# --- an expired certificate ---------------------------------------------------------------------


def test_an_expired_certificate_is_named_with_its_date_before_it_is_sent(combined: Path) -> None:
    ended = datetime(2020, 2, 29, 23, 59, 58, tzinfo=timezone.utc)
    combined.write_bytes(pem_of(certificate(ended)) + pem_of_key())
    auth = TLSClientAuth(combined)  # by the time of a request it may have been replaced
    with pytest.raises(
        ConfigurationError,
        match=rf"{re.escape(str(combined))} expired at 2020-02-29T23:59:58Z: replace it.*clock",
    ):
        auth.authenticate(IDENTITY)
    combined.write_bytes(pem_of(certificate(NOW + timedelta(days=1))) + pem_of_key())
    assert auth.authenticate(IDENTITY).cert == str(combined)


def test_an_expired_certificate_that_is_self_signed_may_still_do(combined: Path) -> None:
    ended = certificate(NOW - timedelta(days=1), issuer="me", subject="me")
    combined.write_bytes(pem_of(ended) + pem_of_key())
    assert TLSClientAuth(combined).authenticate(IDENTITY).cert == str(combined)


def test_the_last_second_of_a_certificate_is_still_within(
    combined: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth, (dates,) = TLSClientAuth(combined), [dates_of(NOW + timedelta(days=1))]
    last = dates.not_after.timestamp()
    monkeypatch.setattr("requests_cc.mutual_tls.time.time", lambda: last)
    auth.authenticate(IDENTITY)
    monkeypatch.setattr("requests_cc.mutual_tls.time.time", lambda: last + 1)
    with pytest.raises(ConfigurationError, match="expired at"):
        auth.authenticate(IDENTITY)


def dates_of(not_after: datetime, **names: str) -> Any:
    dates = _dates(certificate(not_after, **names).public_bytes(Encoding.DER))
    assert dates is not None
    return dates


@given(
    st.integers(-315_000_000, 253_402_300_799).map(
        lambda seconds: datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)
    ),
    st.text("abcdefgh", min_size=1, max_size=64) | st.just("me"),
)
def test_every_date_is_read_as_cryptography_wrote_it(moment: datetime, name: str) -> None:
    dates = dates_of(moment, issuer=name, subject="me")
    assert dates.not_after == moment
    assert dates.self_signed is (name == "me")


@given(st.binary(max_size=80))
def test_what_is_no_certificate_has_no_date_and_no_crash(der: bytes) -> None:
    assert _dates(der) is None


WHOLE = certificate(NOW).public_bytes(Encoding.DER)


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_a_broken_certificate_has_some_date_or_none_and_no_crash(at: int, byte: int) -> None:
    broken = WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :]
    dates = _dates(broken)
    assert dates is None or isinstance(dates.not_after, datetime)
    _dates(WHOLE[:at])


def test_a_certificate_whose_date_cannot_be_read_is_left_to_the_server(
    combined: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = TLSClientAuth(combined)
    monkeypatch.setattr("requests_cc.mutual_tls._dates", lambda _: None)
    assert auth.authenticate(IDENTITY).cert == str(combined)


def test_files_that_are_replaced_all_the_time_are_a_pair_at_every_request(tmp_path: Path) -> None:
    first, second = (trustme.CA().issue_cert("client.example.com") for _ in range(2))
    path, stop = tmp_path / "client.pem", threading.Event()

    def replace(issued: trustme.LeafCert) -> None:
        beside = tmp_path / "new.pem"
        issued.private_key_and_cert_chain_pem.write_to_path(str(beside))
        os.replace(beside, path)

    def replace_again_and_again() -> None:
        for issued in itertools.cycle([second, first]):
            replace(issued)
            if stop.wait(0.005):
                return

    replace(first)
    replacing = threading.Thread(target=replace_again_and_again)
    replacing.start()
    try:
        auth = TLSClientAuth(str(path))
        for _ in range(100):
            auth.authenticate(ClientIdentity("me", None, "https://auth.example.com/token"))
    finally:
        stop.set()
        replacing.join()
