"""python-gitlab: session= takes a session with the adapter."""

from __future__ import annotations

import requests

from .journey import Journey
from .packages import needed

gitlab = needed("gitlab", "python-gitlab")


def test_its_calls_carry_tokens(journey: Journey, session: requests.Session) -> None:
    client = gitlab.Gitlab(journey.url, session=session)

    def call(number: int) -> None:
        created = client.http_post("/projects", post_data={"name": f"orders-{number}"})
        assert created["path"] == "/api/api/v4/projects"

    journey.assert_whole(call)
