from __future__ import annotations

import base64
import json
import time

import pytest


def part(members):
    data = members if isinstance(members, bytes) else json.dumps(members).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def jwt(claims, header=None):
    return f"{part(header or {'alg': 'RS256', 'typ': 'at+jwt'})}.{part(claims)}.c2lnbmF0dXJl"


def test_header_and_claims_are_shown_and_nothing_is_verified(cli):
    now = int(time.time())
    claims = {
        "iss": "https://auth.example.com",
        "aud": ["a", "b"],
        "exp": now + 3481,
        "nbf": now - 7200,
        "iat": now - 60,
        "auth_time": True,
        "x": "\033[2J",
    }
    ended = cli("decode", jwt(claims))
    assert (ended.status, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[:4] == ["Header", "  alg  RS256", "  typ  at+jwt", ""]
    assert "  iss        https://auth.example.com" in lines
    assert '  aud        ["a", "b"]' in lines
    assert any(line.startswith(f"  exp        {now + 3481}  20") for line in lines)
    assert "Z, expires in 58m" in ended.out
    assert "Z, valid for 2h" in ended.out
    assert "Z, issued 1m" in ended.out
    assert "  auth_time  true" in lines
    assert "\033" not in ended.out
    assert lines[-1] == "Nothing is verified: anybody can write a token that says this."


def test_a_token_without_claims_is_one_too(cli):
    assert "Claims\n" in cli("decode", jwt({})).out


@pytest.mark.parametrize("start", ["", "Bearer ", "Authorization: Bearer ", "authorization: DPoP "])
@pytest.mark.parametrize("argument", [[], ["-"]])
def test_the_token_comes_from_standard_input_with_or_without_its_header(cli, start, argument):
    ended = cli("decode", *argument, stdin=f"{start}{jwt({'sub': 'me'})}\n")
    assert "  sub  me" in ended.out


def test_of_an_encrypted_token_only_the_header_is_shown(cli):
    ended = cli("decode", f"{part({'alg': 'dir', 'enc': 'A256GCM'})}..iv.text.tag")
    assert ended.status == 0
    assert "  enc  A256GCM" in ended.out
    assert "The claims are encrypted" in ended.out


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("2YotnFZFEjr1zCsicMWpAA", "the token is opaque, not a JWT"),
        ("a.b.c", "the header of the token cannot be read"),
        (f"{part({})}.{part(b'[1]')}.x", "the claims of the token cannot be read"),
        ("", "the token is empty"),
    ],
)
def test_what_is_not_a_jwt_is_wrong_usage(cli, token, words):
    ended = cli("decode", token)
    assert (ended.status, ended.out) == (2, "")
    assert words in ended.err


def test_a_terminal_is_not_waited_for(cli):
    ended = cli("decode", stdin=None)
    assert ended.status == 2
    assert "a token is missing: pass one, or pipe it into standard input" in ended.err
