"""gevent, patched before or after the library is imported; grequests."""

from __future__ import annotations

from pathlib import Path

import pytest

from .journey import Journey
from .packages import installed
from .program import Program

installed("gevent")
installed("grequests")

PATCHED = [(when, what) for when in ("before", "after") for what in ("all", "all but threads")]


@pytest.mark.parametrize(("when", "what"), PATCHED)
def test_greenlets_call_with_one_token_request_and_one_more_after_a_revocation(
    journey: Journey, tmp_path: Path, when: str, what: str
) -> None:
    with Program(journey, tmp_path, "gevent_patched.py", when, what, variables={}) as program:
        assert program.call(50) == "{200}"
        journey.server.revoke_tokens()
        assert program.call(50) == "{200}"
    assert len(journey.server.token_requests) == 2
    assert {request.body for request in journey.server.api_requests} == {b"whole"}
    journey.assert_recorded_nowhere([tmp_path])


def test_grequests_sends_over_a_session_with_the_adapter(journey: Journey, tmp_path: Path) -> None:
    with Program(journey, tmp_path, "grequests_map.py", variables={}) as program:
        journey.assert_whole(lambda _: program.call(1), body=b"whole", stored=lambda: [tmp_path])
        assert program.call(20) == "{200}"
