"""The resend carries the same bytes, or there is no resend."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from requests_cc import TokenCache
from tests.support.api import Api, needs_token, session_for
from tests.support.scripts import Reply, Request
from tests.support.threads import within


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    path = tmp_path / "upload.bin"
    path.write_bytes(bytes(range(32, 127)) * 1000)  # ASCII, for the text file
    return path


def at(offset: int, file: Any) -> Any:
    file.seek(offset)
    return file


REPLAYABLE: dict[str, Callable[[Callable[..., Any]], dict[str, Any]]] = {
    "nothing": lambda _: {},
    "bytes": lambda _: {"data": b"\x00\xffbytes"},
    "str": lambda _: {"data": "string"},
    "bytearray": lambda _: {"data": bytearray(b"array")},
    "memoryview": lambda _: {"data": memoryview(b"view")},
    "form": lambda _: {"data": {"a": "1", "b": ["2", "3"]}},
    "json": lambda _: {"json": {"a": [1, 2, {"b": "\u00e4"}]}},
    "multipart": lambda opened: {"files": {"f": opened("rb")}, "data": {"x": "y"}},
    "file": lambda opened: {"data": opened("rb")},
    "file at an offset": lambda opened: {"data": at(1000, opened("rb"))},
    "BytesIO": lambda _: {"data": io.BytesIO(b"in memory" * 5000)},
    "BytesIO at an offset": lambda _: {"data": at(3, io.BytesIO(b"in memory"))},
    "text file": lambda opened: {"data": opened("r", encoding="latin-1", newline="")},
}


def wire(arrived: Request) -> bytes:
    """The bytes of a request, the token left out."""
    assert arrived.token is not None
    return arrived.raw.replace(arrived.token.encode(), b"TOKEN")


@pytest.mark.rule(6)
@pytest.mark.filterwarnings("ignore::requests.exceptions.FileModeWarning")
@pytest.mark.parametrize("kind", REPLAYABLE)
def test_the_resend_has_the_same_bytes(server, upload, kind):
    with Api(needs_token) as api, session_for(server, api.origin) as session:
        session.get(api.origin)
        api.revoke()
        with ExitStack() as files:
            body = REPLAYABLE[kind](lambda *a, **k: files.enter_context(upload.open(*a, **k)))
            assert session.post(api.origin + "/path?q=1", **body).status_code == 200
    _, first, second = api.requests
    assert wire(second) == wire(first)
    assert second.token != first.token
    if kind == "file at an offset":
        assert second.body == upload.read_bytes()[1000:]


class Unseekable(io.BytesIO):
    def seek(self, *_: object) -> int:
        raise OSError("not today")


class Rude(io.BytesIO):
    """It says where it stands, with an error of its own kind."""

    def tell(self) -> int:
        raise RuntimeError("do not ask")


def piped() -> Any:
    reader, writer = os.pipe()
    os.write(writer, b"through a pipe")
    os.close(writer)
    return os.fdopen(reader, "rb")


NOT_REPLAYABLE: dict[str, Callable[[], Any]] = {
    "generator": lambda: (piece for piece in [b"one", b"two"]),
    "iterator": lambda: iter([b"one", b"two"]),
    "pipe": piped,
    "a file whose seek fails": lambda: Unseekable(b"x" * 100),
}


@pytest.mark.rule(6)
@pytest.mark.parametrize("kind", NOT_REPLAYABLE)
def test_a_body_that_cannot_be_replayed_is_not_resent_and_the_next_call_works(server, kind):
    with Api(needs_token) as api, session_for(server, api.origin) as session:
        session.get(api.origin)
        api.revoke()
        body = NOT_REPLAYABLE[kind]()
        response = session.post(api.origin, data=body)
        getattr(body, "close", int)()
        assert (response.status_code, response.text, response.history) == (401, "revoked", [])
        assert len(api.requests) == 2
        assert api.requests[1].body
        assert session.get(api.origin).status_code == 200
    assert len(server.token_requests) == 2


@pytest.mark.rule(6)
def test_a_body_that_cannot_say_where_it_stands_is_not_resent(server):
    with Api(needs_token) as api, session_for(server, api.origin) as session:
        session.get(api.origin)
        api.revoke()
        request = session.prepare_request(requests.Request("POST", api.origin, data=b"x"))
        request.body = Rude(b"y")
        # urllib3 asks as well, and takes only an OSError for an answer.
        with pytest.raises(RuntimeError, match="do not ask"):
            session.send(request)
        assert session.get(api.origin).status_code == 200


def test_a_closed_file_fails_as_with_any_adapter_and_the_next_call_works(server, upload):
    with Api(needs_token) as api, session_for(server, api.origin) as session:
        file = upload.open("rb")
        request = session.prepare_request(requests.Request("POST", api.origin, data=file))
        file.close()
        with pytest.raises(ValueError, match="closed"):
            session.send(request)
        assert session.get(api.origin).status_code == 200


@pytest.mark.rule(6)
def test_a_file_that_is_closed_during_the_first_send_is_not_resent(server):
    class Closing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.closed:
                return b""
            content = super().read(size)
            if self.tell() == 4:
                self.close()
            return content

    with Api(needs_token) as api, session_for(server, api.origin) as session:
        session.get(api.origin)
        api.revoke()
        response = session.post(api.origin, data=Closing(b"body"))
        assert (response.status_code, api.requests[-1].body) == (401, b"body")
        assert session.get(api.origin).status_code == 200


def test_uploads_to_an_api_that_always_returns_401_do_not_request_a_token_each(server):
    with Api(lambda _: Reply(401)) as api, session_for(server, api.origin) as session:
        statuses = [session.post(api.origin, data=iter([b"x"])).status_code for _ in range(50)]
    assert statuses == [401] * 50
    assert len(server.token_requests) <= 8


def test_the_401_to_an_upload_is_whole(server):
    """It is the caller's answer, and not what is set aside for history."""
    body = b"w" * 300_000
    with Api(lambda arrived: Reply(401, body=body) if arrived.body else Reply()) as api:
        with session_for(server, api.origin) as session:
            assert session.post(api.origin, data=iter([b"x"])).content == body
        with session_for(server, api.origin) as session:
            streamed = session.post(api.origin, data=iter([b"x"]), stream=True)
            assert b"".join(streamed.iter_content(10_000)) == body


