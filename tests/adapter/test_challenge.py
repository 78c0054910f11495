"""What is read from a WWW-Authenticate header, and what is not."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, strategies as st

from requests_cc.adapter.challenge import LONGEST, Challenge

TCHARS = string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~"


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        pytest.param("", (), id="empty"),
        pytest.param(" , ,\t,", (), id="empty list elements only"),
        pytest.param("Bearer", (Challenge("bearer", {}),), id="scheme alone"),
        pytest.param(
            "Negotiate, NTLM",
            (Challenge("negotiate", {}), Challenge("ntlm", {})),
            id="two schemes alone",
        ),
        pytest.param(
            'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"',
            (
                Challenge("newauth", {"realm": "apps", "type": "1", "title": 'Login to "apps"'}),
                Challenge("basic", {"realm": "simple"}),
            ),
            id="the example of RFC 9110",
        ),
        pytest.param(
            'Bearer realm="example", error="invalid_token", '
            'error_description="The access token expired"',
            (
                Challenge(
                    "bearer",
                    {
                        "realm": "example",
                        "error": "invalid_token",
                        "error_description": "The access token expired",
                    },
                ),
            ),
            id="the example of RFC 6750",
        ),
        pytest.param(
            'DPoP error="use_dpop_nonce", error_description="Resource server requires nonce"',
            (
                Challenge(
                    "dpop",
                    {
                        "error": "use_dpop_nonce",
                        "error_description": "Resource server requires nonce",
                    },
                ),
            ),
            id="the example of RFC 9449",
        ),
        pytest.param(
            'Basic realm="x", Bearer error="invalid_token", scope="a, b"',
            (
                Challenge("basic", {"realm": "x"}),
                Challenge("bearer", {"error": "invalid_token", "scope": "a, b"}),
            ),
            id="comma in a quoted string",
        ),
        pytest.param(
            'Bearer scope="a=b, c==d", realm="=,="',
            (Challenge("bearer", {"scope": "a=b, c==d", "realm": "=,="}),),
            id="equals signs in quoted strings",
        ),
        pytest.param(
            r'Bearer realm="a\\b\"\c\,"',
            (Challenge("bearer", {"realm": 'a\\b"c,'}),),
            id="escapes",
        ),
        pytest.param('Bearer realm=""', (Challenge("bearer", {"realm": ""}),), id="empty string"),
        pytest.param(
            'bEARER Error="Invalid_Token"',
            (Challenge("bearer", {"error": "Invalid_Token"}),),
            id="the case of a value is kept",
        ),
        pytest.param(
            'Bearer\trealm \t=\t "x" \t, \terror = invalid_token\t',
            (Challenge("bearer", {"realm": "x", "error": "invalid_token"}),),
            id="white space",
        ),
        pytest.param(
            'Bearer realm="x",\r\n error=invalid_token',
            (Challenge("bearer", {"realm": "x", "error": "invalid_token"}),),
            id="folded line",
        ),
        pytest.param(
            'Bearer realm="a\\\n b, error=c", scope=d',
            (Challenge("bearer", {"realm": "a\n b, error=c", "scope": "d"}),),
            id="escaped end of line",
        ),
        pytest.param(
            "Bearer realm=a\xa0b\x85c, error=\u2003d",
            (Challenge("bearer", {"realm": "a\xa0b\x85c", "error": "\u2003d"}),),
            id="what is white space elsewhere, but not in HTTP",
        ),
        pytest.param(
            ',, Bearer ,, realm="x",,error=e, , Basic ,',
            (Challenge("bearer", {"realm": "x", "error": "e"}), Challenge("basic", {})),
            id="empty list elements",
        ),
        pytest.param(
            "Negotiate YIIJvwYGKwYBBQUCoIIJszCCCa8=, Basic realm=x",
            (
                Challenge("negotiate", {}, "YIIJvwYGKwYBBQUCoIIJszCCCa8="),
                Challenge("basic", {"realm": "x"}),
            ),
            id="token68",
        ),
        pytest.param(
            "NTLM a-._~+/b== ,Bearer x",
            (Challenge("ntlm", {}, "a-._~+/b=="), Challenge("bearer", {}, "x")),
            id="every character of a token68",
        ),
        pytest.param("Foo a=", (Challenge("foo", {}, "a="),), id="token68, not an empty value"),
        pytest.param("Foo a==b", (Challenge("foo", {"a": "=b"}),), id="no token68"),
        pytest.param(
            'Bearer error="first", ERROR="second", error=third',
            (Challenge("bearer", {"error": "first"}),),
            id="the first of two parameters",
        ),
        pytest.param(
            'DPoP error="a", Bearer error="b"',
            (Challenge("dpop", {"error": "a"}), Challenge("bearer", {"error": "b"})),
            id="the same parameter in two challenges",
        ),
    ],
)
def test_a_header_is_read_into_its_challenges(
    header: str, challenges: tuple[Challenge, ...]
) -> None:
    assert Challenge.parse(header) == challenges


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        pytest.param('realm="x", error=y', (), id="no scheme"),
        pytest.param(
            'realm="x", Bearer error=y', (Challenge("bearer", {"error": "y"}),), id="late scheme"
        ),
        pytest.param(
            'Bearer error="invalid_token',
            (Challenge("bearer", {"error": "invalid_token"}),),
            id="cut",
        ),
        pytest.param('Bearer error="a\\', (Challenge("bearer", {"error": "a"}),), id="cut escape"),
        pytest.param('Bearer error="', (Challenge("bearer", {"error": ""}),), id="cut at a quote"),
        pytest.param(
            'Bearer realm="a" error="b"',
            (Challenge("bearer", {"realm": "a", "error": "b"}),),
            id="missing comma",
        ),
        pytest.param(
            "Bearer resource_metadata=https://api.example.com/a?b=c, error=d",
            (
                Challenge(
                    "bearer",
                    {"resource_metadata": "https://api.example.com/a?b=c", "error": "d"},
                ),
            ),
            id="a value that needs quotes",
        ),
        pytest.param(
            "Bearer error_description=The token expired, error=invalid_token",
            (Challenge("bearer", {"error_description": "The", "error": "invalid_token"}),),
            id="words that need quotes",
        ),
        pytest.param(
            "Bearer error=, realm=x",
            (Challenge("bearer", {"realm": "x"}, "error="),),
            id="empty first value",
        ),
        pytest.param(
            "Bearer realm=x, error=, scope=",
            (Challenge("bearer", {"realm": "x", "error": "", "scope": ""}),),
            id="empty values",
        ),
        pytest.param(
            'Bearer "junk, error=a", @[], =b, (c), realm=x',
            (Challenge("bearer", {"realm": "x"}),),
            id="junk between",
        ),
        pytest.param('"Bearer", {Bearer}, Béarer', (), id="no scheme among the junk"),
        pytest.param("Basic abc def", (Challenge("basic", {}),), id="two token68"),
    ],
)
def test_of_a_malformed_header_what_can_be_read_is_returned(
    header: str, challenges: tuple[Challenge, ...]
) -> None:
    assert Challenge.parse(header) == challenges


def test_a_challenge_is_an_immutable_value() -> None:
    (challenge,) = Challenge.parse('Bearer realm="x"')
    with pytest.raises(AttributeError):
        challenge.scheme = "basic"  # type: ignore[misc]
    with pytest.raises(TypeError):
        challenge.parameters["realm"] = "y"  # type: ignore[index]


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


_tokens = st.text(TCHARS, min_size=1, max_size=12)
_token68 = st.from_regex(r"[A-Za-z0-9\-._~+/]+=*", fullmatch=True)
_names = _tokens.map(str.lower)
_challenges = st.one_of(
    st.builds(Challenge, _names, st.dictionaries(_names, st.text(), max_size=4), st.none()),
    st.builds(Challenge, _names, st.just({}), _token68),
)


@st.composite
def _formatted(draw: st.DrawFn) -> tuple[str, tuple[Challenge, ...]]:
    """A well-formed header in one of its many spellings, and the challenges in it."""
    challenges = draw(st.lists(_challenges, max_size=4))
    space = st.sampled_from(["", " ", "\t", " \t "])
    comma = st.sampled_from([",", ", ", " , ", "\t,", ",,", ", ,\t,"])
    header = draw(st.sampled_from(["", ",", " , "]))
    for index, challenge in enumerate(challenges):
        header += draw(comma) if index else ""
        header += draw(st.sampled_from([challenge.scheme, challenge.scheme.upper()]))
        header += f" {challenge.token68}" if challenge.token68 else ""
        for position, (name, value) in enumerate(challenge.parameters.items()):
            bare = value and set(value) <= set(TCHARS) and draw(st.booleans())
            header += draw(comma) if position else " "
            header += draw(st.sampled_from([name, name.upper()])) + draw(space) + "=" + draw(space)
            header += value if bare else _quoted(value)
    return header + draw(st.sampled_from(["", " ", ","])), tuple(challenges)


@given(_formatted())
def test_what_is_formatted_is_parsed_back(case: tuple[str, tuple[Challenge, ...]]) -> None:
    header, challenges = case
    assert Challenge.parse(header) == challenges


@given(st.lists(_formatted(), max_size=3))
def test_several_headers_joined_by_a_comma_are_read_one_after_the_other(
    cases: list[tuple[str, tuple[Challenge, ...]]],
) -> None:
    joined = ", ".join(header for header, _ in cases)
    assert Challenge.parse(joined) == sum((challenges for _, challenges in cases), ())


_hostile = st.lists(
    st.one_of(
        st.sampled_from(["a", "Bearer", "error", *'"\\=, \t', '="', '",', '\\"']),
        st.characters(exclude_categories=[]),
    )
).map("".join)


@given(st.one_of(_hostile, st.text()))
def test_parse_never_raises(header: str) -> None:
    for challenge in Challenge.parse(header):
        assert challenge.scheme == challenge.scheme.lower()
        assert set(challenge.scheme) <= set(TCHARS)
        for name in challenge.parameters:
            assert set(name) <= set(TCHARS)


@given(_hostile, _hostile)
def test_a_parameter_inside_a_quoted_string_is_not_seen(before: str, after: str) -> None:
    injected = f'{before} error="use_dpop_nonce", DPoP error="use_dpop_nonce" {after}'
    header = f'Basic realm={_quoted(injected)}, Bearer error="invalid_token"'
    assert Challenge.parse(header) == (
        Challenge("basic", {"realm": injected}),
        Challenge("bearer", {"error": "invalid_token"}),
    )


@given(_hostile)
def test_nothing_after_an_unclosed_quote_is_a_parameter(rest: str) -> None:
    unclosed = rest.replace("\\", "").replace('"', "") + ", DPoP error=use_dpop_nonce"
    assert Challenge.parse(f'Bearer realm="{unclosed}') == (
        Challenge("bearer", {"realm": unclosed}),
    )
    assert Challenge.parse(f'Bearer "{unclosed}') == (Challenge("bearer", {}),)


@pytest.mark.parametrize(
    "piece",
    [
        *("a", " ", ",", '"', "\\", "=", "é", "a ", "a,", ", ", " ,", "a=", "a=a", "a =", "a= "),
        *('"\\', '\\"', 'a="', 'a="\\"', '"a"', 'a=a"', "a,a ", "a a=", "a=a,", "a  ,", "a==,"),
    ],
)
def test_long_hostile_text_has_no_more_challenges_than_letters(piece: str) -> None:
    for start in ("", "Bearer ", 'Bearer a="', "Bearer a="):
        header = start + piece * (30_000 // len(piece)) + "\x00"
        assert len(Challenge.parse(header)) <= LONGEST // len(piece) + 1
