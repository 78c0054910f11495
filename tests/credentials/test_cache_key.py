"""Keys: equal only where tokens may be exchanged for each other."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from hypothesis import assume, given, strategies as st
from requests.auth import AuthBase, HTTPBasicAuth

from requests_cc import (
    AssertionFile,
    AuthorizationServer,
    ClientCredentials,
    ClientSecretBasic,
    ConfigurationError,
    InvalidClient,
    TokenCache,
)
from requests_cc.client_auth.secret import SecretFile
from requests_cc.credentials.parameters import cache_key
from requests_cc.testing import LocalServer
from tests.support.fresh_interpreter import printed_by

URL = "https://auth.example.com/token"
WORDS = st.text("ab=&,\x00\"'é[] ", min_size=1, max_size=3)
URIS = WORDS.map(lambda word: f"urn:{word}")
PARTS = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner).map(tuple), max_leaves=6
)
SETTINGS = st.fixed_dictionaries(
    {"client_id": WORDS, "client_secret": WORDS | st.lists(WORDS, min_size=2, max_size=2)},
    optional={
        "auth": st.sampled_from(["client_secret_post", ClientSecretBasic("strict")]),
        "scope": WORDS,
        "audience": WORDS,
        "resource": st.lists(URIS, min_size=1, max_size=2),
        "grant_type": WORDS,
        "params": st.dictionaries(
            WORDS.map(lambda word: f"x-{word}"),
            WORDS | st.lists(WORDS, min_size=2, max_size=2),
            min_size=1,
            max_size=2,
        ),
    },
)


class Unreadable(AuthBase):
    pass


def key(**settings: object):
    return ClientCredentials(
        **{"server": URL, "client_id": "me", "client_secret": "s3cret", **settings}
    ).cache_key


def keys_differ(one: dict[str, object], other: dict[str, object]) -> bool:
    return key(**one) != key(**other)


@given(PARTS, PARTS)
def test_two_different_parts_have_two_keys(one: object, other: object) -> None:
    assert (cache_key("kind", one) == cache_key("kind", other)) is (one == other)


@given(SETTINGS, SETTINGS)
def test_two_different_settings_have_two_keys(one, other) -> None:
    assume(ClientCredentials(URL, **one) != ClientCredentials(URL, **other))
    explicit = {"auth": ClientSecretBasic("strict"), "grant_type": "client_credentials"}
    assume({**explicit, **one} != {**explicit, **other})
    assert keys_differ(one, other)


@given(SETTINGS)
def test_equal_settings_have_one_key(settings) -> None:
    turned = dict(reversed(settings.items()))
    if "params" in settings:
        turned["params"] = dict(reversed(settings["params"].items()))
    assert ClientCredentials(URL, **settings) == ClientCredentials(URL, **turned)
    assert not keys_differ(settings, turned)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"scope": ["a", "b"]}, {"scope": "a b"}),
        ({"scope": {"a", "b"}}, {"scope": "a b"}),
        ({"client_secret": "x"}, {"client_secret": ["x"]}),
        ({"auth": None}, {"auth": "client_secret_basic"}),
        ({"resource": "urn:a"}, {"resource": ["urn:a"]}),
        ({"params": {"n": 1}}, {"params": {"n": "1"}}),
        ({"server": URL}, {"server": AuthorizationServer(URL, timeout=1)}),
        (
            {"client_secret": SecretFile("/run/secret")},
            {"client_secret": SecretFile("/run/../run/secret")},
        ),
    ],
)
def test_settings_that_send_the_same_have_one_key(one, other) -> None:
    assert not keys_differ(one, other)


def with_session(change) -> dict[str, object]:
    session = requests.Session()
    change(session)
    return {"server": AuthorizationServer(URL, session=session)}


SESSIONS = {
    "none": lambda session: None,
    "auth": lambda session: setattr(session, "auth", ("gate", "k33per")),
    "other auth": lambda session: setattr(session, "auth", ("gate", "other")),
    "cert": lambda session: setattr(session, "cert", "/tls/client.pem"),
    "cert pair": lambda session: setattr(session, "cert", ["/tls/client.pem", "/tls/key.pem"]),
    "header": lambda session: session.headers.update({"X-Tenant": "bl5e"}),
    "other header": lambda session: session.headers.update({"X-Tenant": "red"}),
    "no header": lambda session: session.headers.update({"Connection": None}),
}


def test_what_a_session_adds_is_in_the_key() -> None:
    public = {"client_secret": None, "auth": "none"}  # a session's auth goes with no other method
    keys = {name: key(**public, **with_session(change)) for name, change in SESSIONS.items()}
    assert len(set(keys.values())) == len(SESSIONS)
    again = {name: key(**public, **with_session(change)) for name, change in SESSIONS.items()}
    assert keys == again
    assert all(isinstance(each, str) for each in keys.values())


def test_the_spelling_and_order_of_a_sessions_headers_do_not_count() -> None:
    one = with_session(lambda session: session.headers.update({"X-B": "1", "x-a": "2"}))
    other = with_session(lambda session: session.headers.update({"X-A": "2", "x-b": "1"}))
    assert not keys_differ(one, other)


def test_an_unreadable_auth_object_gives_a_key_of_this_process() -> None:
    one, other = Unreadable(), Unreadable()
    assert isinstance(key(client_secret=None, auth=one), tuple)
    assert key(client_secret=None, auth=one) == key(client_secret=None, auth=one)
    assert key(client_secret=None, auth=one) != key(client_secret=None, auth=other)
    assert "s3cret" not in repr(key(auth=one))


def test_a_readable_auth_object_gives_a_key_of_every_process() -> None:
    of_basic = key(client_secret=None, auth=HTTPBasicAuth("me", "s3cret"))
    assert isinstance(of_basic, str)
    assert of_basic == key(client_secret=None, auth=HTTPBasicAuth("me", "s3cret"))
    assert of_basic != key(client_secret=None, auth=HTTPBasicAuth("me", "other"))


def test_a_subclass_of_a_method_has_a_key_of_its_own() -> None:
    class Salted(ClientSecretBasic):
        pass

    assert keys_differ({"auth": Salted()}, {"auth": ClientSecretBasic()})


class Vault:
    """A secret callable that is equal to another of the same path."""

    def __init__(self, path: str, cache_key: object = None) -> None:
        self.path = path
        self.cache_key = cache_key

    def __call__(self) -> str:
        raise AssertionError("called")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vault) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)


class Unhashable(Vault):
    __hash__ = None  # type: ignore[assignment]


def test_a_callable_enters_by_its_equality_and_is_not_called() -> None:
    assert key(client_secret=Vault("a")) == key(client_secret=Vault("a"))
    assert key(client_secret=Vault("a")) != key(client_secret=Vault("b"))
    assert key(client_secret=["x", Vault("a")]) == key(client_secret=["x", Vault("a")])
    assert key(client_secret=["x", Vault("a")]) != key(client_secret=["x", Vault("b")])
    assert key(client_secret=Vault("a")) != key(client_secret=Unhashable("a"))
    assert "EqualObject(Vault)" in repr(key(client_secret=Vault("a")))


def test_a_callable_that_cannot_be_hashed_is_equal_to_itself_alone() -> None:
    one, other = Unhashable("a"), Unhashable("a")
    assert key(client_secret=one) == key(client_secret=one)
    assert key(client_secret=one) != key(client_secret=other)


def test_a_callable_keeps_the_token_out_of_a_store_unless_it_has_a_key() -> None:
    assert isinstance(key(client_secret=Vault("a")), tuple)
    assert isinstance(key(client_secret=lambda: "x"), tuple)
    named = key(client_secret=Vault("a", cache_key="vault/a"))
    assert isinstance(named, str)
    assert named == key(client_secret=Vault("b", cache_key="vault/a"))
    assert named != key(client_secret=Vault("a", cache_key="vault/b"))
    with pytest.raises(ConfigurationError, match="cache_key of a Vault must be a str"):
        key(client_secret=Vault("a", cache_key=["vault"]))


def test_a_file_enters_by_its_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tenant in ("a", "b"):
        (tmp_path / tenant).mkdir()
        (tmp_path / tenant / "secret").write_text(f"secret-of-{tenant}")
    keys = {}
    for tenant in ("a", "b"):
        monkeypatch.chdir(tmp_path / tenant)
        relative = SecretFile("secret")
        keys[tenant] = key(client_secret=relative)
        assert keys[tenant] == key(client_secret=SecretFile(tmp_path / tenant / "secret"))
        assert key(auth=AssertionFile("secret")) == key(auth=AssertionFile(Path.cwd() / "secret"))
        monkeypatch.chdir(tmp_path)
        assert relative() == f"secret-of-{tenant}"
    assert keys["a"] != keys["b"]
    assert all(isinstance(each, str) for each in keys.values())


def test_another_clients_guess_at_a_secret_gets_no_token_of_it(tmp_path: Path) -> None:
    (tmp_path / "right").write_text("s3cret")
    (tmp_path / "wrong").write_text("guess")
    pairs = {
        "callable": (lambda: "s3cret", lambda: "guess"),
        "file": (SecretFile(tmp_path / "right"), SecretFile(tmp_path / "wrong")),
        "one of several": (["x", lambda: "s3cret"], ["x", lambda: "guess"]),
    }
    with LocalServer({"me": "s3cret"}) as server:
        for right, wrong in pairs.values():
            cache = TokenCache()
            assert cache.token(ClientCredentials(server.token_url, "me", right))
            with pytest.raises(InvalidClient):
                cache.token(ClientCredentials(server.token_url, "me", wrong))
            cache.clear()
            with pytest.raises(InvalidClient):
                cache.token(ClientCredentials(server.token_url, "me", wrong))
            assert cache.token(ClientCredentials(server.token_url, "me", right))


def test_a_sessions_new_header_is_a_new_key_and_a_new_token() -> None:
    with LocalServer({"me": "s3cret"}) as server, requests.Session() as session:
        session.headers["X-Tenant"] = "a"
        credentials = ClientCredentials(
            AuthorizationServer(server.token_url, session=session), "me", "s3cret"
        )
        cache = TokenCache()
        of_a = cache.token(credentials)
        session.headers["X-Tenant"] = "b"
        of_b = cache.token(credentials)
        assert of_b != of_a
        session.headers["X-Tenant"] = "a"
        assert cache.token(credentials) == of_a
        for change in (
            lambda: setattr(session, "auth", ("gate", "k33per")),
            lambda: setattr(session, "params", {"tenant": "b"}),
            lambda: setattr(session, "cert", ["/tls/client.pem", "/tls/key.pem"]),
        ):
            before = credentials.cache_key
            change()
            assert credentials.cache_key not in (before, of_a)


def test_a_key_is_looked_up_on_the_class_as_a_property_is() -> None:
    assert "exchanged for each other" in str(ClientCredentials.cache_key.__doc__)


def test_a_key_is_the_same_in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "from requests_cc import ClientCredentials\n"
        f"print(ClientCredentials({URL!r}, 'me', 's3cret', scope={{'a', 'b', 'c'}}, "
        "params={'x': ['1', '2'], 'b': 'é'}).cache_key)"
    )
    here = key(scope={"a", "b", "c"}, params={"b": "é", "x": ["1", "2"]})
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        assert printed_by(program) == here


def test_what_a_session_adds_to_the_query_is_in_the_key_but_cannot_be_read_there() -> None:
    def of(params: object) -> object:
        session = requests.Session()
        session.params = params  # type: ignore[assignment]
        return AuthorizationServer(URL, session=session).key_part

    assert of({"tenant": "a"}) == of([("tenant", "a")])
    assert of({"tenant": "a"}) != of({"tenant": "b"})
    assert of({"tenant": "a"}) != of({})
    assert "s3cret" not in repr(of({"key": "s3cret"}))
