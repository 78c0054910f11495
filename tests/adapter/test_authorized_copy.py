"""The copy that carries the token: like the caller's request in all else, and apart from it."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import requests
from hypothesis import given, strategies as st
from requests.structures import CaseInsensitiveDict

from requests_cc.adapter import authorized_copy as module
from requests_cc.adapter.authorized_copy import AuthorizedHeaders, authorized_copy, hide_copy

TOKEN = "Bearer abc"


def prepared(**more: Any) -> requests.PreparedRequest:
    parts = {"headers": {"X-One": "1", "x-TWO": "2"}, "cookies": {"taste": "good"}, **more}
    with requests.Session() as session:
        return session.prepare_request(
            requests.Request("POST", "https://api.example.com/path?a=b", data=b"body", **parts)
        )


@pytest.mark.rule(2)
def test_the_copy_has_all_that_the_request_has() -> None:
    request = prepared(hooks={"response": print})
    authorized = authorized_copy(request, TOKEN)
    assert type(authorized) is requests.PreparedRequest
    assert vars(authorized).keys() == vars(request).keys()
    for name in vars(request).keys() - {"headers"}:
        assert getattr(authorized, name) is getattr(request, name), name


def test_the_headers_keep_their_order_and_their_spelling() -> None:
    request = prepared()
    before = list(request.headers.items())
    authorized = authorized_copy(request, TOKEN)
    assert list(authorized.headers.items()) == [*before, ("Authorization", TOKEN)]
    assert authorized.headers["x-one"] == authorized.headers["X-ONE"] == "1"


@pytest.mark.rule(2)
def test_an_authorization_of_the_request_is_replaced_in_the_copy_only() -> None:
    request = prepared(headers={"authorization": "Basic bWU="})
    authorized = authorized_copy(request, TOKEN)
    assert [name for name in authorized.headers if name.lower() == "authorization"] == [
        "Authorization"
    ]
    assert request.headers["Authorization"] == "Basic bWU="


@pytest.mark.rule(2)
def test_neither_set_of_headers_follows_the_other() -> None:
    request = prepared()
    authorized = authorized_copy(request, TOKEN)
    authorized.headers["X-Copy"] = "c"
    del authorized.headers["X-One"]
    request.headers["X-Request"] = "r"
    assert "X-Copy" not in request.headers
    assert request.headers["X-One"] == "1"
    assert "X-Request" not in authorized.headers


@pytest.mark.parametrize(
    "copied", [lambda h: h.copy(), copy.deepcopy, lambda h: pickle.loads(pickle.dumps(h))]
)
def test_a_copy_of_the_headers_is_equal_and_apart(copied: Any) -> None:
    headers = authorized_copy(prepared(), TOKEN).headers
    again = copied(headers)
    assert isinstance(again, CaseInsensitiveDict)
    assert again == headers
    assert list(again) == list(headers)
    again["Authorization"] = "other"
    assert headers["Authorization"] == TOKEN


def test_headers_that_are_a_plain_dict_are_copied_as_well() -> None:
    request = prepared()
    request.headers = {"X-One": "1"}  # type: ignore[assignment] # as some callers do
    authorized = authorized_copy(request, TOKEN)
    assert dict(authorized.headers) == {"X-One": "1", "Authorization": TOKEN}
    assert request.headers == {"X-One": "1"}


NAMES = st.sampled_from(["Accept", "accept", "ACCEPT", "Host", "hOST", "X-Token", "Cookie"])
CHANGES = st.lists(
    st.tuples(st.sampled_from(["set", "delete", "update", "pop"]), NAMES, st.text("ab"))
)


@given(st.dictionaries(NAMES, st.text("ab"), max_size=1), CHANGES)
def test_the_headers_behave_as_requests_own(start: dict[str, str], changes: Any) -> None:
    theirs: CaseInsensitiveDict[str] = CaseInsensitiveDict(start)
    ours = AuthorizedHeaders(start)
    for change, name, value in changes:
        for headers in (theirs, ours):
            if change == "set":
                headers[name] = value
            elif change == "update":
                headers.update({name: value})
            elif change == "pop":
                headers.pop(name, None)
            elif name in headers:
                del headers[name]
        assert list(ours) == list(ours.keys()) == list(theirs)
        assert list(ours.values()) == list(theirs.values())
        assert list(ours.items()) == list(theirs.items())
        assert (name in ours) == (name in theirs)
        assert ours.get(name) == theirs.get(name)
        assert ours == theirs
        assert theirs == ours
        assert ours.copy() == dict(theirs.lower_items())
        assert len(ours) == len(theirs)
        assert repr(ours) == repr(theirs)


def test_names_that_are_not_str_are_kept_and_found() -> None:
    headers = AuthorizedHeaders({b"X-One": b"1"})
    assert headers[b"x-one"] == b"1"
    assert "X-One" not in headers
    assert 1 not in headers
    with pytest.raises(KeyError):
        headers["X-One"]


def test_a_requests_that_keeps_headers_in_another_way_is_copied_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = prepared(headers={"X-One": "1", "authorization": "Basic bWU="})
    expected = dict(authorized_copy(request, TOKEN).headers)
    monkeypatch.setattr(module, "_SPELLINGS", None)
    assert dict(authorized_copy(request, TOKEN).headers) == expected


def test_the_copy_can_be_copied_as_requests_does_it() -> None:
    again = authorized_copy(prepared(), TOKEN).copy()
    assert again.headers["Authorization"] == TOKEN
    assert again.url == "https://api.example.com/path?a=b"


def test_what_a_user_put_on_a_request_is_on_the_copy() -> None:
    request = prepared()
    request.signer = "k1"  # type: ignore[attr-defined] # as an auth object may
    assert authorized_copy(request, TOKEN).signer == "k1"  # type: ignore[attr-defined]


class Signed(requests.PreparedRequest):
    """A user's own kind of request, with an attribute and a path of its own."""

    key_id = "none"

    @property
    def path_url(self) -> str:
        return f"/signed-with/{self.key_id}"


def test_a_users_own_kind_of_request_keeps_its_ways() -> None:
    request = Signed()
    request.__dict__.update(vars(prepared()), key_id="k1")
    authorized = authorized_copy(request, TOKEN)
    assert type(authorized) is Signed
    assert authorized.path_url == "/signed-with/k1"
    assert authorized.headers["Authorization"] == TOKEN
    assert "Authorization" not in request.headers


def failed(request: requests.PreparedRequest, authorization: str) -> requests.HTTPError:
    """As a transport raises it that sends a copy of what it was given."""
    response = requests.Response()
    response.request = authorized_copy(request, authorization).copy()
    return requests.HTTPError("500", response=response)


def test_no_error_shows_a_further_copy_that_a_transport_made() -> None:
    request = prepared()
    error = requests.ConnectionError("wrapped", request=authorized_copy(request, TOKEN).copy())
    error.__cause__, error.__context__ = failed(request, TOKEN), failed(request, TOKEN)
    error.__context__.__context__ = error  # it need not end
    hide_copy(error, TOKEN, request)
    for each in (error, error.__cause__, error.__context__):
        assert each.request is request
    assert error.__cause__.response.request is error.__context__.response.request is request


def test_an_error_that_was_there_before_keeps_its_own_request() -> None:
    """Such as one that the caller handles while it makes this call."""
    before = failed(prepared(), "Bearer other")
    own = before.request
    error = requests.ConnectionError("no request at all")
    error.__context__ = before
    hide_copy(error, TOKEN, prepared())
    assert error.request is None
    assert before.request is before.response.request is own
