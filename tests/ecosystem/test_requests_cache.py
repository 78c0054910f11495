"""requests-cache: it stands above the adapter, so no token gets into its store."""

from __future__ import annotations

from pathlib import Path

from .journey import Journey
from .packages import needed

requests_cache = needed("requests_cache", "requests-cache")


def test_a_cached_session_keeps_responses_and_no_token(journey: Journey, tmp_path: Path) -> None:
    session = journey.mounted(requests_cache.CachedSession(str(tmp_path / "cache.sqlite")))

    def call(number: int) -> None:
        fresh, cached = (session.get(f"{journey.url}{number}") for _ in range(2))
        assert (fresh.from_cache, cached.from_cache) == (False, True)
        assert fresh.status_code == cached.status_code == 200

    journey.assert_whole(call, stored=lambda: [tmp_path])
    assert session.cache.responses
