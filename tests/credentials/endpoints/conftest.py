"""Each test that takes ``endpoint`` runs for all three."""

from __future__ import annotations

import pytest

from .endpoint import ENDPOINTS, Endpoint


@pytest.fixture(params=ENDPOINTS.values(), ids=ENDPOINTS)
def endpoint(request: pytest.FixtureRequest) -> Endpoint:
    found: Endpoint = request.param
    return found
