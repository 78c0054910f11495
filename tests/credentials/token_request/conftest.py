"""What all tests of the token request share."""

from __future__ import annotations

import pytest

from requests_cc.credentials import authenticated_request


@pytest.fixture(autouse=True)
def quick_and_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy or CA bundle from outside, and little time between attempts."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr(authenticated_request, "FIRST_PAUSE", 0.01)
