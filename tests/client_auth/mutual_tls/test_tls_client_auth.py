"""A client proves who it is with a certificate, which also names its tokens."""

from __future__ import annotations

import itertools
import os
import pickle
import ssl
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests
import trustme
from cryptography.hazmat.primitives import hashes

from requests_cc import AuthorizationServer, ClientCredentials, TLSClientAuth
from requests_cc.client_auth.certificate import stamp, thumbprint
from requests_cc.protocols import ClientIdentity
from tests.support.certificates import server_context
from tests.support.scripts import token
from tests.support.server import Server

from .pem import IDENTITY, NOW, certificate, pem_of, pem_of_key

AUTHORITY = trustme.CA()


def test_the_client_presents_its_certificate_and_the_one_that_replaced_it(tmp_path: Path) -> None:
    context = server_context(AUTHORITY, verify=ssl.CERT_REQUIRED)
    bundle, path = tmp_path / "ca.pem", tmp_path / "client.pem"
    AUTHORITY.cert_pem.write_to_path(str(bundle))

    expected = []
    with Server(token(), tls=context) as server, requests.Session() as session:
        session.verify = str(bundle)
        for _ in range(2):
            issued = AUTHORITY.issue_cert("me").private_key_and_cert_chain_pem
            path.write_bytes(issued.bytes())
            auth = TLSClientAuth(path)
            endpoint = AuthorizationServer(server.url, session=session)
            ClientCredentials(endpoint, "me", auth=auth).request_token()
            expected.append(thumbprint(str(path)))
        assert b"client_id=me" in server.requests[0].body
        assert [request.connection.peer for request in server.requests] == expected
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
    assert repr(auth) == f"TLSClientAuth({tuple(map(str, pair))})"
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
