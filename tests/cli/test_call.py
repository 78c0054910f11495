from __future__ import annotations

import json
import sys

import pytest

from tests.support.scripts import answer, drop, hang
from tests.support.server import Server

from .conftest import SECRET


def test_the_body_goes_to_stdout_and_the_token_to_the_api(client, cli):
    ended = cli("call", f"{client.api_url}orders")
    assert (ended.status, ended.err) == (0, "")
    assert json.loads(ended.out)["path"] == "/api/orders"
    assert json.loads(ended.out)["client_id"] == "demo"
    assert client.api_requests[0].method == "GET"


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        ('{"item": 7}', "application/json"),
        ("[]", "application/json"),
        ("a=b&c=d", "application/x-www-form-urlencoded"),
        ("7", "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_makes_it_a_post_and_json_is_sent_as_such(client, cli, data, content_type):
    assert cli("call", client.api_url, "-d", data).status == 0
    (request,) = client.api_requests
    assert (request.method, request.body) == ("POST", data.encode())
    assert request.headers["Content-Type"] == content_type


def test_method_headers_and_a_file_are_sent_as_given(client, cli, tmp_path):
    path = tmp_path / "body"
    path.write_bytes(b"\x00\xff")
    headers = ["-H", "Content-Type: text/csv", "-H", "X-Trace:7"]
    cli("call", client.api_url, "-X", "PUT", "-d", f"@{path}", *headers)
    (request,) = client.api_requests
    assert (request.method, request.body) == ("PUT", b"\x00\xff")
    assert request.headers.get_all("Content-Type") == ["text/csv"]
    assert request.headers["X-Trace"] == "7"


@pytest.mark.parametrize(("body", "shown"), [(b"{}", "{}\n"), (b"{}\n", "{}\n"), (b"", "")])
def test_on_a_terminal_the_prompt_has_a_line_of_its_own(client, cli, monkeypatch, body, shown):
    with Server(answer(body)) as api:
        assert cli("call", api.url).out == body.decode()
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        assert cli("call", api.url).out == shown


def test_standard_input_holds_one_thing(client, cli):
    ended = cli("call", client.api_url, "-d", "@-", "--client-secret-file", "-", stdin="x\ny\n")
    assert ended.status == 2
    assert client.token_requests == ()


def test_a_body_can_come_from_standard_input(client, cli):
    cli("call", client.api_url, "-d", "@-", stdin="a=b")
    assert client.api_requests[0].body == b"a=b"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-H", "X-Trace"], "-H takes NAME:VALUE"),
        (["-H", ": 7"], "-H takes NAME:VALUE"),
        (["-H", "authorization: Bearer x"], "the token goes there"),
        (["-X", "PU T"], "-X takes an HTTP method"),
        (["-X", "/"], "-X takes an HTTP method"),
        (["-d", "@/no/such/file"], "-d @/no/such/file cannot be read: No such file"),
        (["-d", "@\0"], "cannot be read: it is not a valid path"),
        (["-H", "X-Trace: a\nb"], "the URL or a header is not valid"),
    ],
)
def test_wrong_usage_sends_nothing(client, cli, arguments, words):
    ended = cli("call", client.api_url, *arguments)
    assert ended.status == 2
    assert words in ended.err
    assert client.api_requests == ()


def test_a_401_and_its_resend_are_shown_with_the_ends_of_the_tokens(client, cli):
    client.fail_next(status=401, error="invalid_token", at="api")
    ended = cli("call", "-v", f"{client.api_url}orders?key=k3y")
    assert ended.status == 0
    sent = [line for line in ended.err.splitlines() if line.startswith("> GET")]
    assert sent == [f"> GET {client.api_url}orders"] * 2
    assert ended.err.count("> Authorization: Bearer …") == 2
    assert "< 401 Unauthorized (" in ended.err
    assert '< WWW-Authenticate: Bearer realm="requests_cc.testing", error="invalid_token"' in (
        ended.err
    )
    for request in client.api_requests:
        token = request.headers["Authorization"].split()[1]
        assert token not in ended.err
        assert f"…{token[-4:]}" in ended.err
    assert SECRET not in ended.err
    assert "k3y" not in ended.err


def test_an_api_that_returns_400_or_more_ends_with_1(client, cli):
    client.fail_next(status=404, at="api")
    ended = cli("call", client.api_url)
    assert ended.status == 1
    assert "requests-cc call: the API responded 404 Not Found" in ended.err


def test_a_store_keeps_the_token_for_the_next_call(client, cli, tmp_path):
    for _ in range(3):
        assert cli("call", client.api_url, "--store", str(tmp_path / "tokens")).status == 0
    assert len(client.token_requests) == 1


def test_a_client_that_is_refused_calls_nothing(client, cli, environment):
    environment.setenv("OAUTH_CLIENT_SECRET", "hunter2")
    assert cli("call", client.api_url).status == 78
    assert client.api_requests == ()


def test_an_api_that_fails_is_tried_again_later(client, cli):
    with Server(drop) as api:
        ended = cli("call", api.url)
    assert ended.status == 75
    assert "the API failed: requests-cc check --url URL says where" in ended.err


def test_an_api_that_hangs_is_given_up(client, cli, monkeypatch):
    monkeypatch.setattr(sys.modules["requests_cc.cli.call"], "DEFAULT_TIMEOUT", 0.2)
    with Server(hang) as api:
        ended = cli("call", api.url)
    assert ended.status == 75
    assert "the API did not respond in time" in ended.err


def test_tls_of_the_api_that_fails_wants_a_person(client, cli, https_server):
    with https_server() as api:
        ended = cli("call", api.url)
    assert ended.status == 78
    assert "TLS with the API failed" in ended.err


def test_the_ca_bundle_is_for_the_api_too(client, cli, https_server, ca_bundle):
    with https_server() as api:
        ended = cli("call", "--cacert", ca_bundle, api.url)
    assert ended.status == 0, ended.err
    assert "token-1" in ended.out


def test_a_redirect_elsewhere_carries_no_token(client, cli):
    with Server(path="") as other:
        other.routes["/"] = {"here": 1}
        with Server(path="") as api:
            api.routes["/go"] = answer(b"", "302 X", {"Location": f"{other.url}/"})
            ended = cli("call", f"{api.url}/go")
        assert json.loads(ended.out) == {"here": 1}
        assert "Authorization" in api.requests[0].headers
        assert "Authorization" not in other.requests[0].headers
