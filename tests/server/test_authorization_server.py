"""The authorization server as a value."""

from __future__ import annotations

import dataclasses
import pickle

import pytest
import requests

from requests_cc import AuthorizationServer, ConfigurationError

URL = "https://auth.example.com/token"


@pytest.mark.parametrize(
    "url",
    [
        URL,
        f"{URL}?tenant=blue",
        "http://127.0.0.1:8080/token",
        "http://localhost/token",
        "http://[::1]/token",
        "HTTPS://auth.example.com",
    ],
)
def test_an_absolute_url_is_accepted(url: str) -> None:
    assert AuthorizationServer(url).token_endpoint == url


@pytest.mark.rule(18)
@pytest.mark.parametrize(
    ("url", "words"),
    [
        (None, "token_endpoint is missing"),
        ("", "token_endpoint is missing"),
        (7, "token_endpoint is missing"),
        ("auth.example.com/token", "token_endpoint is not a valid URL"),
        ("/token", "not a valid URL"),
        ("ftp://auth.example.com/token", "not a valid URL"),
        ("https://auth.example.com:99999/token", "the port"),
        ("https://me:s3cret@auth.example.com/token", "holds a user name; leave it out"),
        (f"{URL}#s3cret", "has a fragment"),
        (f"{URL}#", "has a fragment"),
        (f"{URL}\n", "white space or a control character"),
        (f"{URL} ", "white space"),
        ("http://auth.example.com/token?key=s3cret", "plain http; use https://"),
        ("http://127.0.0.1.evil.example/token", "plain http"),
        ("http://localhost.evil.example/token", "plain http"),
    ],
)
def test_another_url_is_refused_and_its_secrets_are_not_shown(url, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as raised:
        AuthorizationServer(url)
    assert "s3cret" not in str(raised.value)
    assert raised.value.__context__ is None


@pytest.mark.rule(18)
@pytest.mark.parametrize(
    "setting",
    ["issuer", "introspection_endpoint", "revocation_endpoint", "mtls_endpoint_aliases"],
)
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("/path?key=s3cret", "not a valid URL"),
        ("https://me:s3cret@auth.example.com/path", "holds a user name"),
        ("https://auth.example.com/path#s3cret", "has a fragment"),
        ("http://auth.example.com/path?key=s3cret", "plain http"),
    ],
)
def test_every_url_of_a_server_is_held_to_the_same_rules(setting, url: str, words: str) -> None:
    value = {"token_endpoint": url} if setting == "mtls_endpoint_aliases" else url
    with pytest.raises(ConfigurationError, match=f"^{setting}.*{words}") as raised:
        AuthorizationServer(URL, **{setting: value})
    assert "s3cret" not in str(raised.value)


def test_plain_http_can_be_allowed() -> None:
    assert AuthorizationServer("http://auth.internal/token", allow_http=True).allow_http


@pytest.mark.parametrize("allowed", ["false", 1, "yes"])
def test_plain_http_is_allowed_by_true_alone(allowed) -> None:
    with pytest.raises(ConfigurationError, match="allow_http must be True or False"):
        AuthorizationServer("http://auth.internal/token", allow_http=allowed)


@pytest.mark.parametrize(
    ("timeout", "pair"),
    [(5, (5.0, 5.0)), (0.5, (0.5, 0.5)), ((1, 2), (1.0, 2.0)), ([1, 2], (1.0, 2.0))],
)
def test_a_timeout_is_one_number_or_two(timeout, pair: tuple[float, float]) -> None:
    assert AuthorizationServer(URL, timeout=timeout).reach.timeout == pair


@pytest.mark.rule(18)
@pytest.mark.parametrize(
    "timeout",
    [None, 0, -1, (1, None), (1, 0), (1,), (1, 2, 3), "5", True, float("nan"), float("inf"),
     10**400, 1e10],
)  # fmt: skip
def test_there_is_always_a_timeout(timeout) -> None:
    with pytest.raises(ConfigurationError, match="timeout must be one number of seconds"):
        AuthorizationServer(URL, timeout=timeout)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"body_format": "xml"}, 'body_format must be "form" or "json"'),
        ({"body_format": ["form"]}, "body_format"),
        ({"session": requests.Session}, "session must be a requests.Session"),
        ({"session": "session"}, "session must be"),
    ],
)
def test_a_wrong_setting_is_named(settings, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        AuthorizationServer(URL, **settings)


def test_it_is_a_value() -> None:
    server = AuthorizationServer(URL, timeout=3)
    assert server == AuthorizationServer(URL, timeout=(3, 3))
    assert hash(server) == hash(AuthorizationServer(URL, timeout=3))
    assert pickle.loads(pickle.dumps(server)) == server
    assert server != AuthorizationServer(f"{URL}2")


def test_its_repr_leaves_out_the_query_and_the_session() -> None:
    server = AuthorizationServer(f"{URL}?key=s3cret", session=requests.Session())
    assert repr(server) == f"AuthorizationServer({URL!r})"


@pytest.mark.parametrize("names", [5, "client_secret_post", [], [7], b"none"])
def test_auth_methods_that_are_not_names_are_refused(names: object) -> None:
    with pytest.raises(ConfigurationError, match="auth_methods must be one or more str"):
        AuthorizationServer(URL, auth_methods=names)  # type: ignore[arg-type]


def test_each_setting_can_be_replaced() -> None:
    server = AuthorizationServer(URL, issuer="https://auth.example.com", auth_methods=["none"])
    changes = {
        "token_endpoint": f"{URL}2",
        "issuer": None,
        "introspection_endpoint": f"{URL}/introspect",
        "revocation_endpoint": f"{URL}/revoke",
        "mtls_endpoint_aliases": {"token_endpoint": f"{URL}/mtls"},
        "auth_methods": ("client_secret_post",),
        "body_format": "json",
        "session": requests.Session(),
        "timeout": (1.0, 2.0),
        "allow_http": True,
    }
    for name, value in changes.items():
        changed = dataclasses.replace(server, **{name: value})
        assert getattr(changed, name) == value
        assert changed != server
        assert dataclasses.replace(changed, **{name: getattr(server, name)}) == server


def test_it_is_frozen() -> None:
    server = AuthorizationServer(URL)
    for name in ("token_endpoint", "issuer", "timeout"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(server, name, URL)
    with pytest.raises(TypeError, match="tokn_endpoint"):
        dataclasses.replace(server, tokn_endpoint=URL)
    assert server != URL
