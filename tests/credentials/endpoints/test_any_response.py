"""Whatever bytes a server sends, the caller gets a typed error."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
import requests
from hypothesis import given, strategies as st

from requests_cc import ClientCredentials, InvalidTokenResponse, TokenRequestError
from tests.support.scripts import answer
from tests.support.server import Connection, Server

from .endpoint import ENDPOINTS, client, failure

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("leftovers"),
]
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Fuzzed:
    """A server that reads a request and sends ``response``, whatever that is."""

    def __init__(self) -> None:
        self.response = b""
        self.server = Server(play=self._play)

    def _play(self, connection: Connection) -> None:
        connection.read_request()
        connection.send(self.response)


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Fuzzed]:
    fuzzed = Fuzzed()
    with fuzzed.server:
        yield fuzzed


def names() -> st.SearchStrategy[bytes]:
    known = (
        b"Content-Length", b"Transfer-Encoding", b"Content-Encoding", b"Content-Type", b"Location",
        b"Retry-After", b"Connection", b"Set-Cookie", b"WWW-Authenticate", b"DPoP-Nonce",
    )  # fmt: skip
    return st.sampled_from(known) | st.binary(max_size=9)


def values() -> st.SearchStrategy[bytes]:
    known = (
        b"chunked", b"gzip", b"deflate", b"identity", b"-1", b"0", b"99999999999999999999999",
        b"close", b"Basic realm=", b"text/html; charset=x", b"/x", b"http://[", b"a=b; expires=x",
        b"Wed, 32 Foo 99999 25:61:61 GMT", b"inf", b"2", b"1, 2",
    )  # fmt: skip
    return st.sampled_from(known) | st.binary(max_size=20)


STATUS_LINES = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.1 401 No", b"HTTP/1.0 400 X", b"HTTP/1.1 302 Y", b"HTTP/1.1 100",
     b"HTTP/1.1 204", b"HTTP/9.9 200 OK", b"HTTP/1.1 99999 X", b"HTTP/1.1 -1 X", b"ICY 200 OK", b""]
) | st.binary(max_size=20)  # fmt: skip
CHUNKS = st.lists(
    st.sampled_from([b"-1", b"-2;a", b"fffffffffffffffffffffff", b"0", b"1", b"0x1", b"", b"g"])
    | st.binary(max_size=5)
)
BODIES = st.one_of(
    st.binary(max_size=60),
    CHUNKS.map(lambda sizes: b"".join(size + b"\r\n \r\n" for size in sizes)),
    st.sampled_from(
        [b'{"error": {}}', b'{"error": "x", "error_description": 1}', b"[" * 2000, b"1e999", b"NaN",
         b'{"access_token": 1}', b'{"access_token": "t", "expires_in": 1e999}', b"9" * 5000,
         b'{"access_token": "t", "token_type": []}', b'{"error": "\\ud800"}', b'{"": {"": [[]]}}']
    ),
)  # fmt: skip
RESPONSES = st.builds(
    lambda line, fields, body: b"\r\n".join(
        [line, *(name + b": " + value for name, value in fields), b"", body]
    ),
    STATUS_LINES,
    st.lists(st.tuples(names(), values()), max_size=6),
    BODIES,
) | st.binary(max_size=200)


@given(response=RESPONSES)
def test_whatever_bytes_a_server_sends_the_error_is_typed(fuzzed: Fuzzed, response: bytes) -> None:
    fuzzed.response = response
    credentials: ClientCredentials = client(fuzzed.server, timeout=(5.0, 5.0))
    with suppress(TokenRequestError):
        credentials.request_token()


@pytest.mark.parametrize(
    "chunks",
    [
        b"-1\r\n \r\n0\r\n\r\n",
        b"-2\r\n \r\n0\r\n\r\n",
        b"f" * 40 + b"\r\n \r\n",
        b"7fffffffffffffff\r\n \r\n",
        b"x\r\n",
    ],
    ids=["negative", "more negative", "huge", "largest", "not a number"],
)
def test_a_chunk_of_an_impossible_size_is_a_typed_error(chunks: bytes) -> None:
    with Server(CHUNKED + chunks) as server:
        error = failure(ENDPOINTS["token"], server)
    assert isinstance(error, requests.RequestException)
    assert error.__context__ is None


def test_what_is_no_http_error_says_what_it_is() -> None:
    class Overflowing(requests.adapters.HTTPAdapter):
        def send(self, *args, **kwargs):
            response = super().send(*args, **kwargs)
            response.headers["Content-Encoding"] = 7  # type: ignore[assignment]
            return response

    with Server(answer(b"{}")) as server, requests.Session() as session:
        session.mount("http://", Overflowing())
        error = failure(ENDPOINTS["token"], server, session=session)
    assert type(error) is InvalidTokenResponse
    assert "sent a response that is not valid HTTP (AttributeError: " in str(error)
    assert threading.active_count() < 50
