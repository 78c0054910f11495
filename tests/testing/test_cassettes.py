"""The filter for vcrpy; tests/ecosystem/test_vcrpy.py runs it with vcrpy itself."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from requests_cc.testing.cassettes import without_secrets

Filters = dict[str, Any]


def recorded_request(
    filters: Filters,
    *,
    uri: str = "https://api.example.com/orders",
    headers: dict[str, Any] | None = None,
    body: Any = None,
) -> SimpleNamespace:
    request = SimpleNamespace(uri=uri, headers=headers or {}, body=body)
    return filters["before_record_request"](request)


def recorded_response(filters: Filters, body: bytes, **headers: list[str]) -> dict[str, Any]:
    response = {"status": {"code": 200}, "headers": headers, "body": {"string": body}}
    return filters["before_record_response"](response)


def bearer(filters: Filters, token: str) -> str:
    headers = recorded_request(filters, headers={"Authorization": f"Bearer {token}"}).headers
    return headers["Authorization"]


@pytest.fixture
def filters() -> Filters:
    return without_secrets()


def test_two_tokens_have_two_numbers_wherever_they_occur(filters: Filters) -> None:
    for number, token in ((1, "first"), (2, "second"), (1, "first")):
        body = json.dumps({"access_token": token, "expires_in": 60}).encode()
        answer = json.loads(recorded_response(filters, body)["body"]["string"])
        assert answer == {"access_token": f"token-{number}", "expires_in": 60}
        assert bearer(filters, token) == f"Bearer token-{number}"
        echoed = recorded_response(filters, f"<p>{token}</p>".encode())["body"]["string"]
        assert echoed == f"<p>token-{number}</p>".encode()


def test_a_token_that_no_response_brought_has_a_number_too(filters: Filters) -> None:
    assert bearer(filters, "from-a-cache") == "Bearer token-1"


def test_a_replayed_number_stays_and_is_given_to_no_other_token(filters: Filters) -> None:
    assert bearer(filters, "token-7") == "Bearer token-7"
    assert bearer(filters, "a-new-one") == "Bearer token-8"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Authorization", "Basic c2hvcDpzZWNyZXQ=", "Basic hidden"),
        ("authorization", b"Basic c2hvcDpzZWNyZXQ=", "Basic hidden"),
        ("Proxy-Authorization", 'Digest username="shop", response="1f"', "Digest hidden"),
        ("Authorization", "bare-token", "token-1"),
        ("Authorization", ["Bearer of-a-list"], ["Bearer token-1"]),
        ("DPoP", "a.signed.proof", "hidden"),
        ("X-Api-Key", "0815", "hidden"),
        ("Accept", "application/json", "application/json"),
    ],
)
def test_headers(name: str, value: Any, shown: Any) -> None:
    filters = without_secrets(headers=["x-api-key"])
    assert recorded_request(filters, headers={name: value}).headers == {name: shown}


def test_a_token_in_another_header_is_found_once_a_response_brought_it(filters: Filters) -> None:
    recorded_response(filters, b'{"access_token": "of-the-shop"}')
    headers = {"X-Shopify-Access-Token": "of-the-shop"}
    headers = recorded_request(filters, headers=headers).headers
    assert headers == {"X-Shopify-Access-Token": "token-1"}


def test_a_form_has_no_secret_and_no_token(filters: Filters) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    body = b"scope=a+b&client_secret=s%26t&client_assertion=x.y.z&subject_token=abc&empty="
    request = recorded_request(filters, headers=headers, body=body)
    assert request.body == (
        b"scope=a+b&client_secret=hidden&client_assertion=hidden&subject_token=token-1&empty="
    )


def test_a_form_without_secrets_stays_as_it_was(filters: Filters) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    request = recorded_request(filters, headers=headers, body=b"scope=a%20b")
    assert request.body == b"scope=a%20b"


def test_json_has_no_secret_at_any_depth(filters: Filters) -> None:
    body = json.dumps({"n": 1, "logins": [{"password": "p"}], "token": "t"}).encode()
    request = recorded_request(filters, headers={"Content-Type": "application/json"}, body=body)
    assert json.loads(request.body) == {
        "n": 1,
        "logins": [{"password": "hidden"}],
        "token": "token-1",
    }


def test_a_query_has_no_secret(filters: Filters) -> None:
    uri = "https://api.example.com/orders?client_secret=s&page=2"
    assert recorded_request(filters, uri=uri).uri == uri.replace("=s&", "=hidden&")


@pytest.mark.parametrize("body", [None, iter([b"parts"])])
def test_a_body_that_is_not_bytes_stays_as_it_was(filters: Filters, body: Any) -> None:
    assert recorded_request(filters, body=body).body is body


def test_bytes_that_are_not_text_stay_as_they_were(filters: Filters) -> None:
    assert recorded_request(filters, body=b"\xff\x00").body == b"\xff\x00"
    assert recorded_response(filters, b"\xff\x00")["body"]["string"] == b"\xff\x00"


def test_the_length_is_that_of_the_changed_body(filters: Filters) -> None:
    headers = {"Content-Length": ["31"], "ETag": ["x"]}
    response = recorded_response(filters, b'{"access_token": "long-long-one"}', **headers)
    body = response["body"]["string"]
    assert response["headers"] == {"Content-Length": [str(len(body))], "ETag": ["x"]}


def test_further_members_of_a_response_may_hold_a_token() -> None:
    filters = without_secrets(members=["sessionToken"])
    response = recorded_response(filters, b'{"data": {"sessionToken": "abc", "id": 7}}')
    assert json.loads(response["body"]["string"]) == {"data": {"sessionToken": "token-1", "id": 7}}
