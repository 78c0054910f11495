"""Keys, certificates, assertions and how the server is reached, from the environment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trustme
from joserfc.jwk import ECKey

from requests_cc import (
    AssertionFile,
    AuthorizationServer,
    ClientCredentials,
    ConfigurationError,
    PrivateKeyJWT,
    TLSClientAuth,
)
from requests_cc.credentials.environment import Environment
from requests_cc.credentials.from_environment import client_arguments

URL = "https://auth.example.com/token"
SERVER = {"X_TOKEN_URL": URL, "X_CLIENT_ID": "me"}
SECRET = {**SERVER, "X_CLIENT_SECRET": "s3cret"}
KEY = ECKey.generate_key("P-256", private=True)
PEM = KEY.as_pem(private=True).decode()


def credentials(variables: dict[str, str]) -> ClientCredentials:
    return ClientCredentials(**client_arguments(Environment("X_", variables)))


def refusal(variables: dict[str, str]) -> str:
    with pytest.raises(ConfigurationError) as raised:
        credentials(variables)
    assert raised.value.__context__ is None
    return str(raised.value)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, str]:
    issued = trustme.CA().issue_cert("client.example.com")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(issued.cert_chain_pems[0].bytes())
    key.write_bytes(issued.private_key_pem.bytes())
    return str(certificate), str(key)


# --- who the client is --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", [PEM, PEM.replace("\n", "\\n"), json.dumps(KEY.as_dict(private=True))]
)
@pytest.mark.parametrize("auth", ["", "private_key_jwt"])
def test_a_private_key_signs_an_assertion(text: str, auth: str) -> None:
    made = credentials({**SERVER, "X_PRIVATE_KEY": text, "X_KEY_ID": "k1", "X_AUTH": auth})
    assert made.cache_key == ClientCredentials(URL, "me", auth=PrivateKeyJWT(PEM)).cache_key
    assert made.client_secret is None
    assert isinstance(made.auth, PrivateKeyJWT)
    assert made.auth.kid == "k1"


def test_a_private_key_can_be_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text(PEM)
    made = credentials({**SERVER, "X_PRIVATE_KEY_FILE": str(path)})
    assert made.cache_key == ClientCredentials(URL, "me", auth=PrivateKeyJWT(PEM)).cache_key


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("s3cr3t", "the private key in X_PRIVATE_KEY cannot be used: key"),
        ('{"kty": s3cr3t}', "the private key in X_PRIVATE_KEY cannot be used: it begins as a JWK"),
    ],
)
def test_a_private_key_that_cannot_be_used_is_named_and_not_shown(text: str, words: str) -> None:
    said = refusal({**SERVER, "X_PRIVATE_KEY": text})
    assert said.startswith(words)
    assert "s3cr3t" not in said


def test_the_file_of_a_private_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text("-----BEGIN PUBLIC KEY-----")
    words = "the private key in X_PRIVATE_KEY_FILE cannot be used: key is public"
    assert refusal({**SERVER, "X_PRIVATE_KEY_FILE": str(path)}).startswith(words)


def test_a_certificate_authenticates(pair: tuple[str, str], tmp_path: Path) -> None:
    names = {"X_CERTIFICATE_FILE": pair[0], "X_CERTIFICATE_KEY_FILE": pair[1]}
    for auth in ("", "tls_client_auth", "self_signed_tls_client_auth"):
        assert credentials({**SERVER, **names, "X_AUTH": auth}).auth == TLSClientAuth(pair)
    both = tmp_path / "both.pem"
    both.write_text(Path(pair[0]).read_text() + Path(pair[1]).read_text())
    made = credentials({**SERVER, "X_CERTIFICATE_FILE": str(both)})
    assert made.auth == TLSClientAuth(str(both))


def test_an_assertion_in_a_file_authenticates(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("a.b.c")
    made = credentials({**SERVER, "X_CLIENT_ASSERTION_FILE": str(path)})
    assert made.auth == AssertionFile(str(path))


def test_a_certificate_stands_beside_a_secret(pair: tuple[str, str]) -> None:
    names = {"X_CERTIFICATE_FILE": pair[0], "X_CERTIFICATE_KEY_FILE": pair[1]}
    made = credentials({**SERVER, **names, "X_CLIENT_SECRET": "secret"})
    assert (made.auth, made.client_secret, made.cert) == (None, "secret", pair)


def test_a_certificate_and_a_secret_exclude_each_other_for_tls_client_auth(
    pair: tuple[str, str],
) -> None:
    names = {"X_CERTIFICATE_FILE": pair[0], "X_CERTIFICATE_KEY_FILE": pair[1]}
    with pytest.raises(ConfigurationError, match="are both set: unset one"):
        credentials({**SERVER, **names, "X_CLIENT_SECRET": "s", "X_AUTH": "tls_client_auth"})


@pytest.mark.parametrize("name", ["CLIENT_ASSERTION_FILE", "CERTIFICATE_FILE", "CA_BUNDLE"])
def test_a_file_that_is_not_there_is_named(name: str) -> None:
    variables = SECRET if name == "CA_BUNDLE" else SERVER
    said = refusal({**variables, f"X_{name}": "/no/such/file"})
    assert said == f"X_{name} names /no/such/file, which is not there"
    said = refusal({**variables, f"X_{name}": "-----BEGIN s3cr3t"})
    assert said.startswith(f"X_{name} ")
    assert "s3cr3t" not in said


# --- what excludes each other -------------------------------------------------------------------


def test_two_proofs_of_who_the_client_is_are_one_too_many() -> None:
    said = refusal({**SECRET, "X_PRIVATE_KEY_FILE": "/run/key"})
    assert said == "X_CLIENT_SECRET and X_PRIVATE_KEY_FILE are both set: unset one"


@pytest.mark.parametrize(
    ("name", "owner"),
    [("KEY_ID", "PRIVATE_KEY"), ("CERTIFICATE_KEY_FILE", "CERTIFICATE_FILE")],
)
def test_a_part_wants_the_whole(name: str, owner: str) -> None:
    said = refusal({**SECRET, f"X_{name}": "k1"})
    assert said == f"X_{name} is set without X_{owner}: set that too, or unset X_{name}"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"X_AUTH": "none", "X_PRIVATE_KEY": "k"}, "X_AUTH=none sends no X_PRIVATE_KEY: unset"),
        (
            {"X_AUTH": "tls_client_auth", "X_CLIENT_SECRET": "s"},
            "X_AUTH=tls_client_auth needs X_CERTIFICATE_FILE: set it, and unset X_CLIENT_SECRET",
        ),
        (
            {"X_AUTH": "client_secret_post", "X_PRIVATE_KEY": "k"},
            "X_AUTH=client_secret_post needs X_CLIENT_SECRET: set it, and unset X_PRIVATE_KEY",
        ),
        (
            {"X_AUTH": "private_key_jwt"},
            "X_AUTH=private_key_jwt needs X_PRIVATE_KEY or X_CLIENT_ASSERTION_FILE: set it",
        ),
        ({"X_AUTH": "client_secret_jwt"}, "X_CLIENT_SECRET is missing: set it, or X_CLIENT_"),
    ],
)
def test_a_method_and_what_it_needs_go_together(variables: dict[str, str], words: str) -> None:
    assert refusal({**SERVER, **variables}).startswith(words)


def test_a_message_uses_the_names_that_it_is_given() -> None:
    names = {"X_CLIENT_SECRET_FILE": "--client-secret-file", "X_TOKEN_URL": "--token-url"}
    variables = {**SERVER, "X_CLIENT_SECRET_FILE": "/no/such/file"}
    with pytest.raises(ConfigurationError) as raised:
        client_arguments(Environment("X_", variables, names))
    assert str(raised.value) == (
        "the file that --client-secret-file names cannot be read: No such file or directory; set "
        "--client-secret-file to a path"
    )


# --- how the server is reached ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "timeout"), [("3", (3, 3)), ("5 30", (5, 30)), ("0.5, 2", (0.5, 2))]
)
@pytest.mark.parametrize("name", ["TOKEN_URL", "ISSUER"])
def test_a_timeout_is_one_number_or_two(name: str, text: str, timeout: tuple[float, ...]) -> None:
    variables = {f"X_{name}": URL, "X_CLIENT_ID": "me", "X_CLIENT_SECRET": "s"}
    server = credentials({**variables, "X_TIMEOUT": text}).server
    assert isinstance(server, AuthorizationServer)
    pair = server.timeout if isinstance(server.timeout, tuple) else (server.timeout,) * 2
    assert pair == timeout


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf", "1 2 3", ","])
def test_another_timeout_is_refused(text: str) -> None:
    assert refusal({**SECRET, "X_TIMEOUT": text}).startswith("X_TIMEOUT is not a valid timeout")


def test_plain_http_is_allowed_on_request() -> None:
    variables = {**SECRET, "X_TOKEN_URL": "http://auth.internal/token"}
    for value in ("", "0", "No"):
        assert refusal({**variables, "X_ALLOW_HTTP": value}) == (
            "X_TOKEN_URL ('http://auth.internal/token') uses plain http; use https://, or, if the "
            "network is trusted, set X_ALLOW_HTTP=1"
        )
    for value in ("1", "TRUE", "yes"):
        server = credentials({**variables, "X_ALLOW_HTTP": value}).server
        assert isinstance(server, AuthorizationServer)
        assert server.allow_http
    assert refusal({**variables, "X_ALLOW_HTTP": "perhaps"}).startswith("X_ALLOW_HTTP is neither")


def test_a_ca_bundle_is_for_the_authorization_server(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(path)
    server = credentials({**SECRET, "X_CA_BUNDLE": str(path)}).server
    assert isinstance(server, AuthorizationServer)
    assert server.session is not None
    assert server.session.verify == str(path)


def test_further_parameters_have_a_variable_each(tmp_path: Path) -> None:
    path = tmp_path / "id"
    path.write_text("A-1\n")
    made = credentials(
        {**SECRET, "X_PARAM_account_id_FILE": str(path), "X_PARAM_b": "c", "X_PARAM_d": ""}
    )
    assert (
        made.params
        == ClientCredentials(URL, "me", "s", params={"account_id": "A-1", "b": "c"}).params
    )
    assert credentials({**SECRET, "X_PARAM_": "x"}) == ClientCredentials(URL, "me", "s3cret")


@pytest.mark.rule(26)
@pytest.mark.parametrize("dirt", ["\ufeff{}\r\n", "  {}\n\n", "\n\ufeff {}"])
def test_a_byte_order_mark_and_white_space_are_dropped(dirt: str, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(dirt.format("s3cret").encode())
    expected = ClientCredentials(URL, "me", "s3cret")
    variables = {name: dirt.format(value) for name, value in SECRET.items()}
    assert credentials(variables) == expected
    variables = {**SERVER, "X_CLIENT_SECRET_FILE": dirt.format(path)}
    secret = credentials(variables).client_secret
    assert callable(secret)
    assert secret() == "s3cret"
