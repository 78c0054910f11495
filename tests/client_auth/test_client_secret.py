"""A secret in a file: what a message says of it, and what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from requests_cc import ConfigurationError
from requests_cc.client_auth.secret import SecretFile, required_path

JWT = "eyJhbGciOiJFUzI1NiJ9.s3cr3t.c2ln"


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY-----\ns3cr3t",
        "-----BEGIN PRIVATE KEY----- s3cr3t",
        "s3cr3t\nmore",
        "s3cr3t\r",
        ' {"d": "s3cr3t"}',
        JWT,
        "ewogImFsZyI6ICJub25lIn0.s3cr3t.",
        "eyAiYWxnIjogIm5vbmUifQ.s3cr3t.",
        "ew0KICJhbGciOiAibm9uZSJ9.s3cr3t.",
        "s3cr3t" * 43,
        "a" * 256,
    ],
)
def test_what_a_file_holds_is_not_repeated_as_its_path(text: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        SecretFile(text)()
    assert str(raised.value) == "path looks like the contents of a file; pass the file's path"
    assert raised.value.__context__ is None


@pytest.mark.parametrize(
    "path",
    [
        "client.key",
        "client.prod.pem",
        "eyes.prod.pem",
        "keys/eyJ.a.b",
        "/run/secrets/client-secret",
        "C:\\keys\\client.prod.pem",
        "a" * 255,
        "/".join(["a" * 200] * 3),
        "keys {old}/client.key",
        JWT.partition(".")[0],
    ],
)
def test_what_can_be_a_path_is_one(path: str) -> None:
    required_path(path, "path")
    required_path(Path(path), "path")


def test_a_path_that_no_file_can_have_is_named() -> None:
    with pytest.raises(
        ConfigurationError, match="cannot be read: it is not a valid path"
    ) as raised:
        SecretFile("a\0b")()
    assert raised.value.__context__ is None


def test_a_file_that_a_variable_names_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "latin"
    path.write_bytes(b"s3cret\xe9")
    with pytest.raises(ConfigurationError) as raised:
        SecretFile(path, "X_SECRET_FILE")()
    assert str(raised.value) == (
        "the file that X_SECRET_FILE names cannot be read: it is not UTF-8 text; set X_SECRET_FILE "
        "to a path, or X_SECRET to what the file should hold"
    )
    assert SecretFile(path, "X_SECRET_FILE") == SecretFile(path)
    assert repr(SecretFile(path, "X_SECRET_FILE")) == "SecretFile(variable='X_SECRET_FILE')"
    assert repr(SecretFile("a/b")) == repr(SecretFile(Path("a/b"))) == "SecretFile(path='a/b')"


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1024 * 1024 + 1)
    with pytest.raises(ConfigurationError, match="larger than 1048576 bytes"):
        SecretFile(tmp_path / "large")()
