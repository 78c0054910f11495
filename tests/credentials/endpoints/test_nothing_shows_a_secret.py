"""No error shows a secret, whatever the server says."""

from __future__ import annotations

import base64
import logging
import pickle
import re
import traceback
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from requests_cc import (
    AccessToken,
    ClientCredentials,
    ConfigurationError,
    InvalidClient,
    OAuthError,
    TokenRequestError,
)
from tests.support.scripts import answer, drop
from tests.support.server import Server

from .endpoint import ENDPOINTS, SECRET, TOKEN, Endpoint, client, failure

OTHERS = {"/introspect", "/revoke"}
FORMS = {
    "plain": SECRET,
    "percent": quote(SECRET, safe=""),
    "percent, lower": re.sub("%..", lambda code: code[0].lower(), quote(SECRET, safe="")),
    "plus": quote(SECRET, safe="").replace("%20", "+"),
    "base64": base64.b64encode(f"me:{SECRET}".encode()).decode(),
    "base64 of the encoded": base64.b64encode(f"me:{quote(SECRET, safe='')}".encode()).decode(),
    "between control characters": SECRET[:4] + "\x00\x1b" + SECRET[4:],
    "a param": "hunter2hunter2",
    "the query": "key=k3yk3yk3y",
    "the token": TOKEN,
    "the token, percent": quote(TOKEN, safe=""),
}
ANY_REVOCATION = [answer(TOKEN), answer({"access_token": "t0k\n", "active": TOKEN})]
SENT_TO = {"a param": {"/token"}, "the token": OTHERS, "the token, percent": OTHERS}
HIDDEN = [*FORMS.values(), "hunter2", "k3yk3y"]


def _shown_by(error: BaseException) -> Iterator[str]:
    yield str(error)
    yield repr(error)
    yield repr(vars(error))
    yield repr(pickle.dumps(error))
    yield "".join(traceback.format_exception(error))
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if "requests_cc" in frame.f_globals["__name__"]:
            yield repr(frame.f_locals)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("member", ["error", "error_description", "error_uri"])
def test_a_server_that_repeats_our_secret_is_not_quoted(
    endpoint: Endpoint, form: str, member: str, caplog: pytest.LogCaptureFixture
) -> None:
    if endpoint.path not in SENT_TO.get(form, {endpoint.path}):
        return
    caplog.set_level(logging.DEBUG, "requests_cc")
    members = {"error": "x", member: f"bad {FORMS[form]} here"}
    with Server(answer(members, "400 Bad")) as server:
        url = f"{server.url}?key=k3yk3yk3y"
        error = failure(endpoint, url, params={"password": "hunter2hunter2"})
    assert isinstance(error, OAuthError)
    assert getattr(error, member) == "bad [hidden] here"
    for text in [*_shown_by(error), caplog.text]:
        assert not [hidden for hidden in HIDDEN if hidden in text]


@pytest.mark.parametrize("auth", ["client_secret_basic", "client_secret_post"])
@pytest.mark.parametrize(
    "encode",
    [
        quote,  # with its slash
        lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
        lambda text: "".join(f"&#{ord(character)};" for character in text),
        lambda text: "".join(f"&#x{ord(character):x};" for character in text),
        lambda text: text.replace("&", "&amp;"),
        lambda text: quote(text.replace("&", "&amp;")),
        lambda text: text.replace("/", "\\/"),
    ],
    ids=["quote", "percent", "decimal", "hex", "ampersand", "twice", "slash"],
)
def test_a_secret_is_hidden_however_the_server_encodes_it(
    encode: Callable[[str], str], auth: str
) -> None:
    secret = 'a&b/c"d+e=é%f'
    body = {"error": "x", "error_description": f"bad {encode(secret)} here"}
    with Server(answer(body, "400 Bad")) as server:
        credentials = ClientCredentials(server.url, "me", secret, auth=auth)
        with pytest.raises(OAuthError) as raised:
            credentials.request_token()
    assert raised.value.error_description in ("[hidden]", "bad [hidden] here")


@pytest.mark.parametrize("auth", ["client_secret_basic", "client_secret_post"])
def test_a_secret_that_looks_like_a_tag_is_hidden_in_a_page(auth: str) -> None:
    page = b"<title>left<b>right-half is bad</title>"
    for body in (page, page.removeprefix(b"<title>").removesuffix(b"</title>")):
        with Server(answer(body, "400 Bad")) as server:
            credentials = ClientCredentials(server.url, "me", "left<b>right-half", auth=auth)
            with pytest.raises(TokenRequestError) as raised:
                credentials.request_token()
        assert "([hidden] is bad)" in str(raised.value)


