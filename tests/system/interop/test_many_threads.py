"""All tokens revoked, or running out, while many threads call."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest
import requests

import requests_cc
from tests.support.threads import in_threads

from .material import Material
from .methods import BRIEF, JWT_RESOURCE, METHODS
from .protected_api import ProtectedApi
from .provider import Provider

THREADS = 32
Application = Callable[..., requests.Session]


def from_each(sessions: Sequence[requests.Session], url: str) -> list[requests.Response]:
    """Gets a URL twice with each session, in a thread of its own, all at the same moment."""
    answers: list[requests.Response] = []

    def run(number: int) -> None:
        answers.extend([sessions[number].get(url), sessions[number].get(url)])

    in_threads(len(sessions), run)
    return answers


@pytest.mark.parametrize(
    ("name", "path", "nonces"),
    [
        ("client_secret_basic", "/any", False),
        ("private_key_jwt-ES256", "/jwt", False),
        ("tls_client_auth", "/any", False),
        ("dpop", "/any", False),
        ("dpop", "/any", True),
    ],
)
def test_all_tokens_revoked_cost_one_token_request_and_no_caller_sees_a_401(
    *,
    name: str,
    path: str,
    nonces: bool,
    provider: Provider,
    api: ProtectedApi,
    tls_api: ProtectedApi,
    material: Material,
    application: Application,
    revoke_all: Callable[[], None],
) -> None:
    method = METHODS[name]
    called = tls_api if method.tls else api
    provider.require_nonce(nonces)
    called.proofs.require_nonce = nonces
    resource = JWT_RESOURCE if path == "/jwt" else None
    source = method.credentials(provider.server(), material, resource=resource)
    cache = requests_cc.TokenCache()
    sessions = [application(source, cache) for _ in range(THREADS)]
    for session in sessions:
        session.get(f"{called.url}{path}").raise_for_status()
    before = provider.issued(source.client_id)

    revoke_all()
    answers = from_each(sessions, f"{called.url}{path}")

    assert len(answers) == 2 * THREADS
    assert {one.status_code for one in answers} == {200}
    assert provider.issued(source.client_id) - before == 1


def test_cold_threads_share_one_token(
    provider: Provider, api: ProtectedApi, material: Material, application: Application
) -> None:
    source = METHODS["client_secret_post"].credentials(provider.server(), material)
    session = application(source)
    before = provider.issued(source.client_id)

    answers = from_each([session] * THREADS, f"{api.url}/any")

    assert len(answers) == 2 * THREADS
    assert {one.status_code for one in answers} == {200}
    assert provider.issued(source.client_id) - before == 1


def test_tokens_of_three_seconds_run_out_and_no_caller_notices(
    provider: Provider, api: ProtectedApi, material: Material, application: Application
) -> None:
    session = application(BRIEF.credentials(provider.server(), material))
    before = provider.issued(BRIEF.name)
    give_up = time.monotonic() + 60
    statuses = set()

    while provider.issued(BRIEF.name) - before < 3 and time.monotonic() < give_up:
        statuses.add(session.get(f"{api.url}/any").status_code)
        time.sleep(0.05)

    issued = provider.issued(BRIEF.name) - before
    assert issued >= 3
    assert statuses == {200}
    # The server counts in whole seconds: a token may end up to one before the client's clock
    # says so, which costs it the one 401 that renews it.
    assert [one.status for one in api.arrived].count(401) <= issued
