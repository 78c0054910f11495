"""Settings from the environment."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path
from typing import Any

import pytest

from requests_cc import AuthorizationServer, ClientCredentials, ConfigurationError
from requests_cc.testing import LocalServer
from tests.support.server import Server

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
    for name in (*SETTINGS, "ISSUER"):
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


@pytest.mark.rule(26)
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


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_setting_names_its_variable(
    environment: pytest.MonkeyPatch, value: str | None
) -> None:
    environment.setenv("OAUTH_TOKEN_URL", URL)
    if value is not None:
        environment.setenv("OAUTH_CLIENT_ID", value)
    with pytest.raises(
        ConfigurationError, match=r"^OAUTH_CLIENT_ID is missing or empty: set it, or"
    ):
        ClientCredentials.from_env()


def test_a_missing_secret_is_reported(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OAUTH_TOKEN_URL", URL)
    environment.setenv("OAUTH_CLIENT_ID", "me")
    for method in ("", "client_secret_post"):
        environment.setenv("OAUTH_AUTH", method)
        assert refusal() == (
            "OAUTH_CLIENT_SECRET is missing: set it, or OAUTH_CLIENT_SECRET_FILE; or set what "
            "proves the client otherwise, such as OAUTH_PRIVATE_KEY"
        )
    environment.setenv("OAUTH_AUTH", "none")
    assert ClientCredentials.from_env() == ClientCredentials(URL, "me", auth="none")
    environment.setenv("OAUTH_CLIENT_SECRET", "s3cret")
    assert refusal() == "OAUTH_AUTH=none sends no OAUTH_CLIENT_SECRET: unset one of them"


def refusal(prefix: str = "OAUTH_") -> str:
    with pytest.raises(ConfigurationError) as raised:
        ClientCredentials.from_env(prefix)
    assert raised.value.__context__ is None
    return str(raised.value)


@pytest.mark.parametrize(
    "path", ["s3cr3t-pasted-here", "-----BEGIN s3cr3t", "eyJh.s3cr3t.x", "s3cr3t" * 99]
)
@pytest.mark.parametrize("name", ["CLIENT_ID", "CLIENT_SECRET", "SCOPE"])
def test_a_file_that_cannot_be_read_is_named_by_its_variable_alone(
    environment: pytest.MonkeyPatch, name: str, path: str
) -> None:
    for other in {"TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET"} - {name}:
        environment.setenv(f"OAUTH_{other}", SETTINGS[other])
    environment.setenv(f"OAUTH_{name}_FILE", path)
    reason = "File name too long" if len(path) > 255 else "No such file or directory"
    assert refusal() == (
        f"the file that OAUTH_{name}_FILE names cannot be read: {reason}; set OAUTH_{name}_FILE "
        f"to a path, or OAUTH_{name} to what the file should hold"
    )


def test_a_file_that_went_is_named_by_its_variable_at_the_token_request(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "secret"
    path.write_text("s3cret")
    environment.setenv("OAUTH_TOKEN_URL", URL)
    environment.setenv("OAUTH_CLIENT_ID", "me")
    environment.setenv("OAUTH_CLIENT_SECRET_FILE", str(path))
    credentials = pickle.loads(pickle.dumps(ClientCredentials.from_env()))
    path.unlink()
    with pytest.raises(ConfigurationError, match=r"^the file that OAUTH_CLIENT_SECRET_FILE names "):
        credentials.request_token()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("TOKEN_URL", "auth.example.com", "OAUTH_TOKEN_URL is not a valid URL: "),
        ("TOKEN_URL", "http://auth.example.com/t", "OAUTH_TOKEN_URL ('http://auth.example.com/t')"),
        ("AUTH", "s3cr3t", "OAUTH_AUTH is not a known client authentication method: use one of "),
        ("AUTH", "private_key_jwt", "OAUTH_AUTH=private_key_jwt needs OAUTH_PRIVATE_KEY or OAUTH_"),
    ],
)
@pytest.mark.parametrize("in_a_file", [False, True])
def test_a_setting_that_cannot_be_used_names_its_variable(
    environment: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    value: str,
    words: str,
    in_a_file: bool,
) -> None:
    for other in {"TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET"} - {name}:
        environment.setenv(f"OAUTH_{other}", SETTINGS[other])
    path = tmp_path / "setting"
    path.write_text(value)
    environment.setenv(
        f"OAUTH_{name}_FILE" if in_a_file else f"OAUTH_{name}", str(path) if in_a_file else value
    )
    assert refusal().startswith(words)


@pytest.mark.parametrize("prefix", [None, 7, b"OAUTH_"])
def test_a_prefix_must_be_a_text(prefix: Any) -> None:
    kind = type(prefix).__name__
    assert refusal(prefix) == f'prefix must be a str such as "OAUTH_", not {kind}'


def test_a_prefix_that_lacks_its_end_is_reported(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in SETTINGS.items():
        environment.setenv(f"BILLING_{name}", value)
        environment.setenv(f"X{name}", value)
    assert refusal("BILLING") == (
        "BILLINGTOKEN_URL (or BILLINGISSUER) is missing or empty: prefix 'BILLING' does not end "
        'in "_"; pass "BILLING_"'
    )
    assert ClientCredentials.from_env("X") == EXPECTED
    path = tmp_path / "url"
    path.write_text(URL)
    environment.setenv("XTOKEN_URL", "")
    environment.setenv("XTOKEN_URL_FILE", str(path))
    assert ClientCredentials.from_env("X") == EXPECTED
    environment.delenv("XTOKEN_URL_FILE")
    for name in ("XISSUER", "XISSUER_FILE"):
        environment.setenv(name, "/no/such/file")
        assert "does not end" not in refusal("X")
        environment.delenv(name)
    for name, value in SETTINGS.items():
        environment.setenv(name, value)
    assert ClientCredentials.from_env("") == EXPECTED
    environment.delenv("TOKEN_URL")
    assert "does not end" not in refusal("")


def test_an_empty_file_of_a_secret_is_named(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "empty"
    path.write_text("\n")
    environment.setenv("OAUTH_TOKEN_URL", URL)
    environment.setenv("OAUTH_CLIENT_ID", "me")
    environment.setenv("OAUTH_CLIENT_SECRET_FILE", str(path))
    assert refusal() == f"OAUTH_CLIENT_SECRET_FILE names an empty file: {path}"


# --- where the authorization server is ----------------------------------------------------------

ISSUER = "https://auth.example.com/tenant"


def test_an_issuer_is_as_good_as_the_token_endpoint(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OAUTH_ISSUER", ISSUER)
    environment.setenv("OAUTH_TOKEN_URL", "")
    environment.setenv("OAUTH_CLIENT_ID", "me")
    environment.setenv("OAUTH_CLIENT_SECRET", "s3cret")
    expected = ClientCredentials(AuthorizationServer.discover(ISSUER), "me", "s3cret")
    assert ClientCredentials.from_env() == expected
    assert ClientCredentials.from_env().cache_key == expected.cache_key


def test_an_issuer_can_be_in_a_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "issuer"
    path.write_text(f"{ISSUER}\n")
    environment.setenv("BILLING_ISSUER_FILE", str(path))
    environment.setenv("BILLING_CLIENT_ID", "me")
    environment.setenv("BILLING_CLIENT_SECRET", "s3cret")
    assert ClientCredentials.from_env("BILLING_") == ClientCredentials(
        AuthorizationServer.discover(ISSUER), "me", "s3cret"
    )


def test_the_issuers_metadata_names_the_endpoint_and_the_method(
    environment: pytest.MonkeyPatch,
) -> None:
    with Server(path="") as server:
        server.routes["/.well-known/oauth-authorization-server"] = {
            "issuer": server.url,
            "token_endpoint": f"{server.url}/somewhere",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }
        server.routes["/somewhere"] = {"access_token": "t0ken"}
        environment.setenv("OAUTH_ISSUER", server.url)
        environment.setenv("OAUTH_CLIENT_ID", "me")
        environment.setenv("OAUTH_CLIENT_SECRET", "s3cret")
        assert ClientCredentials.from_env().request_token().value == "t0ken"
        assert b"client_secret=s3cret" in server.requests[-1].body


@pytest.mark.parametrize("issuer", ["ISSUER", "ISSUER_FILE"])
@pytest.mark.parametrize("url", ["TOKEN_URL", "TOKEN_URL_FILE"])
def test_both_of_them_are_one_too_many(
    environment: pytest.MonkeyPatch, tmp_path: Path, issuer: str, url: str
) -> None:
    environment.setenv("OAUTH_CLIENT_ID", "me")
    environment.setenv("OAUTH_CLIENT_SECRET", "s3cret")
    for name, value in ((issuer, ISSUER), (url, URL)):
        path = tmp_path / name
        path.write_text(value)
        environment.setenv(f"OAUTH_{name}", str(path) if name.endswith("_FILE") else value)
    with pytest.raises(
        ConfigurationError, match=r"^OAUTH_TOKEN_URL and OAUTH_ISSUER are both set: unset one$"
    ):
        ClientCredentials.from_env()


@pytest.mark.parametrize("value", [None, ""])
def test_neither_of_them_names_both(environment: pytest.MonkeyPatch, value: str | None) -> None:
    environment.setenv("OAUTH_CLIENT_ID", "me")
    environment.setenv("OAUTH_CLIENT_SECRET", "s3cret")
    if value is not None:
        environment.setenv("OAUTH_TOKEN_URL", value)
        environment.setenv("OAUTH_ISSUER", value)
    with pytest.raises(
        ConfigurationError, match=r"^OAUTH_TOKEN_URL \(or OAUTH_ISSUER\) is missing or empty: "
    ):
        ClientCredentials.from_env()


@pytest.mark.parametrize("issuer", ["auth.example.com", "http://auth.example.com"])
def test_an_issuer_that_cannot_be_used_is_named(
    environment: pytest.MonkeyPatch, issuer: str
) -> None:
    environment.setenv("OAUTH_ISSUER", issuer)
    environment.setenv("OAUTH_CLIENT_ID", "me")
    with pytest.raises(ConfigurationError, match=r"^OAUTH_ISSUER "):
        ClientCredentials.from_env()


@pytest.mark.parametrize("name", ["TOKEN_URL", "ISSUER"])
def test_how_the_server_is_reached_is_set_afterwards_and_makes_no_request(
    environment: pytest.MonkeyPatch, name: str
) -> None:
    with Server(path="") as server:
        environment.setenv(f"OAUTH_{name}", server.url)
        environment.setenv("OAUTH_CLIENT_ID", "me")
        environment.setenv("OAUTH_CLIENT_SECRET", "s3cret")
        credentials = ClientCredentials.from_env()
        assert isinstance(credentials.server, AuthorizationServer)
        changed = dataclasses.replace(
            credentials, server=dataclasses.replace(credentials.server, timeout=3)
        )
        assert changed.server.timeout == (3.0, 3.0)  # type: ignore[union-attr]
        assert changed.cache_key == credentials.cache_key
        assert repr(changed) == repr(credentials)
        assert server.requests == []


# --- variables that nearly fit --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "setting"),
    [
        ("OAUTH_TOKEN_ENDPOINT", "OAUTH_TOKEN_URL"),
        ("OAUTH_TOKENURL", "OAUTH_TOKEN_URL"),
        ("OAUTH_TOKEN_URI", "OAUTH_TOKEN_URL"),
        ("OAUTH_ISUER", "OAUTH_ISSUER"),
        ("OAUTH_CLIENTID", "OAUTH_CLIENT_ID"),
        ("oauth_client_id", "OAUTH_CLIENT_ID"),
        ("OAUTH_SECRET_FILE", "OAUTH_CLIENT_SECRET_FILE"),
        ("OAUTH_CLIENT_SECRET_PATH", "OAUTH_CLIENT_SECRET_FILE"),
        ("OAUTH_CLIENT_CERT_PATH", "OAUTH_CERTIFICATE_FILE"),
        ("OAUTH_CA_FILE", "OAUTH_CA_BUNDLE"),
        ("OAUTH_ACCESS_TOKEN_URL", "OAUTH_TOKEN_URL"),
        ("OAUTH_PARAMS_tenant", "OAUTH_PARAM_tenant"),
        ("OAUTH_param_tenant", "OAUTH_PARAM_tenant"),
        ("OAUTH_CLIENT_SECRETS", "OAUTH_CLIENT_SECRET"),
    ],
)
def test_an_error_names_a_variable_that_nearly_fits(
    environment: pytest.MonkeyPatch, variable: str, setting: str
) -> None:
    environment.setenv(variable, "s3cret")
    assert refusal().endswith(f" ({variable} is not read: do you mean {setting}?)")
    assert "s3cret" not in refusal()


def test_a_variable_that_nearly_fits_is_a_warning_if_nothing_is_missing(
    environment: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in (("TOKEN_URL", URL), ("CLIENT_ID", "me"), ("CLIENT_SECRET", "s3cret")):
        environment.setenv(f"OAUTH_{name}", value)
    environment.setenv("OAUTH_REDIRECT_URI", "https://x")  # somebody else's
    environment.setenv("OAUTH_AUTHORITY", "https://x")  # where there is a token URL already
    environment.setenv("OAUTH_CERT_FILE", "/x")  # where there is a secret already
    environment.setenv("OAUTH_PARAM_SCOPES", "a")
    assert ClientCredentials.from_env()
    assert caplog.records == []
    environment.setenv("OAUTH_SCOPES", "s3cret-scope")
    assert ClientCredentials.from_env().scope is None
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == "OAUTH_SCOPES is not read: do you mean OAUTH_SCOPE?"
    environment.setenv("OAUTH_SCOPE", "a")
    caplog.clear()
    assert ClientCredentials.from_env().scope == "a"
    assert caplog.records == []


def test_without_a_prefix_no_other_programs_variable_is_named(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("SECRET", "s3cret")
    with pytest.raises(ConfigurationError) as raised:
        ClientCredentials.from_env("")
    assert "do you mean" not in str(raised.value)


@pytest.mark.rule(26)
@pytest.mark.parametrize("name", ["CLIENT_ID", "SCOPE", "AUDIENCE", "CLIENT_SECRET", "PARAM_x"])
def test_every_setting_is_cleaned_in_one_way_and_its_path_too(
    environment: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    for each, value in (("TOKEN_URL", URL), ("CLIENT_ID", "me"), ("CLIENT_SECRET", "s3cret")):
        environment.setenv(f"OAUTH_{each}", value)
    environment.delenv(f"OAUTH_{name}", raising=False)
    path = tmp_path / "setting"
    path.write_text("\ufeff  value \r\n", encoding="utf-8")
    environment.setenv(f"OAUTH_{name}_FILE", f" {path}\n")
    of_file = ClientCredentials.from_env()
    environment.delenv(f"OAUTH_{name}_FILE")
    environment.setenv(f"OAUTH_{name}", "\ufeff value\t\n")
    of_variable = ClientCredentials.from_env()
    for credentials in (of_file, of_variable):
        secret = credentials.client_secret
        found = {
            "CLIENT_ID": credentials.client_id,
            "SCOPE": credentials.scope,
            "AUDIENCE": credentials.audience,
            "CLIENT_SECRET": secret() if callable(secret) else secret,
            "PARAM_x": credentials.params.get("x"),
        }
        assert found[name] == "value"


@pytest.mark.rule(26)
def test_files_with_a_byte_order_mark_and_line_ends_get_a_token(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with LocalServer({"me": "s3cret"}) as server:
        settings = {"TOKEN_URL": server.token_url, "CLIENT_ID": "me", "CLIENT_SECRET": "s3cret"}
        for name, value in settings.items():
            (tmp_path / name).write_text(f"\ufeff{value}\r\n", encoding="utf-8")
            environment.setenv(f"OAUTH_{name}_FILE", f"{tmp_path / name}\n")
        assert ClientCredentials.from_env().request_token().value
        assert len(server.token_requests) == 1


@pytest.mark.rule(26)
@pytest.mark.parametrize("secret", ["s3cret\n", "s3cret\r\n", "s3\rcret"])
def test_a_secret_with_a_line_end_is_refused_and_not_shown(secret: str) -> None:
    for given in (secret, ["x", secret]):
        with pytest.raises(ConfigurationError, match="holds a line end; remove it") as raised:
            ClientCredentials(URL, "me", given)
        assert "s3" not in str(raised.value)
    with pytest.raises(ConfigurationError, match="callable returned holds a line end"):
        ClientCredentials(URL, "me", lambda: secret).request_token()


@pytest.mark.rule(26)
@pytest.mark.parametrize("setting", ["server", "client_id", "scope", "audience", "resource"])
def test_a_setting_that_was_read_with_its_line_end_is_refused(setting: str) -> None:
    settings = {"server": URL, "client_id": "me", "client_secret": "s3cret"}
    with pytest.raises(ConfigurationError, match=f"{setting} holds a line end; remove it"):
        ClientCredentials(**{**settings, setting: f"{URL}\n"})  # type: ignore[arg-type]


@pytest.mark.rule(26)
def test_a_file_with_two_secrets_is_named_as_it_was_set(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "secret"
    path.write_text("one\ntwo\n")
    for name, value in (("TOKEN_URL", URL), ("CLIENT_ID", "me"), ("CLIENT_SECRET_FILE", str(path))):
        environment.setenv(f"OAUTH_{name}", value)
    with pytest.raises(
        ConfigurationError, match=r"^the text in OAUTH_CLIENT_SECRET_FILE holds a line end"
    ):
        ClientCredentials.from_env().request_token()


def test_a_parameter_with_a_setting_of_its_own_names_the_variable(
    environment: pytest.MonkeyPatch,
) -> None:
    for name, value in (("TOKEN_URL", URL), ("CLIENT_ID", "me"), ("CLIENT_SECRET", "s3cret")):
        environment.setenv(f"OAUTH_{name}", value)
    environment.setenv("OAUTH_PARAM_scope", "read")
    assert refusal().startswith("OAUTH_PARAM_scope repeats the parameter scope, ")


def test_several_scopes_may_stand_on_lines_of_their_own(environment: pytest.MonkeyPatch) -> None:
    for name, value in (("TOKEN_URL", URL), ("CLIENT_ID", "me"), ("CLIENT_SECRET", "s3cret")):
        environment.setenv(f"OAUTH_{name}", value)
    environment.setenv("OAUTH_SCOPE", "read\r\nwrite  admin\n")
    assert ClientCredentials.from_env().scope == "read write admin"


def test_several_audiences_have_a_space_between_them(environment: pytest.MonkeyPatch) -> None:
    for name, value in (("TOKEN_URL", URL), ("CLIENT_ID", "me"), ("CLIENT_SECRET", "s3cret")):
        environment.setenv(f"OAUTH_{name}", value)
    environment.setenv("OAUTH_AUDIENCE", " https://a.example  https://b.example ")
    assert ClientCredentials.from_env().audience == ("https://a.example", "https://b.example")
    environment.setenv("OAUTH_AUDIENCE", "https://a.example")
    assert ClientCredentials.from_env().audience == "https://a.example"
