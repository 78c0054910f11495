"""A setting in a file that is not one: a pipe would keep its reader waiting for a writer."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from requests_cc import (
    AssertionFile,
    AuthorizationServer,
    ClientCredentials,
    ClientCredentialsError,
    ConfigurationError,
    TLSClientAuth,
    TokenFile,
)
from requests_cc.client_auth.secret import SecretFile
from tests.support.threads import within

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")

PATIENCE = 20.0  # seconds; a reader that waits for a writer waits for ever
SERVER = AuthorizationServer("https://auth.example.com/token")
REASON = r"cannot be read: it is not a regular file \(a pipe, as of <\(\.\.\.\), can be read only"


def with_assertion(path: Path) -> object:
    return ClientCredentials(SERVER, "me", auth=AssertionFile(path)).request_token()


READERS: dict[str, Callable[[Path], object]] = {
    "secret": lambda path: SecretFile(path)(),
    "secret of a variable": lambda path: SecretFile(path, "X_SECRET_FILE")(),
    "assertion": with_assertion,
    "token": lambda path: TokenFile(path).request_token(),
    "certificate": TLSClientAuth,
}


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def link_to_a_pipe(folder: Path) -> Path:
    (folder / "link").symlink_to(pipe(folder))
    return folder / "link"


def device(_: Path) -> Path:
    return Path("/dev/zero")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", [pipe, link_to_a_pipe, device])
def test_what_is_not_a_regular_file_is_refused_at_once(
    tmp_path: Path, reader: str, kind: Callable[[Path], Path]
) -> None:
    path = kind(tmp_path)

    def error() -> ClientCredentialsError:
        with pytest.raises(ClientCredentialsError, match=REASON) as raised:
            READERS[reader](path)
        return raised.value

    raised = within(PATIENCE, error)
    assert raised is not None, "it waits for a writer"
    assert isinstance(raised, ConfigurationError) or reader == "token"


def test_the_open_end_of_a_pipe_is_refused_without_taking_what_is_in_it() -> None:
    """As the shell passes ``<(...)``: what one request reads, the next one would miss."""
    read_end, write_end = os.pipe()
    try:
        os.write(write_end, b"s3cret")
        path = f"/dev/fd/{read_end}"
        if not os.path.exists(path):
            pytest.skip("needs /dev/fd")
        with pytest.raises(ConfigurationError, match=REASON):
            SecretFile(path, "X_SECRET_FILE")()
        assert os.read(read_end, 100) == b"s3cret"
    finally:
        os.close(read_end)
        os.close(write_end)


def test_a_projected_file_is_a_link_over_a_link_to_a_regular_file(tmp_path: Path) -> None:
    """As Kubernetes mounts secrets: secret -> ..data/secret, ..data -> ..2026_11_26."""
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026" / "secret").write_text("s3cret")
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "secret").symlink_to("..data/secret")
    assert SecretFile(tmp_path / "secret")() == "s3cret"
    assert TokenFile(tmp_path / "secret").request_token().value == "s3cret"
