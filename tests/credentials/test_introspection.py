"""What the server says of a token (RFC 7662); endpoints/ has the request for it."""

from __future__ import annotations

import json
import math
import pickle

import pytest
from hypothesis import example, given, strategies as st

from requests_cc import (
    Introspection,
)
from requests_cc.credentials.introspection import introspection_in
from requests_cc.http.exchange import Response
from tests.support.scripts import answer
from tests.support.server import Server

from .endpoints.endpoint import client


def told(members: object) -> Introspection:
    with Server(answer(members)) as server:
        return client(server).introspect("t0ken")


def test_what_the_server_says_of_an_active_token() -> None:
    said = told(
        {
            "active": True,
            "scope": "read write",
            "client_id": "other",
            "exp": 1_800_000_000,
            "aud": "https://api.example.com",
            "iss": "https://auth.example.com",
            "cnf": {"jkt": "x"},
        }
    )
    assert said == Introspection(
        active=True,
        scope="read write",
        client_id="other",
        exp=1_800_000_000,
        aud="https://api.example.com",
        extra={"iss": "https://auth.example.com", "cnf": {"jkt": "x"}},
    )


def test_an_inactive_token_raises_nothing() -> None:
    assert told({"active": False}) == Introspection(active=False)


@pytest.mark.parametrize("audience", [["a", "b"], ["a"], [], "a"])
def test_the_audience_is_kept_as_the_server_wrote_it(audience: object) -> None:
    said = told({"active": True, "aud": audience})
    assert said.aud == audience
    assert said.extra == {}


@pytest.mark.parametrize(
    ("written", "read"), [(1_800_000_000.0, 1_800_000_000), (0, 0), (10**400, 10**400)]
)
def test_an_expiry_is_a_whole_number(written: float, read: int) -> None:
    said = told({"active": True, "exp": written})
    assert said.exp == read
    assert type(said.exp) is int


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scope", ["read"]),
        ("client_id", 7),
        ("exp", "tomorrow"),
        ("exp", True),
        ("exp", [1]),
        ("aud", ["a", 7]),
        ("aud", {"a": 1}),
    ],
)
def test_a_member_of_another_form_is_kept_as_it_is(name: str, value: object) -> None:
    said = told({"active": True, name: value, "sub": "s"})
    assert getattr(said, name) is None
    assert said.extra == {name: value, "sub": "s"}


def test_an_expiry_that_is_not_finite_is_none() -> None:
    assert told('{"active": true, "exp": 1e999}').exp is None
    assert told('{"active": true, "exp": NaN}').exp is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["scope", "client_id", "exp", "aud", "iss"]) | st.text()


@example(False, {"exp": math.nan})
@example(True, {"exp": math.inf})
@example(True, {"exp": 1.5})
@given(st.booleans(), st.dictionaries(NAMES, JSON, max_size=6))
def test_whatever_the_server_says_none_of_it_is_lost(active: bool, members: dict) -> None:
    members.pop("active", None)
    body = json.dumps({"active": active, **members}).encode()

    said = introspection_in(
        Response(200, {}, body, 0.0), client("https://auth.example.com/token")._request
    )
    assert said.active is active
    assert "active" not in said.extra
    written = json.loads(body)
    for name in members:
        kept = said.extra[name] if name in said.extra else getattr(said, name)
        # By repr, since NaN is equal to nothing.
        same = kept == written[name] or repr(kept) == repr(written[name])
        assert same or (name == "exp" and kept == int(written[name]))


def test_it_is_a_value_whose_repr_leaves_out_the_rest() -> None:
    said = Introspection(active=True, aud=["a"], extra={"username": "jane"})
    assert said == pickle.loads(pickle.dumps(said))
    assert hash(said) == hash(Introspection(active=True))
    assert "jane" not in repr(said)
    with pytest.raises(AttributeError):
        said.active = False  # type: ignore[misc]
