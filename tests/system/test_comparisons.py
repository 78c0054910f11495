"""A failing comparison in a user's test shows no secret, however much pytest is asked to show."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

VALUES = """
from email.message import Message

import requests
from joserfc.jwk import ECKey

from requests_cc import (
    AccessToken, AuthorizationServer, ClientCredentials, ClientSecretBasic, DPoPKey, Introspection,
    JWTBearer, PrivateKeyJWT,
)
from requests_cc.protocols import Authentication, ClientIdentity
from requests_cc.testing import RecordedRequest

SECRET = "hidden-" + "one"
OTHER = "hidden-" + "two"
URL = "https://auth.example.com/token"


def session(secret):
    made = requests.Session()
    made.auth = ("me", secret)
    made.headers["X-Key"] = secret
    return made


def headers(secret):
    made = Message()
    made["Authorization"] = secret
    return made


def key(secret):
    return {**ECKey.generate_key("P-256").as_dict(private=True), "kid": "kid"}


MAKERS = {
    "token": lambda s: AccessToken(s, extra={"refresh_token": s}),
    "extra": lambda s: AccessToken("same" + SECRET, extra={"refresh_token": s}),
    "credentials": lambda s: ClientCredentials(URL, "me", s, params={"password": s}),
    "several": lambda s: ClientCredentials(URL, "me", [s, "same" + SECRET]),
    "query": lambda s: ClientCredentials(f"{URL}?key={s}", "me", s, auth=ClientSecretBasic()),
    "server": lambda s: AuthorizationServer(f"{URL}?key={s}", session=session(s)),
    "discovered": lambda s: AuthorizationServer.discover(URL + "?key=" + s, session=session(s)),
    "bearer": lambda s: JWTBearer(URL, issuer="me", key=key(s), claims={"a": s}),
    "key": lambda s: PrivateKeyJWT(key(s)),
    "dpop": lambda s: DPoPKey(key(s)),
    "introspection": lambda s: Introspection(active=True, extra={"username": s}),
    "identity": lambda s: ClientIdentity("me", s, f"{URL}?key={s}"),
    "authentication": lambda s: Authentication({"client_secret": s}, secrets=(s,)),
    "recorded": lambda s: RecordedRequest("POST", f"/?key={s}", headers(s), s.encode(), 0.0),
}
PAIRS = {name: (make(SECRET), make(OTHER)) for name, make in MAKERS.items()}
KEYS = [PAIRS["bearer"][0].key, PAIRS["key"][0].key]
PRIVATE = [each.joserfc_key.as_dict(private=True)["d"] for each in KEYS]
"""
TESTS = """
import pytest
from values import PAIRS, PRIVATE

with open("private", "w") as file:
    file.write("\\n".join(PRIVATE))


@pytest.mark.parametrize("name", PAIRS)
def test_alone(name):
    one, other = PAIRS[name]
    assert one == other


@pytest.mark.parametrize("name", PAIRS)
def test_in_a_list(name):
    one, other = PAIRS[name]
    assert [one] == [other]


@pytest.mark.parametrize("name", PAIRS)
def test_in_a_dict(name):
    one, other = PAIRS[name]
    assert {"it": one} == {"it": other}
"""


@pytest.mark.parametrize(
    "verbosity", [*(pytest.param(v, marks=pytest.mark.slow) for v in ("-q", "-vv")), "-vvv"]
)
def test_a_failing_comparison_shows_no_secret(pytester: pytest.Pytester, verbosity: str) -> None:
    pytester.makepyfile(values=VALUES, test_values=TESTS)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--showlocals", verbosity)
    result.assert_outcomes(failed=3 * VALUES.count("lambda s:"))
    shown = result.stdout.str() + result.stderr.str()
    for hidden in ("hidden-", *(pytester.path / "private").read_text().splitlines()):
        assert hidden not in shown
