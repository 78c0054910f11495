"""How a client proves who it is, with a shared secret or by an auth object."""

from __future__ import annotations

import base64
import html
import json
import pickle
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import requests
from hypothesis import given, strategies as st
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth

from requests_cc import ClientCredentials, ClientSecretBasic, ClientSecretPost, ConfigurationError
from requests_cc.client_auth.basic import (
    NoClientAuthentication,
    RequestsAuth,
    auth_key_part,
    spellings,
)
from requests_cc.client_auth.secret import ClientSecret, SameObject, SecretFile
from requests_cc.protocols import Authentication, ClientIdentity
from requests_cc.testing import LocalServer

RESERVED = "a b+c/d:e?f=g&h%i@é€\U0001f600~!*'()"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


class Theirs(AuthBase):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["X-Signed"] = "yes"
        request.headers["Authorization"] = "Basic bWU6eA=="  # the local server wants a client
        return request


def sent_with(auth: object, client_id: str = "me", secret: str | None = "s3cret"):
    with LocalServer() as server:
        ClientCredentials(server.token_url, client_id, secret, auth=auth).request_token()
        (request,) = server.token_requests
    return request


def basic_pair(auth: object, client_id: str, secret: str) -> str:
    scheme, _, encoded = sent_with(auth, client_id, secret).headers["Authorization"].partition(" ")
    assert scheme == "Basic"
    return base64.b64decode(encoded).decode()


@pytest.mark.rule(20)
def test_basic_form_encodes_first_and_writes_a_space_as_percent_20() -> None:
    assert (
        basic_pair("client_secret_basic", "my id:1", "p w+%/é")
        == "my%20id%3A1:p%20w%2B%25%2F%C3%A9"
    )


@pytest.mark.rule(20)
def test_loose_basic_encodes_nothing() -> None:
    assert basic_pair(ClientSecretBasic("loose"), "my id", "p:w+%é") == "my id:p:w+%é"


@pytest.mark.rule(20)
@pytest.mark.parametrize("auth", ["client_secret_basic", "client_secret_post"])
def test_a_server_reads_reserved_characters_as_they_were_meant(auth: str) -> None:
    with LocalServer({RESERVED: RESERVED[::-1]}) as server:
        ClientCredentials(server.token_url, RESERVED, RESERVED[::-1], auth=auth).request_token()


@pytest.mark.rule(24)
@pytest.mark.parametrize("auth", [Theirs(), Theirs().__call__])
def test_any_requests_auth_object_signs_the_request(auth: object) -> None:
    request = sent_with(auth, secret=None)
    assert request.headers["X-Signed"] == "yes"
    assert "client_id" not in request.form


def test_a_client_authentication_of_the_users_own_is_called_for_each_request() -> None:
    class Stamped:
        method = "stamped"
        needs_secret = False
        key_part = ("stamped",)

        def authenticate(self, identity: ClientIdentity) -> Authentication:
            return Authentication(params={"client_id": identity.client_id, "stamp": "1"})

    request = sent_with(Stamped(), secret=None)
    assert (request.form["client_id"], request.form["stamp"]) == (["me"], ["1"])


@pytest.mark.parametrize("auth", [Theirs(), HTTPBasicAuth("me", "pässword")])
def test_the_password_of_an_auth_object_is_among_what_must_be_hidden(auth: AuthBase) -> None:
    identity = ClientIdentity("me", None, "https://auth.example.com/token")
    secrets = RequestsAuth(auth).authenticate(identity).secrets
    assert ("p%C3%A4ssword" in secrets) is isinstance(auth, HTTPBasicAuth)


def test_another_encoding_than_strict_or_loose_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="encoding"):
        ClientSecretBasic("none")  # type: ignore[arg-type]


@given(TEXTS, TEXTS.filter(lambda text: not {*text} & {*"\r\n"}))
def test_no_repr_shows_the_secret(client_id: str, secret: str) -> None:
    secret = f"s3cret-{secret}"
    identity = ClientIdentity("me", secret, "https://auth.example.com/token")
    shown = [
        repr(identity),
        repr(ClientSecret(secret)),
        *map(repr, ClientSecret(secret).candidates()),
    ]
    for method in (ClientSecretBasic(), ClientSecretPost(), NoClientAuthentication()):
        authentication = method.authenticate(identity)
        shown += [repr(method), repr(authentication), repr(authentication.auth)]
    assert not [text for text in shown if "s3cret" in text]


# --- key parts ---------------------------------------------------------------------------------


def test_readable_auth_objects_have_equal_parts_if_they_are_equal() -> None:
    part = auth_key_part(HTTPBasicAuth("me", "s3cret"))
    assert part == auth_key_part(HTTPBasicAuth("me", "s3cret")) == auth_key_part(("me", "s3cret"))
    assert "s3cret" not in repr(part)
    others = [
        HTTPBasicAuth("me", "x"),
        HTTPBasicAuth("x", "s3cret"),
        HTTPDigestAuth("me", "s3cret"),
    ]
    assert part not in [auth_key_part(other) for other in others]
    assert auth_key_part(None) is None


