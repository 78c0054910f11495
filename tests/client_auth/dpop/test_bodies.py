"""Bodies under a demanded nonce: the same bytes again, or no resend."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import requests

from tests.support.proof_server import bound_credentials, bound_session, demand, statuses
from tests.support.scripts import Reply, Request
from tests.support.threads import within

# Bodies (rule 6).


@pytest.mark.parametrize("offset", [0, 1000])
def test_a_file_posted_under_a_nonce_demand_arrives_whole_once(
    api, session, tmp_path: Path, offset: int
) -> None:
    content = bytes(range(256)) * 4000
    path = tmp_path / "upload.bin"
    path.write_bytes(content)
    api.proofs.rotate("nonce")
    with path.open("rb") as file:
        file.seek(offset)
        response = session.post(api.origin, data=file)
    assert statuses(response) == [401, 200]
    assert api.bodies == [content[offset:]] * 2


@pytest.mark.rule(6)
def test_a_file_is_sent_whole_each_of_three_times(api, session) -> None:
    api.next = [demand("nonce"), Reply(401)]
    body = io.BytesIO(b"skipped" + b"body" * 5000)
    body.seek(7)
    assert statuses(session.post(api.origin, data=body)) == [401, 401, 200]
    assert api.bodies == [b"body" * 5000] * 3


@pytest.mark.rule(6)
def test_a_generator_is_not_resent_and_the_nonce_kept_for_the_next_call(
    authority, api, session
) -> None:
    api.proofs.rotate("nonce")
    response = session.post(api.origin, data=iter([b"once"]))
    assert (statuses(response), response.text) == ([401], "rejected")
    assert statuses(session.post(api.origin, data=iter([b"again"]))) == [200]
    assert api.bodies == [b"once", b"again"]
    assert len(authority.requests) == 1


class Tiring(io.BytesIO):
    rewinds = 0

    def seek(self, *where: int) -> int:
        self.rewinds += where == (0,)
        if self.rewinds > 2:  # requests rewinds it once, after it has measured it
            raise OSError("no more")
        return super().seek(*where)


@pytest.mark.rule(6)
def test_a_body_that_can_be_rewound_only_once_is_not_sent_in_part(authority, api, session) -> None:
    api.next = [demand("nonce"), Reply(401, body=b"second")]
    response = session.post(api.origin, data=Tiring(b"body"))
    assert (statuses(response), response.text) == ([401, 401], "second")
    assert api.bodies == [b"body"] * 2
    assert len(authority.requests) == 2
    assert session.get(api.origin).status_code == 200
    assert api.presented[-1] == "token-2"


def test_while_such_a_call_renews_the_token_its_connection_serves_another(authority, api) -> None:
    renewing = []
    (answer,) = authority.scripts

    def answer_late(arrived: Request) -> Reply | None:
        if renewing:
            renewing.append(within(10, lambda: plain.get(api.origin).status_code))
        return answer(arrived)

    authority.scripts = [answer_late]
    transport = requests.adapters.HTTPAdapter(pool_maxsize=1, pool_block=True)
    with (
        requests.Session() as plain,
        bound_session(bound_credentials(authority), api, transport=transport) as session,
    ):
        plain.mount("http://", transport)
        session.get(api.origin)
        renewing.append("from now on")
        api.next = [demand("nonce"), Reply(401, body=b"second")]
        response = session.post(api.origin, data=Tiring(b"body"), stream=True)
        assert response.content == b"second"
    assert renewing[1:] == [401]  # an answer, without a token


@pytest.mark.rule(5)
def test_the_pool_of_one_connection_serves_three_sends(authority, api) -> None:
    options = {"pool_maxsize": 1, "pool_block": True}
    with bound_session(bound_credentials(authority), api, **options) as session:
        for stream in (False, True):
            api.next = [demand("nonce"), Reply(401)]
            response = session.post(api.origin, data=b"body", stream=stream, timeout=20)
            assert response.content == b"fine"
