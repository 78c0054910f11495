"""Sentry: no token in the local variables and breadcrumbs of an event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from .journey import BODY, Journey
from .packages import needed

sentry_sdk = needed("sentry_sdk", "sentry-sdk")


@pytest.fixture
def events() -> Iterator[list[str]]:
    """Return the events that would be sent, as JSON."""
    sent: list[str] = []

    def keep(event: Any, hint: Any) -> None:
        sent.append(json.dumps(event, default=repr))

    sentry_sdk.init(
        dsn="http://key@127.0.0.1:9/1",
        before_send=keep,
        before_send_transaction=keep,
        traces_sample_rate=1.0,
        send_default_pii=True,
        max_value_length=100_000,
    )
    yield sent
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)


def test_calls_and_their_breadcrumbs(
    journey: Journey, session: requests.Session, events: list[str]
) -> None:
    def call(_: int) -> None:
        with sentry_sdk.start_transaction(name="orders"):
            session.put(journey.url, data=BODY).raise_for_status()
        sentry_sdk.capture_message("done")

    journey.assert_whole(call, body=BODY, stored=lambda: events)
    assert len(events) == 4


def test_an_api_that_cannot_be_reached(
    journey: Journey, session: requests.Session, events: list[str]
) -> None:
    session.put(journey.url, data=BODY)
    journey.server.stop()
    with pytest.raises(requests.ConnectionError) as caught:
        session.put(journey.url, data=BODY)
    sentry_sdk.capture_exception(caught.value)

    assert "ClientCredentialsAdapter" in events[-1]
    journey.assert_recorded_nowhere(events)


def test_an_authorization_server_that_cannot_be_reached(
    journey: Journey, session: requests.Session, events: list[str]
) -> None:
    session.put(journey.url, data=BODY)
    journey.server.revoke_tokens()
    journey.server.fail_next(9, drop=True)
    with pytest.raises(requests.ConnectionError) as caught:
        session.put(journey.url, data=BODY)
    sentry_sdk.capture_exception(caught.value)

    journey.assert_recorded_nowhere(events)
