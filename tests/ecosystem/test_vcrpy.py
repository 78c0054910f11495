"""vcrpy: cassettes hold no token or secret, and a replayed 401 still is one."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import requests

from requests_cc import TokenCache
from requests_cc.testing.cassettes import without_secrets

from .journey import BODY, Journey
from .packages import needed

vcr = needed("vcr", "vcrpy")


@pytest.fixture(autouse=True)
def vcrpy_logs_no_responses() -> None:
    """At INFO vcrpy logs each response before any filter saw it."""
    logging.getLogger("vcr").setLevel(logging.WARNING)


def test_a_cassette_is_recorded_without_tokens_and_replayed_with_its_401(
    journey: Journey, tmp_path: Path
) -> None:
    cassette = tmp_path / "orders.yaml"
    with (
        vcr.use_cassette(str(cassette), **without_secrets()),
        journey.mounted(requests.Session()) as session,
    ):
        journey.assert_whole(
            lambda number: session.post(f"{journey.url}{number}", data=BODY).raise_for_status(),
            body=BODY,
        )
    journey.assert_recorded_nowhere([cassette])
    journey.server.stop()

    with vcr.use_cassette(str(cassette), record_mode="none", **without_secrets()) as replayed:
        session = requests.Session()
        journey.cache = TokenCache()
        journey.mounted(session)
        assert session.post(f"{journey.url}1", data=BODY).json()["client_id"] == "shop"
        again = session.post(f"{journey.url}2", data=BODY)
        assert again.status_code == 200
        assert [response.status_code for response in again.history] == [401]
    assert replayed.all_played
