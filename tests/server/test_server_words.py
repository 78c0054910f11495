"""The words of a page that a server, or something in front of it, sends in place of JSON."""

from __future__ import annotations

import json
import time

import pytest

from requests_cc.server.server_words import server_words

LONGEST = 1.0  # seconds of CPU time; what grows with the square of a page's length takes several


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<!--",
        "<script ",
        "<script>",
        "<title>",
        "<h1 ",
        "<h1>a</h2",
        "<head><head",
        "</",
        "<a ",
    ],
)
def test_a_hostile_page_takes_no_time(piece: str) -> None:
    page = f"<{piece * 200_000}".encode()
    began = time.thread_time()
    server_words(page, ["s3cret"], is_error=True)
    assert time.thread_time() - began < LONGEST


def test_of_many_texts_only_those_that_are_shown_are_searched_for_secrets() -> None:
    members = {f"k{number}": {"message": f"text {number}"} for number in range(30_000)}
    secrets = [f"a-long-secret-{number}" for number in range(100)]
    began = time.thread_time()
    words = server_words(json.dumps(members).encode(), secrets, is_error=True)
    assert time.thread_time() - began < LONGEST
    assert words == "text 0; text 1; text 2"


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (
            "<html><head><title>Bad <b>gateway</b></title></head><body>x</body></html>",
            "Bad gateway",
        ),
        ("<HTML><HEAD><TITLE>\nBad\n</TITLE></HEAD>", "Bad"),
        ("<p>Sorry</p><h2 class='a'>Closed</h2>", "Closed"),
        ("<head><style>h1 {}</style></head><p>Sorry,<br>closed</p>", "Sorry, closed"),
        ("<!-- <h1>no</h1> --><script>'<h1>no</h1>'</script><p>yes", "yes"),
        ("<!doctype html><h1>never ends<p>here", "never ends here"),
        ("<title></title>", ""),
        ("<p>a<script>never ends", "a"),
        ("<head>never ends", ""),
        ("<?xml version='1.0'?><Error>Denied &lt;here&gt;</Error>", "Denied <here>"),
    ],
)
def test_a_page_is_its_heading_or_else_what_a_browser_shows(page: str, words: str) -> None:
    assert server_words(page.encode(), [], is_error=True) == words