@pytest.mark.parametrize("auth", ["client_secret_basic", "client_secret_post"])
@pytest.mark.parametrize(
    "bad",
    [
        drop,
        answer(b"", "500 Oops"),
        answer(b"", "302 Found", {"Location": f"/{FORMS['percent']}?{TOKEN}"}),
        answer({"error": {"token": TOKEN}}),
        *ANY_REVOCATION,
    ],
)
def test_no_error_shows_what_was_sent(endpoint: Endpoint, bad, auth: str) -> None:
    if endpoint.method == "revoke" and bad in ANY_REVOCATION:
        return
    with Server(bad) as server:
        url = f"{server.url}?key=k3yk3yk3y"
        error = failure(endpoint, url, auth=auth, params={"password": "hunter2hunter2"})
    for text in _shown_by(error):
        assert not [hidden for hidden in HIDDEN if hidden in text]
        assert "t0k" not in text


@pytest.mark.parametrize("sealed", ["auth", "client_secret"])
def test_an_error_of_the_users_own_shows_nothing_of_ours(endpoint: Endpoint, sealed: str) -> None:
    def vault(*_: object) -> str:
        raise LookupError("the vault is sealed")

    secret, auth = (vault, None) if sealed == "client_secret" else (None, vault)
    credentials = client(
        "http://127.0.0.1:1/token?key=k3yk3yk3y", secret, auth=auth, params={"p": "hunter2hunter2"}
    )
    with pytest.raises(LookupError, match="the vault is sealed") as raised:
        endpoint.call(credentials, AccessToken(TOKEN))
    assert raised.value.__cause__ is raised.value.__context__ is None
    frames = [frame for frame, _ in traceback.walk_tb(raised.value.__traceback__)]
    assert frames[-1].f_code.co_name == "vault"
    for text in _shown_by(raised.value):
        assert not [hidden for hidden in HIDDEN if hidden in text]


@pytest.mark.parametrize("name", ["introspection", "revocation"])
def test_a_token_that_is_a_text_is_in_no_frame_of_ours(name: str) -> None:
    with Server(answer(b"", "400 Bad")) as server, pytest.raises(TokenRequestError) as raised:
        ENDPOINTS[name].call(client(server), TOKEN)
    for text in _shown_by(raised.value):
        assert TOKEN not in text


@pytest.mark.parametrize("name", ["introspection", "revocation"])
def test_an_endpoint_that_is_not_known_shows_no_token(name: str) -> None:
    credentials = ClientCredentials("https://auth.example.com/token?key=k3yk3yk3y", "me", SECRET)
    with pytest.raises(ConfigurationError) as raised:
        ENDPOINTS[name].call(credentials, AccessToken(TOKEN))
    for text in _shown_by(raised.value):
        assert not [hidden for hidden in HIDDEN if hidden in text]


@pytest.mark.parametrize("name", ["introspection", "revocation"])
def test_a_short_token_is_hidden_and_words_about_its_type_are_shown(name: str) -> None:
    words = {"error": "unsupported_token_type", "error_description": "t0k is no access_token"}
    with Server(answer(words, "400 Bad")) as server, pytest.raises(OAuthError) as raised:
        ENDPOINTS[name].call(client(server), "t0k")
    assert raised.value.error_description == "[hidden] is no access_token"
    assert "unsupported_token_type ([hidden] is no access_token)" in str(raised.value)


def test_the_servers_words_are_cleaned_and_cut(endpoint: Endpoint) -> None:
    words = "line one\r\nline \x1b[31mtwo\u202e " + "x" * 100_000
    with Server(answer({"error": "nope", "error_description": words}, "400 Bad")) as server:
        error = failure(endpoint, server)
    assert isinstance(error, OAuthError)
    assert error.error_description is not None
    assert error.error_description.isprintable()
    assert len(error.error_description) <= 301
    assert len(str(error)) < 500


def test_the_servers_words_about_scope_and_audience_are_shown(endpoint: Endpoint) -> None:
    words = "client_credentials: https://api.example.com has no read:everything"
    with Server(answer({"error": "nope", "error_description": words}, "400 Bad")) as server:
        error = failure(
            endpoint, server, scope="read:everything", audience="https://api.example.com"
        )
    assert words in str(error)


def test_a_secret_that_is_part_of_an_error_code_does_not_hide_the_code(endpoint: Endpoint) -> None:
    with Server(answer({"error": "invalid_client"}, "401 No")) as server:
        assert type(failure(endpoint, server, secret="client")) is InvalidClient


def test_words_that_are_not_str_are_left_out(endpoint: Endpoint) -> None:
    members = {"error": "nope", "error_description": ["x"], "error_uri": 7}
    with Server(answer(members, "400 Bad")) as server:
        error = failure(endpoint, server)
    assert isinstance(error, OAuthError)
    assert (error.error_description, error.error_uri) == (None, None)