def test_an_unreadable_auth_object_stands_for_itself_only() -> None:
    one, other = Theirs(), Theirs()
    assert auth_key_part(one) == auth_key_part(one)
    assert hash(auth_key_part(one)) == hash(auth_key_part(one))
    assert auth_key_part(one) != auth_key_part(other)
    assert auth_key_part(one) != one
    assert repr(SameObject(one)) == "SameObject(Theirs)"


def test_a_subclass_of_basic_auth_is_unreadable() -> None:
    class Salted(HTTPBasicAuth):
        pass

    assert auth_key_part(Salted("me", "x")) != auth_key_part(Salted("me", "x"))


def test_methods_have_parts_of_their_own() -> None:
    methods = [
        ClientSecretBasic(),
        ClientSecretBasic("loose"),
        ClientSecretPost(),
        NoClientAuthentication(),
        RequestsAuth(HTTPBasicAuth("me", "x")),
    ]
    assert len({method.key_part for method in methods}) == len(methods)


# --- the secret --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("", "client_secret must be a non-empty str; it is empty"),
        (b"bytes", "not bytes"),
        (bytearray(b"x"), "not bytearray"),
        (7, "not int"),
        ({"a"}, "not set"),
        ([], "empty sequence"),
        (["one", ""], "it is empty"),
        (["one", None], "it is missing"),
        ([b"one"], "it is bytes"),
        ("s3cret\ud800", "UTF-8"),
    ],
)
def test_an_invalid_secret_is_refused_and_not_shown(setting: object, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as raised:
        ClientSecret(setting)  # type: ignore[arg-type]
    assert "s3cret" not in str(raised.value)


def test_the_key_part_of_a_secret_holds_digests_and_marks() -> None:
    part: Any = ClientSecret(["s3cret", lambda: "x", SecretFile("/run/secret")]).key_part
    assert repr(part[1]) == "EqualObject(function)"
    assert part[2] == ("callable", ("file", "/run/secret"))
    assert "s3cret" not in repr(part)
    assert ClientSecret("s3cret").key_part == ClientSecret(["s3cret"]).key_part
    assert ClientSecret("s3cret").key_part != ClientSecret("other").key_part
    assert ClientSecret(None).key_part == ()


@pytest.mark.parametrize(
    ("method", "shown"),
    [
        (ClientSecretBasic(encoding="loose"), "ClientSecretBasic(encoding='loose')"),
        (ClientSecretPost(), "ClientSecretPost()"),
        (NoClientAuthentication(), "NoClientAuthentication()"),
    ],
)
def test_a_method_is_a_value(method: Any, shown: str) -> None:
    assert repr(method) == shown
    assert len({method, pickle.loads(pickle.dumps(method))}) == 1
    with pytest.raises(AttributeError):
        method.encoding = "strict"


def test_a_requests_auth_object_is_shown_by_its_name() -> None:
    method = RequestsAuth(HTTPDigestAuth("me", "s3cret"))
    assert repr(method) == "RequestsAuth(<HTTPDigestAuth>)"


@pytest.mark.rule(26)
def test_a_secret_file_is_a_value(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("s3cret \r\n")
    file = SecretFile(path)
    assert file() == "s3cret"
    assert file == SecretFile(path) == pickle.loads(pickle.dumps(file))
    assert len({file, SecretFile(path)}) == 1
    assert "s3cret" not in repr(file)


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no-such-file cannot be read: No such file") as e:
        SecretFile(tmp_path / "no-such-file")()
    assert e.value.__context__ is None
    (tmp_path / "latin").write_bytes(b"s3cret\xe9")
    with pytest.raises(ConfigurationError, match="latin cannot be read: it is not UTF-8 text") as e:
        SecretFile(tmp_path / "latin")()
    assert e.value.__context__ is None  # a UnicodeDecodeError holds the file's bytes


@pytest.mark.parametrize("missing", ["method", "needs_secret", "key_part"])
def test_an_incomplete_authentication_object_is_refused_by_the_name_of_what_it_lacks(missing):
    members = {"method": "own", "needs_secret": False, "key_part": ("own",), "authenticate": None}
    del members[missing]
    own = type("Own", (), members)()
    with pytest.raises(ConfigurationError, match=rf"auth=Own\(\.\.\.\) has no {missing}"):
        ClientCredentials("https://auth.example.com/token", "me", auth=own)


@pytest.mark.parametrize(
    "escape",
    [
        lambda secret: secret,
        lambda secret: quote(secret, safe=""),
        quote_plus,
        html.escape,
        lambda secret: html.escape(secret).replace("&#x27;", "&#39;"),
        lambda secret: json.dumps(secret)[1:-1],
        lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
        lambda secret: repr(secret)[1:-1],
        lambda secret: secret.encode().decode("latin-1"),
        lambda secret: base64.b64encode(secret.encode()).decode(),
    ],
)
def test_a_secret_is_known_in_each_escape_that_a_server_may_repeat_it_in(escape) -> None:
    secret = "p&ss'w<r>d\"/+ä\\x"
    assert escape(secret) in spellings(secret)
