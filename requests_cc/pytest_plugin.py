"""Fixtures for the tests of code that uses this library; pytest finds them by itself."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import requests

from .cache.token_cache import TokenCache, set_default_cache

if TYPE_CHECKING:  # optional, or not needed in most test runs: imported when used
    import responses

    from .testing import LocalServer

TOKEN_ENDPOINT = re.compile(r"https?://[^?#]*/token(\?.*)?$")


@pytest.fixture(autouse=True)
def oauth_cache() -> Iterator[TokenCache]:
    """A clean default cache for each test, so that none is given a token of another's."""
    cache = TokenCache()
    before = set_default_cache(cache)
    yield cache
    set_default_cache(before)


@pytest.fixture
def oauth_server() -> Iterator[LocalServer]:
    """A running :class:`~requests_cc.testing.LocalServer`: real sockets on loopback."""
    from .testing import LocalServer  # noqa: PLC0415

    with LocalServer() as server:
        yield server


@pytest.fixture
def oauth_responses() -> Iterator[responses.RequestsMock]:
    """``responses``, active, with a token endpoint at every URL whose path ends in ``/token``.

    It answers with ``token-1``, ``token-2`` and so on; add the API's answers to it. Needs the
    package ``responses``.
    """
    import responses  # noqa: PLC0415

    numbers = itertools.count(1)

    def answer(_: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        token = {"access_token": f"token-{next(numbers)}", "token_type": "Bearer"}
        return 200, {}, json.dumps({**token, "expires_in": 3600})

    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add_callback(
            responses.POST, TOKEN_ENDPOINT, callback=answer, content_type="application/json"
        )
        yield mock
