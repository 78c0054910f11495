"""What all tests of the token request, and of those beside it, share."""

from __future__ import annotations

import pytest

from requests_cc.credentials import authenticated_request


@pytest.fixture(autouse=True)
def little_time_between_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authenticated_request, "FIRST_PAUSE", 0.01)
