"""Settings from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from requests_cc import ClientCredentials, ConfigurationError
from requests_cc.environment import Environment
from requests_cc.testing import LocalServer

URL = "https://auth.example.com/token"
SETTINGS = {
    "TOKEN_URL": URL,
    "CLIENT_ID": "me",
    "CLIENT_SECRET": "s3cret",
    "AUTH": "client_secret_post",
    "SCOPE": "read write",
    "AUDIENCE": "https://api.example.com",
    "RESOURCE": "urn:a urn:b",
}
EXPECTED = ClientCredentials(
    URL,
    "me",
    "s3cret",
    auth="client_secret_post",
    scope="read write",
    audience="https://api.example.com",
    resource=["urn:a", "urn:b"],
)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in SETTINGS:
        for variable in (f"OAUTH_{name}", f"OAUTH_{name}_FILE"):
            monkeypatch.delenv(variable, raising=False)
    return monkeypatch


@pytest.mark.parametrize("prefix", ["OAUTH_", "BILLING_"])
def test_each_setting_has_a_variable(environment: pytest.MonkeyPatch, prefix: str) -> None:
    for name, value in SETTINGS.items():
        environment.setenv(f"{prefix}{name}", value)
    assert ClientCredentials.from_env(prefix) == EXPECTED


def test_three_variables_are_enough(environment: pytest.MonkeyPatch) -> None:
    for name in ("TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET"):
        environment.setenv(f"OAUTH_{name}", SETTINGS[name])
    environment.setenv("OAUTH_SCOPE", "")
    assert ClientCredentials.from_env() == ClientCredentials(URL, "me", "s3cret")


@pytest.mark.parametrize("name", SETTINGS)
def test_each_setting_can_be_in_a_file(
    environment: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    for other, value in SETTINGS.items():
        environment.setenv(f"OAUTH_{other}", value)
    path = tmp_path / name
    path.write_text(f"{SETTINGS[name]}\n")
    environment.setenv(f"OAUTH_{name}", "")
    environment.setenv(f"OAUTH_{name}_FILE", str(path))
    credentials = ClientCredentials.from_env()
    assert credentials.cache_key == ClientCredentials.from_env().cache_key
    if name == "CLIENT_SECRET":
        assert credentials.client_secret() == "s3cret"  # type: ignore[misc,operator]
        assert credentials == ClientCredentials.from_env()
    else:
        assert credentials == EXPECTED


def test_the_file_of_the_secret_is_read_anew(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "secret"
    path.write_text("old\n")
    with LocalServer() as server:
        environment.setenv("OAUTH_TOKEN_URL", server.token_url)
        environment.setenv("OAUTH_CLIENT_ID", "me")
        environment.setenv("OAUTH_AUTH", "client_secret_post")
        environment.setenv("OAUTH_CLIENT_SECRET_FILE", str(path))
        credentials = ClientCredentials.from_env()
        path.write_text("new\n")
        credentials.request_token()
        assert server.token_requests[0].form["client_secret"] == ["new"]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_that_is_given_twice_is_refused(
    environment: pytest.MonkeyPatch, name: str
) -> None:
    for other, value in SETTINGS.items():
        environment.setenv(f"OAUTH_{other}", value)
    environment.setenv(f"OAUTH_{name}_FILE", "/run/secrets/x")
    with pytest.raises(
        ConfigurationError, match=f"^OAUTH_{name} and OAUTH_{name}_FILE are both set: unset one"
    ):
        ClientCredentials.from_env()


@pytest.mark.parametrize("name", ["TOKEN_URL", "CLIENT_ID"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_setting_names_its_variable(
    environment: pytest.MonkeyPatch, name: str, value: str | None
) -> None:
    for other in {*SETTINGS} - {name}:
        environment.setenv(f"OAUTH_{other}", SETTINGS[other])
    if value is not None:
        environment.setenv(f"OAUTH_{name}", value)
    with pytest.raises(ConfigurationError, match=f"^OAUTH_{name} is missing or empty: set it, or"):
        ClientCredentials.from_env()


def test_a_missing_secret_is_said(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OAUTH_TOKEN_URL", URL)
    environment.setenv("OAUTH_CLIENT_ID", "me")
    with pytest.raises(ConfigurationError, match="client_secret is missing"):
        ClientCredentials.from_env()


def test_a_file_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ConfigurationError, match="/no/such/file cannot be read: No such file"):
        Environment("X_", {"X_SCOPE_FILE": "/no/such/file"}).text("SCOPE")
    with pytest.raises(ConfigurationError, match="/no/such/file cannot be read: No such file"):
        Environment("X_", {"X_SECRET_FILE": "/no/such/file"}).secret("SECRET")


def test_an_empty_file_of_a_secret_is_named(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_text("\n")
    with pytest.raises(ConfigurationError, match=f"X_SECRET_FILE names an empty file: {path}"):
        Environment("X_", {"X_SECRET_FILE": str(path)}).secret("SECRET")
