"""``python -m requests_cc.testing``, and a callback for each request."""

from __future__ import annotations

import argparse
import importlib
import signal
import subprocess
import sys
from typing import Any

import pytest
import requests

from requests_cc.testing import LocalServer, RecordedRequest, Response
from requests_cc.testing.serve import add_options, exchange_line, exchanges, server_of, urls

from .clients import GRANT, bearer, request_token


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(arguments)


def test_the_command_serves_another_process_and_reports_each_request(
    http_session: requests.Session,
) -> None:
    command = [sys.executable, "-m", "requests_cc.testing", "--client", "me:s3:cret"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as ran:
        assert ran.stdout is not None
        shown = [ran.stdout.readline().split() for _ in range(5)]
        token_url, api_url = shown[1][-1], shown[-1][-1]
        token = http_session.post(token_url, data=GRANT, auth=("me", "s3:cret"))
        assert http_session.get(api_url + "a?secret=1", headers=bearer(token)).status_code == 200
        assert http_session.post(token_url, data=GRANT, auth=("me", "wrong")).status_code == 401
        lines = [ran.stdout.readline().split(maxsplit=1)[1] for _ in range(3)]
        ran.send_signal(signal.SIGINT)
        rest, errors = ran.communicate(timeout=20)
    assert lines == [
        "POST /oauth/token 200\n",
        "GET /api/a 200\n",
        "POST /oauth/token 401 invalid_client: The client's secret is wrong.\n",
    ]
    assert (ran.returncode, rest, errors) == (0, "", "")


def test_an_import_of_the_command_serves_nothing() -> None:
    importlib.import_module("requests_cc.testing.__main__")


def test_the_options_describe_the_server(http_session: requests.Session) -> None:
    chosen = options(
        *("--client", "me:old", "--client", "me:new", "--client", "public"),
        *("--scope", "read", "--scope", "write", "--lifetime", "60", "--delay", "0.01", "--jwt"),
    )
    with server_of(chosen) as server:
        for form in ({"client_secret": "old"}, {"client_secret": "new"}, {"client_id": "public"}):
            response = request_token(http_session, server, **form)
            assert response.json()["expires_in"] == 60
            assert response.json()["scope"] == "read write"
            assert response.json()["access_token"].count(".") == 2
        assert request_token(http_session, server, client_secret="other").status_code == 401
    assert server.token_delay == 0.01


def test_without_clients_every_client_is_accepted(http_session: requests.Session) -> None:
    with server_of(options("--tls")) as server:
        http_session.verify = server.ca_bundle
        assert request_token(http_session, server).status_code == 200
        assert urls(server)[-1].endswith(server.ca_bundle)


def test_requests_and_responses_are_iterated_as_they_arrive(
    server: LocalServer, http_session: requests.Session
) -> None:
    arrived = exchanges(server)
    request_token(http_session, server)
    server.fail_next(drop=True, at="api")
    with pytest.raises(requests.ConnectionError):
        http_session.get(server.api_url)
    first, second = next(arrived), next(arrived)
    assert isinstance(first[0], RecordedRequest)
    assert (first[0].method, first[1] and first[1].status) == ("POST", 200)
    assert exchange_line(*second).endswith("GET /api/ dropped")
    http_session.get(server.origin + "/elsewhere")
    assert exchange_line(*next(arrived)).endswith("GET /elsewhere 404")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"error": "x"}', b"<html>", b"\xff"])
def test_a_response_that_is_not_an_oauth_error_has_no_reason(
    server: LocalServer, http_session: requests.Session, body: Any
) -> None:
    arrived = exchanges(server)
    http_session.get(server.api_url)
    request, _ = next(arrived)
    assert exchange_line(request, Response(500, (), body)).endswith("GET /api/ 500")


def test_the_callback_stays_after_a_reset(
    server: LocalServer, http_session: requests.Session
) -> None:
    seen: list[str] = []
    server.on_response = lambda request, _: seen.append(request.path)
    server.reset()
    http_session.get(server.api_url)
    assert seen == ["/api/"]
