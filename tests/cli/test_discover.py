from __future__ import annotations

import pytest

from tests.support.scripts import answer
from tests.support.server import Server


def metadata(server, **members):
    server.routes["/.well-known/openid-configuration"] = {
        "issuer": server.url,
        "token_endpoint": f"{server.url}/token",
        **members,
    }


@pytest.fixture
def server():
    with Server(path="") as running:
        yield running


def test_endpoints_methods_algorithms_and_the_choice_are_shown(server, cli):
    metadata(
        server,
        jwks_uri=f"{server.url}/keys",
        token_endpoint_auth_methods_supported=["private_key_jwt", "client_secret_post", "none"],
        token_endpoint_auth_signing_alg_values_supported=["ES256", "PS256"],
        grant_types_supported=["client_credentials"],
        scopes_supported="not a list",
    )
    ended = cli("discover", server.url)
    assert (ended.status, ended.err) == (0, "")
    rows = [line.split(maxsplit=2) for line in ended.out.replace("  a", " a").splitlines()]
    assert ended.out.splitlines()[:3] == [
        f"issuer                     {server.url}",
        f"metadata                   {server.url}/.well-known/openid-configuration",
        f"token endpoint             {server.url}/token",
    ]
    assert ["jwks", "uri", f"{server.url}/keys"] in rows
    assert "client authentication      private_key_jwt client_secret_post none" in ended.out
    assert "  algorithms of assertions ES256 PS256" in ended.out
    assert "grants                     client_credentials" in ended.out
    assert "scopes" not in ended.out
    assert ended.out.splitlines()[-4:] == [
        "ClientCredentials would use",
        "  with a secret            client_secret_post",
        '  public client            --auth none, auth="none"',
        "  with a private key       --private-key-file, auth=PrivateKeyJWT(key)",
    ]


def test_a_server_that_takes_no_secret_says_so(server, cli):
    metadata(server, token_endpoint_auth_methods_supported=["tls_client_auth"])
    ended = cli("discover", server.url, "-v")
    assert "nothing: the server does not accept a secret" in ended.out
    assert f"> GET {server.url}/.well-known/openid-configuration" in ended.err


def test_the_documents_own_url_will_do(server, cli):
    metadata(server)
    ended = cli("discover", f"{server.url}/.well-known/openid-configuration")
    assert "  with a secret            client_secret_basic" in ended.out


@pytest.mark.parametrize("second", [answer(b"[]", "200 X"), answer(b"not JSON", "200 X")])
def test_a_document_that_changes_under_us_is_shown_as_far_as_it_goes(server, cli, second):
    metadata(server)
    document = server.routes["/.well-known/openid-configuration"]
    documents = iter([document, second])
    server.routes["/.well-known/openid-configuration"] = lambda request: next(documents)
    ended = cli("discover", server.url)
    assert ended.status == 0
    assert "token endpoint" not in ended.out


def test_a_server_without_metadata_ends_with_what_was_tried(server, cli):
    ended = cli("discover", server.url)
    assert ended.status == 78
    assert "/.well-known/oauth-authorization-server" in ended.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["http://auth.internal"], "if the network is trusted, pass --allow-http"),
        (["https://localhost:1", "--cacert", "-----BEGIN s3cr3t"], "--cacert"),
        (["https://localhost:1", "--cacert", "/no/such/file"], "which is not there"),
    ],
)
def test_a_setting_that_is_wrong_wants_a_person(cli, arguments, words):
    ended = cli("discover", *arguments)
    assert ended.status == 78
    assert words in ended.err
    assert "s3cr3t" not in ended.err
