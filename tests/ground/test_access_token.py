"""The access token."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
import re
import time

import pytest
from hypothesis import given, strategies as st

from requests_cc import AccessToken, InvalidTokenResponse
from requests_cc.access_token import Expiry

VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)
MOMENTS = st.none() | st.floats(-1e300, 9e9) | st.integers(0, 2**33)
JSON_VALUES = st.none() | st.booleans() | st.integers() | st.text()


def answer(**members: object) -> dict[str, object]:
    return {"access_token": "t0ken", "token_type": "Bearer", **members}


@pytest.mark.rule(24)
def test_no_repr_shows_the_value_or_what_else_the_server_sent() -> None:
    token = AccessToken.from_response(answer(refresh_token="r3fresh"), 100.0)
    for shown in (repr(token), str(token), f"{token}", f"{[token]}"):
        assert "t0ken" not in shown
        assert "r3fresh" not in shown


@pytest.mark.rule(21)
@pytest.mark.parametrize(
    "value",
    [
        "",
        "se cret",
        "se\ncret",
        "se\r\ncret",
        "secret\n",
        "sé\u00e9cret",
        "secret\x00",
        "secret\x7f",
    ],
)
def test_a_value_that_no_header_can_hold_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(InvalidTokenResponse, match="access_token") as raised:
        AccessToken(value)
    assert "cret" not in str(raised.value)


@pytest.mark.rule(21)
@pytest.mark.parametrize("value", [b"secret", 123456, ["secret"], {"a": "secret"}, True])
def test_a_value_that_is_not_a_str_is_refused_and_not_shown(value: object) -> None:
    with pytest.raises(InvalidTokenResponse, match="access_token") as raised:
        AccessToken.from_response(answer(access_token=value), 100.0)
    assert "secret" not in str(raised.value)
    assert "123456" not in str(raised.value)


@pytest.mark.rule(21)
@pytest.mark.parametrize("members", [{}, {"access_token": None}])
def test_a_response_without_a_token_is_refused(members: dict[str, object]) -> None:
    with pytest.raises(InvalidTokenResponse, match="no access_token"):
        AccessToken.from_response(members, 100.0)


def test_any_visible_ascii_character_may_be_in_a_value() -> None:
    value = "".join(map(chr, range(0x21, 0x7F)))
    assert AccessToken(value).value == value
    assert AccessToken("00D!AQ").authorization == "Bearer 00D!AQ"


@pytest.mark.rule(21)
@pytest.mark.parametrize(
    ("spelling", "token_type"),
    [
        ("Bearer", "Bearer"),
        ("bearer", "Bearer"),
        ("BEARER", "Bearer"),
        ("BearerToken", "Bearer"),
        ("bearertoken", "Bearer"),
        (None, "Bearer"),
        ("", "Bearer"),
        ("JWT", "Bearer"),
        ("bearer ", "Bearer"),
        ("Application Access Token", "Bearer"),
        ("DPoP", "DPoP"),
        ("dpop", "DPoP"),
        (" DPOP", "DPoP"),
    ],
)
def test_token_types_are_compared_without_letter_case(
    spelling: str | None, token_type: str
) -> None:
    token = AccessToken.from_response(answer(token_type=spelling), 100.0)
    assert token.token_type == token_type
    assert token.authorization == f"{token_type} t0ken"


@pytest.mark.rule(21)
@pytest.mark.parametrize(
    ("token_type", "words"),
    [
        ("mac", "token_type mac names"),
        ("PoP ", "token_type PoP names"),
        ("N_A", "token_type N_A names"),
        (1, "token_type must be a string such as Bearer, not int"),
        (["Bearer"], "not list"),
        (True, "not bool"),
    ],
)
def test_a_type_that_needs_another_scheme_is_refused_by_its_name(
    token_type: object, words: str
) -> None:
    with pytest.raises(InvalidTokenResponse, match=words):
        AccessToken.from_response(answer(token_type=token_type), 100.0)


@pytest.mark.rule(14)
@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("3600", 3600.0),
        ("3599.5", 3599.5),
        ('"3600"', 3600.0),
        ('"3599.5"', 3599.5),
        ('" 3600 "', 3600.0),
        ('"-1"', -1.0),
        ("0", 0.0),
        ("-5", -5.0),
        ("1e3", 1000.0),
        ('"1e3"', 1000.0),
        ('"3.6E+3"', 3600.0),
        (str(10**9), 1e9),
    ],
)
def test_an_expiry_counts_from_before_the_request(written: str, seconds: float) -> None:
    token = AccessToken.from_response(answer(expires_in=json.loads(written)), 100.0)
    assert token.expires_at == 100.0 + seconds
    assert token.issued_at == 100.0


@pytest.mark.rule(14)
@pytest.mark.parametrize("members", [{}, {"expires_in": None}])
def test_without_expires_in_a_token_has_no_expiry(members: dict[str, object]) -> None:
    token = AccessToken.from_response(answer(**members), 100.0)
    assert (token.expires_at, token.expires_in, token.expired()) == (None, None, False)


@pytest.mark.rule(14)
@pytest.mark.parametrize(
    "written", ['"abc"', '""', '"NaN"', '"inf"', '"1e400"', '"٣٦٠٠"', f'"{10**400}"',
                '"2026-11-26T12:00:00Z"', '"Thu, 26 Nov 2026 12:00:00 GMT"'],
)  # fmt: skip
def test_an_expires_in_that_is_a_text_costs_the_expiry_and_not_the_token(written: str) -> None:
    members = answer(expires_in=json.loads(written), expires_on=5000)
    assert AccessToken.from_response(members, 100.0).expires_at is None
    assert Expiry.of(members, 100.0).unreadable == "expires_in"


@pytest.mark.rule(14)
@pytest.mark.parametrize(
    ("written", "moment"),
    [(1_800_000_000, 1.8e9), ("1800000000", 1.8e9), (" 1800000000.5", 1_800_000_000.5), (5, 5.0)],
)
def test_expires_on_counts_if_expires_in_is_missing(written: object, moment: float) -> None:
    assert AccessToken.from_response(answer(expires_on=written), 100.0).expires_at == moment
    both = answer(expires_on=written, expires_in=60)
    assert AccessToken.from_response(both, 100.0).expires_at == 160.0


@pytest.mark.rule(14)
@pytest.mark.parametrize(
    "written", ["4/15/2026 8:12:15 PM +00:00", 1_800_000_000_000, True, [], "", float("nan")]
)
def test_an_expires_on_that_is_not_a_moment_costs_the_expiry(written: object) -> None:
    assert AccessToken.from_response(answer(expires_on=written), 100.0).expires_at is None
    assert Expiry.of(answer(expires_on=written), 100.0).unreadable == "expires_on"


@pytest.mark.rule(14)
@pytest.mark.parametrize(
    "written",
    ["true", "false", "NaN", "Infinity", "-Infinity", "1e400", "[]", "{}", str(10**400)],
)
def test_an_expires_in_that_is_not_a_number_of_seconds_is_refused(written: str) -> None:
    with pytest.raises(InvalidTokenResponse, match="expires_in"):
        AccessToken.from_response(answer(expires_in=json.loads(written)), 100.0)


@pytest.mark.parametrize("name", ["expires_at", "issued_at"])
@pytest.mark.parametrize("moment", [math.nan, math.inf, "soon", True, 10**400])
def test_a_moment_that_is_none_is_refused(name: str, moment: object) -> None:
    with pytest.raises(InvalidTokenResponse, match=name):
        AccessToken.from_dict({"access_token": "t0ken", name: moment})


@pytest.mark.parametrize(
    ("scope", "expected"),
    [("a b", "a b"), (["a", "b"], "a b"), (None, None), (7, None), ([7], None)],
)
def test_a_scope_is_one_text(scope: object, expected: str | None) -> None:
    assert AccessToken.from_response(answer(scope=scope), 100.0).scope == expected


def test_the_servers_other_members_are_kept() -> None:
    members = answer(instance_url="https://na1.example.com", expires_in=5)
    token = AccessToken.from_response(members, 100.0)
    assert token.extra == {"instance_url": "https://na1.example.com"}
    assert members["expires_in"] == 5  # the caller's own dict is left as it was


@given(
    value=VISIBLE,
    token_type=st.sampled_from(["Bearer", "DPoP"]),
    expires_at=MOMENTS,
    issued_at=MOMENTS,
    scope=st.none() | st.text(),
    extra=st.dictionaries(st.text(), JSON_VALUES),
)
def test_a_token_survives_json_and_pickle(value, token_type, expires_at, issued_at, scope, extra):
    token = AccessToken(value, token_type, expires_at, issued_at, scope, extra)
    assert AccessToken.from_dict(json.loads(json.dumps(token.to_dict()))) == token
    assert pickle.loads(pickle.dumps(token)) == token
    assert hash(AccessToken.from_dict(token.to_dict())) == hash(token)


def test_unknown_members_of_a_dict_are_passed_over() -> None:
    assert AccessToken.from_dict({"access_token": "t0ken", "version": 2}) == AccessToken("t0ken")


@pytest.mark.parametrize("data", [None, [], "t0ken", {}, {"value": "t0ken"}])
def test_a_dict_without_a_token_is_refused(data) -> None:
    with pytest.raises(InvalidTokenResponse, match="access_token") as raised:
        AccessToken.from_dict(data)
    assert "t0ken" not in str(raised.value)


def test_a_dict_whose_extra_is_not_a_mapping_is_refused() -> None:
    with pytest.raises(InvalidTokenResponse, match="extra"):
        AccessToken.from_dict({"access_token": "t0ken", "extra": "text"})


def test_a_token_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        AccessToken("t0ken").value = "other"  # type: ignore[misc]


def test_a_token_expires_leeway_early() -> None:
    token = AccessToken("t0ken", expires_at=time.time() + 100)
    assert not token.expired()
    assert not token.expired(leeway=50)
    assert token.expired(leeway=101)
    assert token.expires_in is not None
    assert 90 < token.expires_in <= 100


def test_nothing_remains_of_an_expired_token() -> None:
    token = AccessToken("t0ken", expires_at=time.time() - 1)
    assert token.expired()
    assert token.expires_in == 0.0


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({}, "AccessToken(Bearer, no expiry)"),
        ({"token_type": "dpop", "scope": "read write"},
         "AccessToken(DPoP, no expiry, scope='read write')"),
        ({"expires_at": 1.0}, "AccessToken(Bearer, expired)"),
    ],
)  # fmt: skip
def test_its_repr_shows_type_expiry_and_scope(settings: dict, shown: str) -> None:
    assert repr(AccessToken("t0ken", **settings)) == shown


def test_its_repr_shows_the_seconds_left() -> None:
    left = re.fullmatch(
        r"AccessToken\(Bearer, ([0-9]+) s left\)",
        repr(AccessToken("t0ken", expires_at=time.time() + 3600)),
    )
    assert left is not None
    assert 3590 <= int(left[1]) <= 3600


def test_tokens_with_other_members_differ() -> None:
    token = AccessToken("t0ken", extra={"a": 1})
    assert token == AccessToken("t0ken", extra={"a": 1})
    assert token != AccessToken("t0ken", extra={"a": 2})
    assert token != "t0ken"
