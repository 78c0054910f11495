"""Each test that takes ``endpoint`` runs for all three; ``session`` is a user's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from .endpoint import ENDPOINTS, Endpoint


@pytest.fixture(params=ENDPOINTS.values(), ids=ENDPOINTS)
def endpoint(request: pytest.FixtureRequest) -> Endpoint:
    found: Endpoint = request.param
    return found


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session
