"""The pytest fixtures ``oauth_cache``, ``oauth_server`` and ``oauth_responses``.

pytest loads this module in every test run of an environment in which requests_cc is installed.
It imports only pytest: requests and the rest of requests_cc are imported by the first test that
uses a fixture, so that a ``conftest.py`` may still patch the standard library (gevent) before.

The ini option ``requests_cc_clean_cache = true`` gives each test ``oauth_cache``, requested or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .cache.token_cache import TokenCache
    from .testing import LocalServer
    from .testing.oauth_responses import OAuthResponses

CLEAN_CACHE = "requests_cc_clean_cache"
MARKER = (
    "oauth_responses(token='token-{}', lifetime=3600, failures=(), url=...): "
    "set what the fixture oauth_responses returns for token requests"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini option."""
    parser.addini(
        CLEAN_CACHE, "give each test a new default token cache", type="bool", default=False
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and, if the ini option is set, the autouse fixture."""
    config.addinivalue_line("markers", MARKER)
    if config.getini(CLEAN_CACHE):
        config.pluginmanager.register(CleanCacheForAll())


class CleanCacheForAll:
    """The plugin that the ini option adds."""

    @pytest.fixture(autouse=True)
    def _requests_cc_clean_cache(self, oauth_cache: TokenCache) -> None:
        """Request ``oauth_cache`` for each test."""


@pytest.fixture
def oauth_cache() -> Iterator[TokenCache]:
    """Replace the default cache by a new one, so that no test uses a token of another test.

    ``oauth_server`` and ``oauth_responses`` request it too. The default cache of before is back
    after the test.
    """
    from .cache.token_cache import TokenCache, set_default_cache  # noqa: PLC0415 - module docstring

    cache = TokenCache()
    before = set_default_cache(cache)
    yield cache
    set_default_cache(before)


@pytest.fixture
def oauth_server(oauth_cache: TokenCache) -> Iterator[LocalServer]:  # noqa: ARG001 - a fixture
    """Start a :class:`~requests_cc.testing.LocalServer`: real sockets on loopback."""
    from .testing import LocalServer  # noqa: PLC0415 - module docstring

    with LocalServer() as server:
        yield server


@pytest.fixture
def oauth_responses(
    request: pytest.FixtureRequest,
    oauth_cache: TokenCache,  # noqa: ARG001 - a fixture
) -> Iterator[OAuthResponses]:
    """Activate ``responses`` with a token endpoint at each URL whose path ends in ``/token``.

    Its tokens are ``token-1``, ``token-2`` and so on; add the API's responses to it. Options are
    set with the marker ``@pytest.mark.oauth_responses(...)``: the keyword arguments of
    :class:`~requests_cc.testing.oauth_responses.OAuthResponses`. Needs the extra ``testing``.
    """
    try:
        from .testing.oauth_responses import OAuthResponses  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if error.name != "responses":
            raise
        pytest.fail(
            "The fixture oauth_responses needs the package responses. "
            'Run: python -m pip install "requests_cc[testing]"',
            pytrace=False,
        )
    marker = request.node.get_closest_marker("oauth_responses")
    mock = OAuthResponses(**(marker.kwargs if marker else {}))
    with mock:
        yield mock
