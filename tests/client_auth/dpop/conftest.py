"""A key; an authorization server and an API that check proofs, and a session that makes them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from requests_cc import DPoPKey
from tests.support.proof_server import DPoPApi, DPoPAuthority, bound_credentials, bound_session

from .proofs import EC_KEY


@pytest.fixture
def key() -> DPoPKey:
    return DPoPKey(EC_KEY)


@pytest.fixture
def authority() -> Iterator[DPoPAuthority]:
    with DPoPAuthority() as running:
        yield running


@pytest.fixture
def api(authority: DPoPAuthority) -> Iterator[DPoPApi]:
    with DPoPApi(authority) as running:
        yield running


@pytest.fixture
def session(authority: DPoPAuthority, api: DPoPApi) -> Iterator[requests.Session]:
    with bound_session(bound_credentials(authority), api) as running:
        yield running
