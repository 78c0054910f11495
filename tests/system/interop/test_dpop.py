"""Demonstrating proof of possession (RFC 9449), with and without nonces."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

import requests_cc

from .material import SIGNING_ALGORITHMS, Material
from .methods import METHODS
from .protected_api import ProtectedApi
from .provider import Provider

DPOP = METHODS["dpop"]
Application = Callable[..., requests.Session]


@pytest.fixture
def source(provider: Provider, material: Material) -> requests_cc.ClientCredentials:
    return DPOP.credentials(provider.server(), material)


def statuses(api: ProtectedApi) -> list[int]:
    return [one.status for one in api.arrived]


@pytest.mark.parametrize("at_the_api", [False, True])
@pytest.mark.parametrize("at_the_server", [False, True])
def test_a_nonce_is_learned_once_on_each_side_that_requires_one(
    *,
    at_the_server: bool,
    at_the_api: bool,
    provider: Provider,
    api: ProtectedApi,
    source: requests_cc.ClientCredentials,
    application: Application,
    revoke_all: Callable[[], None],
) -> None:
    provider.require_nonce(at_the_server)
    api.proofs.require_nonce = at_the_api
    before = len(provider.requests("dpop"))
    session = application(source)

    answers = [session.get(f"{api.url}/any?page=1#top") for _ in range(3)]
    revoke_all()
    answers += [session.get(f"{api.url}/any") for _ in range(2)]

    assert [one.status_code for one in answers] == [200] * 5
    asked = [one["status"] for one in provider.requests("dpop")[before:]]
    assert asked == ([400] if at_the_server else []) + [200, 200]
    learned = [401] if at_the_api else []
    assert statuses(api) == [*learned, 200, 200, 200, 401, 200, 200]


def test_the_nonce_of_each_response_is_used_in_the_next_proof(
    api: ProtectedApi, source: requests_cc.ClientCredentials, application: Application
) -> None:
    api.proofs.require_nonce = api.proofs.nonce_for_one_proof = True
    session = application(source)

    for _ in range(5):
        session.get(f"{api.url}/any").raise_for_status()

    assert statuses(api) == [401, 200, 200, 200, 200, 200]


def test_a_nonce_that_is_no_longer_taken_costs_a_proof_and_no_token(
    provider: Provider,
    api: ProtectedApi,
    source: requests_cc.ClientCredentials,
    application: Application,
) -> None:
    api.proofs.require_nonce = True
    session = application(source)
    session.get(f"{api.url}/any").raise_for_status()
    issued = provider.issued("dpop")

    api.proofs.rotate()
    answer = session.get(f"{api.url}/any")

    assert answer.status_code == 200
    assert len(answer.history) == 1
    assert provider.issued("dpop") == issued
    assert len({one.token for one in api.arrived}) == 1


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    path = tmp_path / "body"
    path.write_bytes(os.urandom(3 * 1024 * 1024))
    return path


def test_a_file_body_arrives_whole_and_is_accepted_once_when_a_nonce_is_demanded(
    provider: Provider,
    api: ProtectedApi,
    source: requests_cc.ClientCredentials,
    application: Application,
    large_file: Path,
) -> None:
    provider.require_nonce(True)
    api.proofs.require_nonce = True
    session = application(source)

    with large_file.open("rb") as body:
        answer = session.post(f"{api.url}/any", data=body)

    assert answer.status_code == 200
    assert statuses(api) == [401, 200]
    assert api.accepted_bodies == [large_file.read_bytes()]


def test_a_file_body_survives_a_revoked_token_and_a_new_nonce_in_one_call(
    api: ProtectedApi,
    source: requests_cc.ClientCredentials,
    application: Application,
    large_file: Path,
    revoke_all: Callable[[], None],
) -> None:
    api.proofs.require_nonce = True
    session = application(source)
    session.get(f"{api.url}/any").raise_for_status()
    revoke_all()
    api.proofs.rotate()

    with large_file.open("rb") as body:
        body.seek(1000)
        answer = session.put(f"{api.url}/any", data=body)

    assert answer.status_code == 200
    assert api.accepted_bodies == [b"", large_file.read_bytes()[1000:]]
    assert len(api.arrived) <= 2 + 3  # the GET's two, and three sends at the most


def test_a_body_that_cannot_be_sent_again_is_sent_once_and_costs_no_token(
    provider: Provider,
    api: ProtectedApi,
    source: requests_cc.ClientCredentials,
    application: Application,
) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"one "
        yield b"after another"

    api.proofs.require_nonce = True
    session = application(source)
    before = provider.issued("dpop")

    refused = session.post(f"{api.url}/any", data=pieces())
    accepted = session.post(f"{api.url}/any", data=pieces())

    assert (refused.status_code, accepted.status_code) == (401, 200)
    assert api.accepted_bodies == [b"one after another"]
    assert provider.issued("dpop") - before == 1


@pytest.mark.parametrize("alg", SIGNING_ALGORITHMS)
def test_a_token_is_bound_to_the_key(
    alg: str, provider: Provider, api: ProtectedApi, material: Material, application: Application
) -> None:
    key = requests_cc.DPoPKey.generate(alg) if alg == "ES256" else dpop_key(alg, material)
    source = DPOP.credentials(provider.server(), material, dpop=key)

    answer = application(source).get(f"{api.url}/any")
    known = source.introspect(api.arrived[-1].token)

    assert answer.status_code == 200
    assert known.extra["cnf"] == {"jkt": key.thumbprint}
    assert known.extra["token_type"] == "DPoP"


def dpop_key(alg: str, material: Material) -> requests_cc.DPoPKey:
    return requests_cc.DPoPKey(material.keys[alg], alg=alg)


def test_two_keys_never_share_a_token(
    provider: Provider, api: ProtectedApi, material: Material, application: Application
) -> None:
    cache = requests_cc.TokenCache()
    for _ in range(2):
        source = DPOP.credentials(provider.server(), material)
        assert application(source, cache).get(f"{api.url}/any").status_code == 200

    assert statuses(api) == [200, 200]
    assert len({one.token for one in api.arrived}) == 2


def test_a_client_that_need_not_use_dpop_may(tenant: Provider, material: Material) -> None:
    # The server binds any client's token to the proof that comes along.
    source = METHODS["client_secret_post"].credentials(
        tenant.server(), material, dpop=requests_cc.DPoPKey.generate()
    )

    assert source.request_token().token_type == "DPoP"
