"""A certificate beside any client authentication method: the tokens are bound to it (RFC 8705)."""

from __future__ import annotations

import dataclasses
import pickle
import ssl
from pathlib import Path
from typing import Any

import pytest

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    ClientSecretJWT,
    ConfigurationError,
    TLSClientAuth,
    TokenCache,
)
from requests_cc.client_auth.certificate import WithCertificate
from tests.support.mtls_server import session_with, thumbprint

SECRET = "a-secret-of-thirty-two-characters"
URL = "https://auth.example.com/token"


def client(authority: Any, **settings: Any) -> ClientCredentials:
    return ClientCredentials(authority.url, "me", SECRET, **settings)


@pytest.mark.parametrize("auth", [None, "client_secret_post", ClientSecretJWT()])
def test_it_is_presented_at_both_servers_whatever_the_method(files, authority, api, auth) -> None:
    cert = files.issue()
    with session_with(client(authority, auth=auth, cert=cert), api) as session:
        assert session.get(api.origin).status_code == 200
    assert set(authority.peers + api.peers) == {thumbprint(cert)}
    (request,) = authority.requests
    proof = {"client_secret_post": b"client_secret=", None: b""}.get(auth, b"client_assertion=")
    assert proof in request.body
    assert ("Authorization" in request.headers) is (auth is None)


def test_replaced_files_are_used_from_the_next_token_on(files, authority, api) -> None:
    first = thumbprint(files.issue())
    cache = TokenCache()
    credentials = client(authority, cert=str(files.folder / "client.pem"))
    with session_with(credentials, api, cache=cache) as session:
        assert session.get(api.origin).status_code == 200
        second = thumbprint(files.issue())
        cache.invalidate(credentials)
        assert session.get(api.origin).status_code == 200
    assert authority.peers == [first, second]
    assert api.peers[-1] == second


def test_the_mtls_alias_is_where_it_is_presented(files, authority) -> None:
    server = AuthorizationServer(
        "https://127.0.0.1:1/token", mtls_endpoint_aliases={"token_endpoint": authority.url}
    )
    ClientCredentials(server, "me", SECRET, cert=files.issue()).request_token()
    assert [peer for peer in authority.peers if peer is None] == []
    assert len(authority.requests) == 1


def test_the_thumbprint_is_in_the_key(files) -> None:
    def key(cert: Path | None, **settings: Any) -> object:
        return ClientCredentials(URL, "me", SECRET, cert=cert, **settings).cache_key  # type: ignore[arg-type]

    one, other = files.issue(), files.issue("other.pem")
    copy = files.folder / "copy.pem"
    copy.write_bytes(one.read_bytes())
    assert isinstance(key(one), str)
    assert key(one) == key(copy)
    assert len({key(one), key(other), key(None), key(one, auth="client_secret_post")}) == 4


def test_a_variation_has_the_certificate_that_was_given_and_not_the_old_methods(files) -> None:
    one, other = str(files.issue()), str(files.issue("other.pem"))
    given = ClientCredentials(URL, "me", SECRET, cert=one)
    assert given.cert == one
    assert dataclasses.replace(given, scope="a").cert == one
    assert dataclasses.replace(given, cert=None).cert is None
    of_auth = ClientCredentials(URL, "me", auth=TLSClientAuth((one, one)))
    assert of_auth.cert == (one, one)
    assert dataclasses.replace(of_auth, auth=TLSClientAuth(other)).cert == other
    with_secret = dataclasses.replace(of_auth, auth=None, client_secret=SECRET)
    assert with_secret.cert is None
    for each in (given, of_auth):
        again = pickle.loads(pickle.dumps(each))
        assert (again, again.cert, again.cache_key) == (each, each.cert, each.cache_key)


def test_it_is_a_client_authentication_as_others_are(files) -> None:
    both = WithCertificate(ClientSecretJWT(), str(files.issue()))
    assert (both.method, both.needs_secret) == ("client_secret_jwt", True)


def test_two_certificates_are_refused(files) -> None:
    one = str(files.issue())
    with pytest.raises(ConfigurationError, match=r"cert is set beside auth=TLSClientAuth"):
        ClientCredentials(URL, "me", auth=TLSClientAuth(one), cert=one)


def test_a_wrong_certificate_is_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.pem cannot be read"):
        ClientCredentials(URL, "me", SECRET, cert=str(tmp_path / "none.pem"))


def test_a_method_that_needs_a_secret_needs_it_beside_a_certificate(files) -> None:
    assert files.server_context(ssl.CERT_NONE)
    with pytest.raises(ConfigurationError, match="client_secret is missing"):
        ClientCredentials(URL, "me", cert=str(files.issue()))
