from __future__ import annotations

import pytest

from tests.support.scripts import answer
from tests.support.server import Server

from .conftest import SECRET


@pytest.fixture
def issuer(environment):
    with Server(path="") as server:
        server.routes["/.well-known/oauth-authorization-server"] = {
            "issuer": server.url,
            "token_endpoint": f"{server.url}/token",
            "introspection_endpoint": f"{server.url}/introspect",
            "revocation_endpoint": f"{server.url}/revoke",
        }
        server.routes["/introspect"] = {"active": True, "exp": 4102444800, "tenant": "x"}
        server.routes["/revoke"] = answer(status="200 X")
        environment.setenv("OAUTH_CLIENT_ID", "demo")
        environment.setenv("OAUTH_CLIENT_SECRET", SECRET)
        yield server


def test_what_the_server_says_is_printed_with_its_moments(issuer, cli):
    ended = cli("introspect", "t0ken", "--issuer", issuer.url)
    assert ended.status == 0, ended.err
    assert ended.out.splitlines()[0] == "active  true"
    assert "exp     4102444800  2100-01-01T00:00:00Z, expires in " in ended.out
    assert ended.out.splitlines()[-1] == "tenant  x"
    assert b"token=t0ken" in issuer.requests[-1].body


def test_the_endpoint_can_be_given(issuer, cli):
    arguments = ("--token-url", f"{issuer.url}/token", "--endpoint", f"{issuer.url}/introspect")
    assert cli("introspect", *arguments, stdin="t0ken\n").status == 0
    arguments = ("--issuer", issuer.url, "--endpoint", f"{issuer.url}/elsewhere")
    assert cli("introspect", *arguments, stdin="t0ken\n").status == 78


def test_a_token_is_revoked_and_shown_nowhere(issuer, cli):
    ended = cli("revoke", "-v", "--issuer", issuer.url, stdin="t0ken\n")
    assert (ended.status, ended.out) == (0, "")
    assert ended.err.endswith("\nrevoked\n")
    assert "t0ken" not in ended.err
    assert issuer.requests[-1].target == "/revoke"


def test_standard_input_holds_one_thing(issuer, cli):
    ended = cli("introspect", "--issuer", issuer.url, "--client-secret-file", "-", stdin="x\ny\n")
    assert ended.status == 2
    assert "standard input cannot hold the secret and something else" in ended.err


@pytest.mark.parametrize("verb", ["introspect", "revoke"])
def test_without_an_endpoint_the_way_to_it_is_named(issuer, cli, verb):
    ended = cli(verb, "t0ken", "--token-url", f"{issuer.url}/token")
    assert ended.status == 2
    assert "endpoint is missing: pass --endpoint URL, or --issuer URL in place of" in ended.err
