"""A cache on a manual clock, a source of tokens, and a store of plain dicts."""

from __future__ import annotations

import pytest

from requests_cc import TokenCache
from tests.support.plain_stores import DictStore
from tests.support.sources import ManualClock, Source


@pytest.fixture
def cache(clock: ManualClock) -> TokenCache:
    return TokenCache(clock=clock)


@pytest.fixture
def source(clock: ManualClock) -> Source:
    return Source(clock)


@pytest.fixture
def store(clock: ManualClock) -> DictStore:
    return DictStore(clock)
