"""requests-futures: a session whose calls run in threads."""

from __future__ import annotations

from .journey import BODY, Journey
from .packages import needed

sessions = needed("requests_futures.sessions", "requests-futures")


def test_its_calls_carry_tokens(journey: Journey) -> None:
    with journey.mounted(sessions.FuturesSession(max_workers=8)) as session:
        journey.assert_whole(
            lambda _: session.post(journey.url, data=BODY).result().raise_for_status(), body=BODY
        )


def test_many_at_once_make_one_token_request_and_one_more_after_a_revocation(
    journey: Journey,
) -> None:
    with journey.mounted(sessions.FuturesSession(max_workers=8)) as session:

        def call_all() -> set[int]:
            futures = [session.get(f"{journey.url}{number}") for number in range(40)]
            return {future.result().status_code for future in futures}

        assert call_all() == {200}
        journey.server.revoke_tokens()
        assert call_all() == {200}
    assert len(journey.server.token_requests) == 2
