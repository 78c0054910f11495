from __future__ import annotations

import json
import sys

import pytest

from requests_cc import AccessToken
from requests_cc.cli.get_token import in_words
from tests.support.scripts import answer
from tests.support.server import Server

from .conftest import SECRET


def test_the_token_stands_alone_on_stdout(client, cli):
    ended = cli("token")
    assert (ended.status, ended.err) == (0, "")
    value = ended.out.removesuffix("\n")
    assert client.token_requests[0].headers["Authorization"].startswith("Basic ")
    assert AccessToken(value)


def test_a_header_is_printed_whole(client, cli):
    ended = cli("token", "--header")
    assert ended.out.startswith("Authorization: Bearer ")


def test_json_has_all_members(environment, cli):
    response = {"access_token": "t0ken", "expires_in": 3600, "scope": "read", "instance": "eu1"}
    with Server(path="") as server:
        server.routes["/token"] = response
        environment.setenv("OAUTH_TOKEN_URL", f"{server.url}/token")
        environment.setenv("OAUTH_CLIENT_ID", "demo")
        ended = cli("token", "--json", "--auth", "none")
    members = json.loads(ended.out)
    assert members.pop("expires_at").endswith("Z")
    assert members == {**response, "token_type": "Bearer"}


def test_json_without_an_expiry_has_none(client, cli):
    client.token_lifetime = None
    assert set(json.loads(cli("token", "--json").out)) == {"access_token", "token_type"}


def test_on_a_terminal_stderr_has_one_more_line(client, cli, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    ended = cli("token", "--scope", "read", "--scope", "write")
    assert ended.err.startswith("Bearer, expires in 1h (")
    assert ended.err.endswith("Z), scope read write\n")
    assert client.token_requests[0].form["scope"] == ["read write"]


@pytest.mark.parametrize(
    ("granted", "asked", "words"),
    [
        (None, None, "Bearer, without an expiry"),
        ("read", None, "Bearer, without an expiry, scope read"),
        ("write read", "read", "Bearer, without an expiry, scope write read, asked for read"),
        (None, "read", "Bearer, without an expiry, scope not named, asked for read"),
    ],
)
def test_the_granted_scope_stands_beside_the_requested_one(granted, asked, words):
    assert in_words(AccessToken("t", scope=granted), asked) == words


def test_a_store_keeps_the_token_for_the_next_run(client, cli, tmp_path):
    folder = str(tmp_path / "tokens")
    first, second = cli("token", "--store", folder), cli("token", "--store", folder)
    assert first == second
    assert first.status == 0
    assert len(client.token_requests) == 1


def test_every_option_reaches_the_token_request(client, cli):
    ended = cli(
        *("token", "--auth", "client_secret_post", "--audience", "https://api.example.com"),
        *("--resource", "urn:a", "--resource", "urn:b", "--param", "account=7=x"),
        *("--client-id", "demo", "--token-url", client.token_url, "--timeout", "5 9"),
    )
    assert ended.status == 0, ended.err
    (request,) = client.token_requests
    assert request.form == {
        "grant_type": ["client_credentials"],
        "audience": ["https://api.example.com"],
        "resource": ["urn:a", "urn:b"],
        "account": ["7=x"],
        "client_id": ["demo"],
        "client_secret": [SECRET],
    }


@pytest.mark.parametrize("in_a_file", [False, True])
def test_the_secret_comes_from_a_file_or_from_standard_input(client, cli, tmp_path, in_a_file):
    (tmp_path / "secret").write_text(f"\ufeff{SECRET}\r\n")
    place = str(tmp_path / "secret") if in_a_file else "-"
    ended = cli("token", "--client-secret-file", place, stdin=f"{SECRET}\n")
    assert ended.status == 0, ended.err


@pytest.mark.parametrize("given", [["--client-secret", "hunter2"], ["--client-secret=hunter2"]])
def test_a_secret_is_never_an_argument(client, cli, given):
    ended = cli("token", *given)
    assert (ended.status, ended.out) == (2, "")
    assert "shows in the list of processes" in ended.err
    assert "hunter2" not in ended.err
    assert client.token_requests == ()


def test_a_refused_client_ends_with_78_and_no_secret(client, cli, environment):
    environment.setenv("OAUTH_CLIENT_SECRET", "hunter2")
    ended = cli("token")
    assert (ended.status, ended.out) == (78, "")
    assert ended.err.startswith("requests-cc token: invalid_client")
    assert "hunter2" not in ended.err


def test_a_busy_server_ends_with_75(client, cli):
    client.fail_next(status=429, retry_after=60)
    ended = cli("token")
    assert (ended.status, ended.out) == (75, "")


@pytest.mark.parametrize("verb", ["token", "check"])
@pytest.mark.parametrize(
    "response",
    [
        answer(b"<p>", "404 Not Found", {"Content-Type": "text/html"}),
        answer(b"<p>", "200 OK", {"Content-Type": "text/html"}),
        answer(b"", "301 Moved", {"Location": "/token/"}),
        answer({}),
    ],
)
def test_a_url_that_is_not_a_token_endpoint_has_to_be_changed(client, cli, verb, response):
    with Server(response) as other:
        assert cli(verb, "--token-url", other.url).status == 78


def test_verbose_shows_the_exchange_without_the_secret(client, cli):
    ended = cli("token", "-v")
    assert ended.err.splitlines()[:2] == [
        f"> POST {client.token_url}",
        "> Authorization: Basic …",
    ]
    assert "< 200 OK (" in ended.err
    assert ended.out.strip() not in ended.err
    assert ended.err.splitlines()[-1].startswith("Bearer, expires in 1h")


def test_verbose_names_what_kept_a_response_away(environment, cli):
    environment.setenv("OAUTH_CLIENT_SECRET", "x")
    ended = cli("token", "-v", "--token-url", "http://127.0.0.1:1/", "--client-id", "demo")
    assert ended.status == 75
    assert "< no response: ConnectionError" in ended.err
