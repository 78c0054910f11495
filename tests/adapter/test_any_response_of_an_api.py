"""Whatever bytes an API sends, a caller gets what plain requests returns or raises."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from hypothesis import example, given, strategies as st

from requests_cc import AccessToken, ClientCredentialsAdapter, TokenCache, mount
from tests.credentials.endpoints.test_any_response import BODIES, RESPONSES
from tests.support.scripts import answer
from tests.support.server import Connection, Server

pytestmark = pytest.mark.usefixtures("leftovers")
HEAD = b"HTTP/1.1 401 No\r\n"
SIZES = st.sampled_from([b"-2", b"-1", b"5", b"0", b"f" * 40, b"g", b""]) | st.binary(max_size=3)
CHUNKED_REJECTIONS = st.lists(SIZES, min_size=1, max_size=3).map(
    lambda sizes: (
        HEAD
        + b"Transfer-Encoding: chunked\r\n\r\n"
        + b"".join(size + b"\r\nhello\r\n" for size in sizes)
    )
)
REJECTIONS = st.builds(
    lambda fields, body: HEAD + fields + b"\r\n\r\n" + body,
    st.sampled_from(
        [b"Content-Length: 9", b"Content-Length: -9", b"Content-Encoding: gzip", b"X: y",
         b'WWW-Authenticate: Bearer error="', b"Set-Cookie: a=b; expires=x"]
    ),
    BODIES,
)  # fmt: skip


class Source:
    cache_key = "key"

    def __init__(self) -> None:
        self.requests = 0

    def request_token(self) -> AccessToken:
        self.requests += 1
        return AccessToken(f"token-{self.requests}")


class Fuzzed:
    """An API that sends ``response`` unless it gets the second token."""

    def __init__(self) -> None:
        self.response = b""
        self.server = Server(play=self._play)

    def _play(self, connection: Connection) -> None:
        renewed = connection.read_request().token == "token-2"
        connection.send(answer(b"fine") if renewed else self.response)


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Fuzzed]:
    fuzzed = Fuzzed()
    with fuzzed.server:
        yield fuzzed


def outcome(session: requests.Session, url: str) -> requests.Response | Exception:
    try:
        with session, session.get(url, stream=True, allow_redirects=False, timeout=10) as response:
            return response
    except Exception as error:  # noqa: BLE001 - the test's to judge
        return error


@pytest.mark.rule(5)
@example(response=HEAD + b"Transfer-Encoding: chunked\r\n\r\n-2\r\nhello\r\n")
@given(response=RESPONSES | REJECTIONS | CHUNKED_REJECTIONS)
def test_whatever_bytes_an_api_sends_the_outcome_is_that_of_requests(
    fuzzed: Fuzzed, response: bytes
) -> None:
    fuzzed.response = response
    plain = outcome(requests.Session(), fuzzed.server.url)
    source, session = Source(), requests.Session()
    adapter = ClientCredentialsAdapter(source, origins=fuzzed.server.origin, cache=TokenCache())
    mount(session, adapter)
    ours = outcome(session, fuzzed.server.url)
    if source.requests == 1:
        assert type(ours) is type(plain)
    elif not isinstance(ours, requests.ConnectionError):  # kept alive, and closed by the server
        assert isinstance(ours, requests.Response)
        assert ours.status_code == 200
