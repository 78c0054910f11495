"""Several secrets, and secrets that are read anew for each token request."""

from __future__ import annotations

from pathlib import Path

import pytest

from requests_cc import ConfigurationError, InvalidClient
from requests_cc.client_auth.secret import SecretFile
from requests_cc.testing import LocalServer
from tests.support.scripts import answer
from tests.support.server import Server

from .clients import client, failure


def test_secrets_are_tried_in_order_and_the_accepted_one_goes_first_next_time() -> None:
    with LocalServer({"me": "new"}) as server:
        credentials = client(server.token_url, ["old", "new"])
        credentials.request_token()
        assert len(server.token_requests) == 2
        credentials.request_token()
        assert len(server.token_requests) == 3


def test_the_next_secret_is_tried_after_invalid_client_only() -> None:
    with Server(answer({"error": "invalid_scope"}, "400 Bad")) as server:
        failure(server.url, secret=["old", "new"])
        assert len(server.requests) == 1


def test_when_no_secret_is_accepted_the_refusal_is_raised() -> None:
    with LocalServer({"me": "other"}) as server:
        assert type(failure(server.token_url, secret=["old", "new"])) is InvalidClient
        assert len(server.token_requests) == 2


def test_a_callable_is_read_for_each_token_request() -> None:
    secrets = iter(["one", "two"])
    with LocalServer() as server:
        credentials = client(server.token_url, lambda: next(secrets), auth="client_secret_post")
        credentials.request_token()
        credentials.request_token()
        sent = [request.form["client_secret"] for request in server.token_requests]
    assert sent == [["one"], ["two"]]


def test_a_secret_file_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("one\n")
    with LocalServer() as server:
        credentials = client(server.token_url, SecretFile(path), auth="client_secret_post")
        credentials.request_token()
        path.write_text("two\n")
        credentials.request_token()
        sent = [request.form["client_secret"] for request in server.token_requests]
    assert sent == [["one"], ["two"]]


def test_what_a_users_callable_raises_passes_as_it_is() -> None:
    error = LookupError("the vault is sealed")

    def vault() -> str:
        raise error

    with pytest.raises(LookupError) as raised:
        client("http://127.0.0.1:1/token", vault).request_token()
    assert raised.value is error


@pytest.mark.parametrize("value", ["", None, 7, b"bytes", "\ud800"])
def test_a_callable_that_gives_no_secret_is_a_configuration_error(value: object) -> None:
    with pytest.raises(ConfigurationError, match="the client_secret callable"):
        client("http://127.0.0.1:1/token", lambda: value).request_token()
