"""What people write first gets an error with the line that they want."""

from __future__ import annotations

import inspect

import pytest
import requests

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    ClientCredentialsAdapter,
    ClientCredentialsAuth,
    ConfigurationError,
    TokenCache,
    mount,
)

URL = "http://127.0.0.1:1/token"


def credentials() -> ClientCredentials:
    return ClientCredentials(URL, "client", "s3cret", audience="http://127.0.0.1:1")


def test_credentials_as_auth_are_an_error_with_the_line_to_write() -> None:
    with pytest.raises(ConfigurationError, match=r"auth=ClientCredentialsAuth\(credentials\)"):
        requests.get("http://127.0.0.1:1/", auth=credentials())  # type: ignore[arg-type]


def test_credentials_as_a_sessions_auth_are_an_error_with_the_line_to_write() -> None:
    with requests.Session() as session:
        session.auth = credentials()
        with pytest.raises(ConfigurationError, match=r"auth=ClientCredentialsAuth\(credentials\)"):
            session.get("http://127.0.0.1:1/")


def test_mounted_credentials_are_an_error_with_the_line_to_write() -> None:
    line = r"session.mount\(url, ClientCredentialsAdapter\(credentials\)\)"
    with requests.Session() as session:  # which closes what is mounted on it
        session.mount("http://127.0.0.1:1/", credentials())  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match=line):
            session.get("http://127.0.0.1:1/")


def test_a_mounted_auth_object_is_an_error_with_the_line_to_write() -> None:
    line = r"session.mount\(url, ClientCredentialsAdapter\(credentials\)\)"
    auth = ClientCredentialsAuth(credentials())
    with requests.Session() as session:  # which closes what is mounted on it
        session.mount("http://127.0.0.1:1/", auth)  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match=line):
            session.get("http://127.0.0.1:1/")
        with pytest.raises(ConfigurationError, match=r"such as ClientCredentialsAdapter\("):
            mount(session, auth)  # type: ignore[arg-type]


def test_an_adapter_as_auth_is_an_error_with_the_line_to_write() -> None:
    line = r"mount\(session, adapter\), or pass auth=ClientCredentialsAuth\(credentials\)"
    with pytest.raises(ConfigurationError, match=line):
        requests.get("http://127.0.0.1:1/", auth=ClientCredentialsAdapter(credentials()))


def test_the_lines_that_the_errors_name_run() -> None:
    ClientCredentialsAuth(credentials(), cache=TokenCache())
    ClientCredentialsAdapter(credentials(), cache=TokenCache())
    AuthorizationServer("http://auth.example.com/token", allow_http=True)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("token_url", r'ClientCredentials\("https://'),
        ("token_endpoint", r'ClientCredentials\("https://'),
        ("scopes", r"scope=\["),
        ("secret", r"client_secret="),
        ("issuer", r"AuthorizationServer\.discover"),
        ("timeout", r'AuthorizationServer\("https://.*, timeout=\.\.\.\)'),
        ("allow_http", r'AuthorizationServer\("https://.*, allow_http=\.\.\.\)'),
        ("session", r'AuthorizationServer\("https://.*, session=\.\.\.\)'),
        ("verify", r"verify of a requests\.Session.*AuthorizationServer\(.*session=session\)"),
        ("proxies", r"proxies of a requests\.Session.*AuthorizationServer\(.*session=session\)"),
        ("origins", r"ClientCredentialsAdapter\(credentials, origins="),
        ("leeway", r"TokenCache\(leeway="),
        ("store", r"TokenCache\(store="),
        ("access_token_url", r'ClientCredentials\("https://'),
        ("audiences", r"audience=\["),
        ("private_key", r"auth=PrivateKeyJWT\(key\)"),
        ("token_endpoint_auth_method", r'auth="client_secret_post"'),
        ("extra_params", r"pass params="),
    ],
)
def test_a_name_that_people_type_first_is_an_error_with_the_line_to_write(
    name: str, line: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"no setting {name}: .*{line}") as caught:
        ClientCredentials(client_id="client", client_secret="s3cret", **{name: "x"})  # type: ignore[arg-type, call-arg]
    assert caught.traceback[-1].name == "run"  # and no frame with the secret


def test_any_other_name_is_pythons_own_error() -> None:
    with pytest.raises(TypeError, match="colour"):
        ClientCredentials(URL, "client", colour="red")  # type: ignore[call-arg]


def test_the_constructor_keeps_its_signature() -> None:
    assert list(inspect.signature(ClientCredentials).parameters)[:3] == [
        "server",
        "client_id",
        "client_secret",
    ]


def test_plain_http_names_a_setting_that_is_there() -> None:
    with pytest.raises(ConfigurationError, match=r"AuthorizationServer\(url, allow_http=True\)"):
        ClientCredentials("http://auth.example.com/token", "client", "s3cret")
