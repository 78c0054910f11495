"""Options go before variables, and each setting knows where it comes from."""

from __future__ import annotations

import argparse
import getpass
import io
import os
import sys

import pytest
import trustme

from requests_cc import ConfigurationError, TLSClientAuth
from requests_cc.cli.options import add_client_options
from requests_cc.cli.output import UsageError
from requests_cc.cli.settings import Settings, Shown

URL = "https://auth.example.com/token"
VARIABLES = {
    "OAUTH_TOKEN_URL": f"{URL}?key=k3y",
    "OAUTH_CLIENT_ID": "demo",
    "OAUTH_CLIENT_SECRET": " s3cret\n",
    "OTHER": "x",
}


def settings(*arguments, variables=None):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_client_options(parser)
    return Settings(parser.parse_args(arguments), VARIABLES if variables is None else variables)


def refusal(*arguments, variables=None):
    with pytest.raises(ConfigurationError) as raised:
        settings(*arguments, variables=variables).client()
    return str(raised.value)


def test_each_setting_says_where_it_comes_from_and_no_secret():
    shown = settings("--param", "account=123", "--scope", "read", "--scope", "write").shown()
    assert shown == [
        Shown("token URL", URL, "OAUTH_TOKEN_URL"),
        Shown("client id", "demo", "OAUTH_CLIENT_ID"),
        Shown("client secret", "set, 6 characters", "OAUTH_CLIENT_SECRET"),
        Shown("scope", "read write", "--scope"),
        Shown("parameter account", "set, 3 characters", "--param"),
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [("s3cret\n", "set, 6 characters, in a file"), (None, "in a file that cannot be read")],
)
def test_a_secret_in_a_file_is_counted(tmp_path, text, value):
    path = tmp_path / "secret"
    if text is not None:
        path.write_text(text)
    shown = settings("--client-secret-file", str(path)).shown()
    assert Shown("client secret", value, "--client-secret-file") in shown
    assert str(shown).count("client secret") == 1


def test_the_secret_of_standard_input_is_its_first_line(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("from stdin\nanother line\n"))
    made = settings("--client-secret-file", "-")
    assert made.client().client_secret == "from stdin"
    assert Shown("client secret", "set, 10 characters", "--client-secret-file") in made.shown()
    assert made.named("CLIENT_SECRET") == "--client-secret-file"


def test_the_secret_of_a_pipe_is_read_once():
    reading, writing = os.pipe()
    os.write(writing, b"from a pipe\nanother line\n")
    os.close(writing)
    try:
        client = settings("--client-secret-file", f"/dev/fd/{reading}").client()
    finally:
        os.close(reading)
    assert client.client_secret == "from a pipe"


def test_a_secret_that_is_typed_is_not_shown(monkeypatch):
    typed = io.StringIO("not this")
    typed.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", typed)
    monkeypatch.setattr(getpass, "getpass", lambda prompt, stream: "typed")
    assert settings("--client-secret-file", "-").client().client_secret == "typed"


def test_an_option_replaces_the_variables_that_it_excludes():
    issuer = "https://issuer.example.com"
    server = settings("--issuer", issuer).client().server
    assert server.given_url == issuer
    variables = {**VARIABLES, "OAUTH_AUTH": "client_secret_post"}
    assert settings("--auth", "none", variables=variables).client().client_secret is None


def test_another_proof_takes_its_method_and_its_parts_along(tmp_path):
    issued = trustme.CA().issue_cert("client.example.com")
    path = tmp_path / "client.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(path)
    variables = {
        **VARIABLES,
        "OAUTH_AUTH": "client_secret_post",
        "OAUTH_KEY_ID": "k1",
        "OAUTH_CLIENT_SECRET": "",
        "OAUTH_PRIVATE_KEY_FILE": "/run/key",
    }
    made = settings("--cert", str(path), variables=variables).client()
    assert made.auth == TLSClientAuth(str(path))
    (tmp_path / "secret").write_text("x")
    made = settings("--client-secret-file", str(tmp_path / "secret"), variables=variables)
    assert made.client().auth == "client_secret_post"
    assert made.value("KEY_ID") is None


def test_what_is_missing_is_named_by_option_and_variable():
    assert refusal(variables={}) == (
        "no authorization server is set: pass --token-url URL or --issuer URL, or set "
        "OAUTH_TOKEN_URL or OAUTH_ISSUER"
    )
    assert refusal("--prefix", "X_", variables={"X_TOKEN_URL": URL}) == (
        "no client id is set: pass --client-id ID, or set X_CLIENT_ID"
    )
    assert refusal("--token-url", URL, "--client-id", "demo", variables={}) == (
        "no client secret is set: pass --client-secret-file FILE (- reads standard input), or set "
        "OAUTH_CLIENT_SECRET or OAUTH_CLIENT_SECRET_FILE; a public client passes --auth none"
    )


def test_a_prefix_without_its_underscore_is_shown_with_it():
    assert 'pass "OAUTH_"' in refusal("--prefix", "OAUTH", variables={})


def test_what_is_wrong_is_named_as_it_was_given():
    assert refusal("--token-url", "auth.example.com").startswith("--token-url is ")
    assert refusal("--client-secret-file", "/no/such/file").startswith(
        "the file that --client-secret-file names cannot be read: "
    )
    assert refusal("--timeout", "soon").startswith("--timeout is not a valid timeout")
    assert refusal("--auth", "private_key_jwt").startswith(
        "--auth=private_key_jwt needs OAUTH_PRIVATE_KEY or OAUTH_CLIENT_ASSERTION_FILE"
    )
    variables = {**VARIABLES, "OAUTH_TOKEN_URL": "", "OAUTH_TOKEN_URL_FILE": "/no/such/file"}
    made = settings(variables=variables)
    assert made.named("TOKEN_URL") == "OAUTH_TOKEN_URL_FILE"
    assert made.variable("TOKEN_URL") == "OAUTH_TOKEN_URL"


@pytest.mark.parametrize("pair", ["account", "=7"])
def test_a_parameter_has_a_name_and_a_value(pair):
    with pytest.raises(UsageError, match="--param takes NAME=VALUE"):
        settings("--param", pair)


def test_plain_http_is_a_switch():
    url = "http://auth.internal/token"
    assert "http" in refusal("--token-url", url)
    assert settings("--token-url", url, "--allow-http").client().server.allow_http
