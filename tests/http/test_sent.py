"""The secrets in a request, which no message shows."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from requests_cc.http.sent import body_texts, sent_texts

URL = "https://auth.example.com/token"


@pytest.mark.parametrize(
    ("settings", "texts"),
    [
        ({"data": {"a": "long enough", "b": "z"}}, {"long enough", "long+enough"}),
        ({"data": {"token": "z"}}, {"z"}),
        ({"json": {"a": "long enough", "b": ["z", "1"]}}, {"long enough", "['z', '1']"}),
        ({"data": b"[1]"}, set()),
        ({"data": "{not JSON"}, set()),
        ({}, set()),
    ],
)
def test_the_values_in_a_body_are_found(settings: dict[str, Any], texts: set[str]) -> None:
    request = requests.Request("POST", URL, **settings).prepare()
    assert set(body_texts(request)) == texts


@pytest.mark.parametrize(
    ("name", "value", "texts"),
    [
        ("Accept", "application/json", set()),
        ("X-Trace", "short", set()),
        ("X-Trace", "long enough", {"long enough"}),
        ("X-Trace", b"long enough", {"long enough"}),
        ("X-Api-Key", "k", {"k"}),
        ("Cookie", "a=1; sid=xyz", {"a=1; sid=xyz", "1", "xyz", "sid=xyz"}),
        ("Authorization", "Bearer t", {"Bearer t", "t"}),
        ("Authorization", "Basic bWU6cHc=", {"Basic bWU6cHc=", "bWU6cHc=", "pw"}),
        ("Authorization", "Basic b", {"Basic b", "b", ""}),
    ],
)
def test_the_secrets_in_a_header_are_found(name: str, value: Any, texts: set[str]) -> None:
    request = requests.Request("POST", URL).prepare()
    request.headers = requests.structures.CaseInsensitiveDict({name: value})
    assert set(sent_texts(request)) - {""} == texts - {""}


def test_the_query_and_its_values_are_found() -> None:
    request = requests.Request("POST", f"{URL}?key=k1&page=2&a=long%20enough").prepare()
    assert set(sent_texts(request)) == {"key=k1&page=2&a=long%20enough", "k1", "long enough"}
