"""How a body arrives: whole, in chunks, or malformed."""

from __future__ import annotations

import http.client

import pytest
import requests
from hypothesis import given, strategies as st

from requests_cc.testing import LocalServer

from .clients import bearer, connect, examples, exchange, request_token


def test_a_generator_is_uploaded_in_chunks_and_arrives_whole(
    server: LocalServer, http_session: requests.Session
) -> None:
    headers = bearer(request_token(http_session, server))
    pieces = [b"one", b"", b"two" * 50_000, b"\r\n0\r\n\r\n"]
    described = http_session.put(server.api_url, data=iter(pieces), headers=headers)
    assert server.api_requests[0].headers["Transfer-Encoding"] == "chunked"
    assert server.api_requests[0].body == b"".join(pieces)
    assert described.json()["body_length"] == len(b"".join(pieces))
    assert http_session.get(server.api_url, headers=headers).status_code == 200


def test_any_body_in_any_chunks_leaves_the_connection_ready_for_the_next_request(
    server: LocalServer,
) -> None:
    extensions = st.sampled_from([b"", b";name=value", b' ; quoted="a;b"'])
    chunks = st.lists(st.tuples(st.binary(min_size=1, max_size=300), extensions), max_size=6)
    trailers = st.sampled_from([b"", b"Checksum: 1\r\n", b"A: 1\r\nB: 2\r\n"])
    head = b"PUT /api/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"

    with connect(server) as connection, connection.makefile("rb") as responses:

        @examples
        @given(chunks=chunks, trailer=trailers, cut=st.integers(1, 400))
        def check(chunks: list[tuple[bytes, bytes]], trailer: bytes, cut: int) -> None:
            server.reset()
            coded = b"".join(b"%X%b\r\n%b\r\n" % (len(c), extension, c) for c, extension in chunks)
            sent = head + coded + b"0\r\n" + trailer + b"\r\n"
            connection.sendall(sent[:cut])
            connection.sendall(sent[cut:])
            assert b" 401 " in responses.readline()
            response_headers = http.client.parse_headers(responses)
            responses.read(int(response_headers["Content-Length"]))
            assert server.api_requests[0].body == b"".join(chunk for chunk, _ in chunks)

        check()


@pytest.mark.parametrize(
    "framing",
    [
        b"Transfer-Encoding: gzip\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: +1\r\n\r\na",
        b"Content-Length: 1_0\r\n\r\n",
        b"Content-Length:\r\n\r\n",
        b"Content-Length: 12345678901\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n123456789\r\n",
    ],
)
def test_a_malformed_body_gets_a_400_and_ends_the_connection(
    server: LocalServer, framing: bytes
) -> None:
    response = exchange(server, b"POST /api/ HTTP/1.1\r\nHost: h\r\n" + framing)
    assert response.startswith(b"HTTP/1.1 400 ")
    assert b"Connection: close\r\n" in response
    assert server.api_requests == ()


def test_the_client_receives_a_100_before_it_sends_the_body(server: LocalServer) -> None:
    with connect(server) as connection, connection.makefile("rb") as responses:
        connection.sendall(
            b"POST /api/ HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
        )
        assert responses.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert responses.readline() == b"\r\n"
        connection.sendall(b"abc")
        assert b" 401 " in responses.readline()
    assert server.api_requests[0].body == b"abc"
