"""What all tests of the further sources share."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from requests_cc.credentials import authenticated_request


@pytest.fixture(autouse=True)
def quick_and_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy or CA bundle from outside, and little time between attempts."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr(authenticated_request, "FIRST_PAUSE", 0.01)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The paths of a client certificate and its key."""
    folder: Path = tmp_path_factory.mktemp("certificate")
    issued = trustme.CA().issue_cert("client.example.com")
    issued.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    return str(folder / "cert.pem"), str(folder / "key.pem")