@pytest.mark.parametrize(
    "rejection",
    [Reply(401), Reply(401, body=b"w" * 300_000), Reply(401, pieces=[b"w" * 300_000])],
    ids=["small", "large", "chunked"],
)
def test_an_upload_holds_no_connection_while_its_token_is_renewed(server, rejection):
    seen: list[object] = []

    def answer(arrived: Request) -> Reply:
        return rejection if arrived.body and not seen else Reply()

    def observe(event: object) -> None:
        if type(event).__name__ == "TokenRequested" and cache.stats().rejections:
            seen.append(within(10, lambda: session.get(api.origin + "/probe").text))

    cache = TokenCache(observers=[observe])
    with Api(answer) as api:
        options = {"cache": cache, "pool_maxsize": 1, "pool_block": True}
        with session_for(server, api.origin, **options) as session:
            assert session.post(api.origin, data=iter([b"x"])).status_code == 401
    assert seen == ["fine"]


@pytest.mark.rule(2)
def test_a_prepared_request_can_be_sent_twice_and_is_never_changed(server):
    with Api(needs_token) as api, session_for(server, api.origin) as session:
        request = session.prepare_request(
            requests.Request("PUT", api.origin, data=b"body", headers={"authorization": "mine"})
        )
        before = dict(request.headers), request.url, request.method, request.body
        assert session.send(request).request is request
        api.revoke()
        response = session.send(request)
        assert response.request is request
        assert response.history[0].request is request
        assert (dict(request.headers), request.url, request.method, request.body) == before
    assert [arrived.body for arrived in api.requests] == [b"body"] * 3


def test_a_prepared_request_with_plain_headers_has_one_authorization(server):
    with Api(needs_token) as api, session_for(server, api.origin) as session:
        request = session.prepare_request(requests.Request("GET", api.origin))
        request.headers = {"authorization": "mine"}  # type: ignore[assignment]
        assert session.send(request).status_code == 200
    assert len(api.requests[0].headers.get_all("Authorization")) == 1
    assert request.headers == {"authorization": "mine"}
