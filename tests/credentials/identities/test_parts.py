"""The parts that several sources share."""

from __future__ import annotations

import pytest

from requests_cc.credentials.supplied_token import SuppliedToken
from requests_cc.credentials.token_response import jwt_expiry

from .helpers import assert_hidden, unsigned_jwt


@pytest.mark.parametrize(
    ("token", "expiry"),
    [
        (unsigned_jwt(exp=1_800_000_000), 1_800_000_000.0),
        (unsigned_jwt(exp=1.5), 1.5),
        (unsigned_jwt(exp="soon"), None),
        (unsigned_jwt(exp=True), None),
        (unsigned_jwt(), None),
        ("opaque", None),
        ("a.b.c", None),
        ("a.W10.c", None),  # []
        ("a.ä.c", None),
    ],
)
def test_a_jwt_says_when_it_expires(token: str, expiry: float | None) -> None:
    assert jwt_expiry(token) == expiry


def test_a_supplied_token_shows_nothing() -> None:
    assert repr(SuppliedToken("s3cr3t", "subject")) == "SuppliedToken(subject)"
    assert_hidden("s3cr3t", SuppliedToken("s3cr3t", "subject"))
