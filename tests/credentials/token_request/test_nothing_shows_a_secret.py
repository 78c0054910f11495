"""No error shows a secret, whatever the server says."""

from __future__ import annotations

import base64
import logging
import pickle
import traceback
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import requests

from requests_cc import InvalidClient, OAuthError
from tests.support.scripts import answer, drop
from tests.support.server import Server

from .clients import HTML, SECRET, client, failure

FORMS = {
    "plain": SECRET,
    "percent": quote(SECRET, safe=""),
    "percent, lower": "s3cr3t%2fwith%2bsigns%20%c3%bc",
    "plus": quote(SECRET, safe="").replace("%20", "+"),
    "base64": base64.b64encode(f"me:{SECRET}".encode()).decode(),
    "base64 of the encoded": base64.b64encode(f"me:{quote(SECRET, safe='')}".encode()).decode(),
    "between control characters": SECRET[:4] + "\x00\x1b" + SECRET[4:],
    "a param": "hunter2hunter2",
    "the query": "key=k3yk3yk3y",
}
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
    form: str, member: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "requests_cc")
    members = {"error": "x", member: f"bad {FORMS[form]} here"}
    with Server(answer(members, "400 Bad")) as server:
        url = f"{server.url}?key=k3yk3yk3y"
        error = failure(url, params={"password": "hunter2hunter2"})
    assert isinstance(error, OAuthError)
    assert getattr(error, member) == "bad [hidden] here"
    for text in [*_shown_by(error), caplog.text]:
        assert not [hidden for hidden in HIDDEN if hidden in text]


@pytest.mark.parametrize("auth", ["client_secret_basic", "client_secret_post"])
@pytest.mark.parametrize(
    "bad",
    [drop, answer(HTML), answer({"access_token": "t0k\n"}), answer(b"", "500 Oops"),
     answer(b"", "302 Found")],
)  # fmt: skip
def test_no_error_shows_what_was_sent(bad, auth: str) -> None:
    with Server(bad) as server:
        error = failure(
            f"{server.url}?key=k3yk3yk3y", auth=auth, params={"password": "hunter2hunter2"}
        )
    for text in _shown_by(error):
        assert not [hidden for hidden in HIDDEN if hidden in text]
        assert "t0k" not in text


def test_an_error_of_the_users_own_shows_nothing_of_ours() -> None:
    def broken(request: requests.PreparedRequest) -> requests.PreparedRequest:
        raise LookupError("a user's own")

    with pytest.raises(LookupError, match="a user's own") as raised:
        client(
            "http://127.0.0.1:1/token?key=k3yk3yk3y",
            None,
            auth=broken,
            params={"password": "hunter2hunter2"},
        ).request_token()
    frames = [frame for frame, _ in traceback.walk_tb(raised.value.__traceback__)]
    assert frames[-1].f_code.co_name == "broken"
    for frame in frames:
        if frame.f_code.co_name != "test_an_error_of_the_users_own_shows_nothing_of_ours":
            assert "hunter2" not in repr(frame.f_locals)
            assert "k3yk3y" not in repr(frame.f_locals)


def test_the_servers_words_are_cleaned_and_cut() -> None:
    words = "line one\r\nline \x1b[31mtwo\u202e " + "x" * 100_000
    with Server(answer({"error": "nope", "error_description": words}, "400 Bad")) as server:
        error = failure(server.url)
    assert isinstance(error, OAuthError)
    assert error.error_description is not None
    assert error.error_description.isprintable()
    assert len(error.error_description) <= 301
    assert len(str(error)) < 500


def test_the_servers_words_about_scope_and_audience_are_shown() -> None:
    words = "client_credentials: https://api.example.com has no read:everything"
    with Server(answer({"error": "nope", "error_description": words}, "400 Bad")) as server:
        error = failure(server.url, scope="read:everything", audience="https://api.example.com")
    assert words in str(error)


def test_a_secret_that_is_part_of_an_error_code_does_not_hide_the_code() -> None:
    with Server(answer({"error": "invalid_client"}, "401 No")) as server:
        assert type(failure(server.url, secret="client")) is InvalidClient


def test_words_that_are_no_text_are_left_out() -> None:
    members = {"error": "nope", "error_description": ["x"], "error_uri": 7}
    with Server(answer(members, "400 Bad")) as server:
        error = failure(server.url)
    assert isinstance(error, OAuthError)
    assert (error.error_description, error.error_uri) == (None, None)
