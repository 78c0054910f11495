"""CacheControl: its adapter as transport= of one client, with no Vary on the token."""

from __future__ import annotations

from pathlib import Path

import requests

from .front import Front
from .journey import Journey
from .packages import needed

cachecontrol = needed("cachecontrol", "CacheControl")
file_cache = needed("cachecontrol.caches.file_cache", "CacheControl")


def test_its_adapter_does_the_sending_and_keeps_no_token(journey: Journey, tmp_path: Path) -> None:
    headers = {"Cache-Control": "private, max-age=600"}
    with Front(journey.server, {}, headers=headers) as front:
        transport = cachecontrol.CacheControlAdapter(file_cache.FileCache(str(tmp_path / "cache")))
        session = journey.mounted(requests.Session(), origins=front.url, transport=transport)

        def call(number: int) -> None:
            fresh, cached = (session.get(f"{front.url}/{number}") for _ in range(2))
            assert fresh.status_code == cached.status_code == 200
            assert not fresh.from_cache
            assert cached.from_cache
            assert cached.json()["path"] == f"/api/{number}"

        journey.assert_whole(call, stored=lambda: [tmp_path])
        assert len(list(tmp_path.rglob("*"))) > 2


def test_a_vary_on_authorization_puts_the_token_into_the_cache(
    journey: Journey, tmp_path: Path
) -> None:
    headers = {"Cache-Control": "private, max-age=600", "Vary": "Authorization"}
    with Front(journey.server, {}, headers=headers) as front:
        transport = cachecontrol.CacheControlAdapter(file_cache.FileCache(str(tmp_path)))
        session = journey.mounted(requests.Session(), origins=front.url, transport=transport)
        session.get(f"{front.url}/orders")

    (token,) = journey.tokens()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert token.encode() in kept  # as docs/ecosystem.rst says
