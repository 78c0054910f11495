from __future__ import annotations

import signal
import socket
import subprocess
import sys

import pytest
import requests

from requests_cc.cli import serve as verb


@pytest.fixture
def serving(request):
    """A ``requests-cc serve`` in a process of its own: its first lines, and the process."""
    command = [sys.executable, "-W", "error", "-m", "requests_cc", "serve", *request.param]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    urls = {}
    while "API" not in urls:
        name, _, url = process.stdout.readline().partition(":")
        urls[name] = url.strip()
    yield urls, process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("serving", [["--client", "demo:s3cret", "--lifetime", "7"]], indirect=True)
def test_other_processes_get_tokens_from_it_and_each_request_has_a_line(serving):
    urls, process = serving
    response = requests.post(
        urls["token endpoint"],
        data={"grant_type": "client_credentials"},
        auth=("demo", "s3cret"),
        timeout=10,
    )
    assert response.json()["expires_in"] == 7
    assert process.stdout.readline().strip().endswith("POST /oauth/token 200")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert f"OAUTH_TOKEN_URL={urls['token endpoint']} OAUTH_CLIENT_ID=demo\n" in err
    assert "Traceback" not in err
    assert "s3cret" not in err


def test_in_this_process_it_serves_until_it_is_interrupted(cli, monkeypatch):
    served = []

    def serve(server, out):
        served.append(requests.get(server.api_url, timeout=10).status_code)

    monkeypatch.setattr(verb, "serve", serve)
    ended = cli("serve", "--delay", "0")
    assert (ended.status, served) == (130, [401])
    assert "OAUTH_CLIENT_ID=demo" in ended.err


def test_a_port_in_use_is_tried_again_later(cli):
    with socket.create_server(("127.0.0.1", 0)) as other:
        ended = cli("serve", "--port", str(other.getsockname()[1]))
    assert ended.status == 75
    assert "cannot be used: Address already in use" in ended.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "65536"], "--port must be from 0 to 65535"),
        (["--client", ":s3cret"], "--client takes ID:SECRET"),
    ],
)
def test_wrong_options_are_wrong_usage(cli, arguments, words):
    ended = cli("serve", *arguments)
    assert ended.status == 2
    assert words in ended.err


def test_what_the_server_refuses_is_wrong_usage(cli, monkeypatch):
    def refuse(options):
        raise ValueError("a package is missing")

    monkeypatch.setattr(verb, "server_of", refuse)
    ended = cli("serve")
    assert ended.status == 2
    assert "a package is missing" in ended.err
