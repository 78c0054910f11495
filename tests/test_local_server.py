"""requests_cc.testing.LocalServer, over real sockets, with clients that know nothing of it."""

from __future__ import annotations

import ast
import base64
import hashlib
import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

import requests_cc.testing
from requests_cc.testing import LocalServer, RecordedRequest

GRANT = {"grant_type": "client_credentials"}
PATIENCE = 20.0  # seconds until a test that waits for something gives up

examples = settings(max_examples=30, deadline=None, database=None, derandomize=True)


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture
def http_session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def request_token(session: requests.Session, server: LocalServer, **form: Any) -> requests.Response:
    return session.post(server.token_url, data={**GRANT, "client_id": "me", **form})


def bearer(answer: requests.Response) -> dict[str, str]:
    return {"Authorization": "Bearer " + answer.json()["access_token"]}


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)


def connect(server: LocalServer) -> socket.socket:
    port = urlsplit(server.origin).port
    assert port is not None
    return socket.create_connection(("127.0.0.1", port), PATIENCE)


def exchange(server: LocalServer, sent: bytes) -> bytes:
    """Send bytes and return what comes back until the server closes the connection."""
    with connect(server) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def server_threads() -> set[threading.Thread]:
    return {t for t in threading.enumerate() if t.name.startswith("requests_cc.testing")}


# The token endpoint


def test_a_token_is_issued_and_opens_the_api(
    server: LocalServer, http_session: requests.Session
) -> None:
    answer = request_token(http_session, server)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json().keys() == {"access_token", "token_type", "expires_in"}
    assert answer.json()["token_type"] == "Bearer"
    assert answer.json()["expires_in"] == 3600
    assert len(answer.json()["access_token"]) >= 32
    assert http_session.get(server.api_url, headers=bearer(answer)).status_code == 200


def test_every_token_is_another(server: LocalServer, http_session: requests.Session) -> None:
    tokens = {request_token(http_session, server).json()["access_token"] for _ in range(20)}
    assert len(tokens) == 20


def test_the_api_tells_what_was_asked_for_and_never_the_token(
    server: LocalServer, http_session: requests.Session
) -> None:
    answer = request_token(
        http_session, server, scope="read write", audience="urn:api", resource=["urn:a", "urn:b"]
    )
    assert answer.json()["scope"] == "read write"
    told = http_session.post(f"{server.api_url}orders?q=1", data=b"12345", headers=bearer(answer))
    assert told.json() == {
        "method": "POST",
        "path": "/api/orders?q=1",
        "client_id": "me",
        "scope": "read write",
        "audience": "urn:api",
        "resource": ["urn:a", "urn:b"],
        "body_length": 5,
        "body_sha256": hashlib.sha256(b"12345").hexdigest(),
    }
    assert answer.json()["access_token"] not in told.text + str(told.headers)


def test_what_was_not_asked_for_is_null(
    server: LocalServer, http_session: requests.Session
) -> None:
    told = http_session.get(server.api_url, headers=bearer(request_token(http_session, server)))
    assert (told.json()["scope"], told.json()["audience"]) == (None, None)
    assert told.json()["resource"] == []


def test_a_token_request_may_be_json(server: LocalServer, http_session: requests.Session) -> None:
    content: dict[str, Any] = {**GRANT, "resource": ["urn:a", "urn:b"], "extra": {"a": 1}}
    answer = http_session.post(server.token_url, json={**content, "client_id": "me"})
    told = http_session.get(server.api_url, headers=bearer(answer))
    assert (told.json()["client_id"], told.json()["resource"]) == ("me", ["urn:a", "urn:b"])


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (b'{"grant_type":', "is not"),
        (b"\xff\xfe\xfd", "is not"),
        (b"[1, 2]", "object"),
        (b'{"grant_type": 7}', "grant_type must be a string"),
        (b'{"grant_type": ["a", "b"]}', "grant_type is there more than once"),
        (b'{"grant_type": null}', "grant_type is missing"),
    ],
)
def test_json_that_is_no_token_request_is_an_invalid_request(
    server: LocalServer, http_session: requests.Session, body: bytes, hint: str
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = http_session.post(server.token_url, data=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert hint in answer.json()["error_description"]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("form", "hint"),
    [
        ("client_id=me", "grant_type is missing"),
        ("client_id=me&grant_type=", "grant_type is missing"),
        ("client_id=me&grant_type=a&grant_type=b", "grant_type is there more than once"),
        ("client_id=me&grant_type=a&scope=a&scope=b", "scope is there more than once"),
        ("client_id=me&client_id=you&grant_type=a", "client_id is there more than once"),
    ],
)
def test_a_form_that_is_no_token_request_is_an_invalid_request(
    server: LocalServer, http_session: requests.Session, form: str, hint: str
) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = http_session.post(server.token_url, data=form, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert hint in answer.json()["error_description"]


def test_a_body_of_another_type_has_no_parameters(
    server: LocalServer, http_session: requests.Session
) -> None:
    answer = http_session.post(server.token_url, data="grant_type=client_credentials&client_id=me")
    assert answer.status_code == 400
    assert "form-encoded or JSON" in answer.json()["error_description"]


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE"])
def test_a_token_request_is_a_post(
    server: LocalServer, http_session: requests.Session, method: str
) -> None:
    answer = http_session.request(method, server.token_url)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert len(server.token_requests) == 1


def test_another_path_is_neither_endpoint_and_the_answer_says_where_they_are(
    server: LocalServer, http_session: requests.Session
) -> None:
    answer = http_session.get(server.origin + "/")
    assert answer.status_code == 404
    assert answer.json()["token_url"] == server.token_url
    assert answer.json()["api_url"] == server.api_url
    assert server.token_requests == server.api_requests == ()


def test_a_query_does_not_change_the_endpoint(
    server: LocalServer, http_session: requests.Session
) -> None:
    answer = http_session.post(f"{server.token_url}?p=1", data={**GRANT, "client_id": "me"})
    assert answer.status_code == 200
    assert server.token_requests[0].path.endswith("?p=1")


# Client authentication


def test_a_known_client_authenticates_with_basic_or_post(http_session: requests.Session) -> None:
    with LocalServer({"me": "s3cret"}) as server:
        by_basic = http_session.post(server.token_url, data=GRANT, auth=("me", "s3cret"))
        by_post = request_token(http_session, server, client_secret="s3cret")
        both_named = request_token(http_session, server, client_secret="")
        redundant_id = http_session.post(
            server.token_url, data={**GRANT, "client_id": "me"}, auth=("me", "s3cret")
        )
    statuses = [a.status_code for a in (by_basic, by_post, both_named, redundant_id)]
    assert statuses == [200, 200, 401, 200]


@pytest.mark.parametrize("secret", ["wrong", "s3cret ", "S3CRET", "", None])
def test_a_wrong_secret_is_an_invalid_client(
    http_session: requests.Session, secret: str | None
) -> None:
    with LocalServer({"me": "s3cret"}) as server:
        by_post = request_token(http_session, server, client_secret=secret)
        by_basic = http_session.post(server.token_url, data=GRANT, auth=("me", secret or ""))
    assert by_post.status_code == by_basic.status_code == 401
    assert by_post.json()["error"] == by_basic.json()["error"] == "invalid_client"
    assert "WWW-Authenticate" not in by_post.headers
    assert by_basic.headers["WWW-Authenticate"].startswith("Basic realm=")


def test_an_unknown_client_is_an_invalid_client(http_session: requests.Session) -> None:
    with LocalServer({"me": "s3cret"}) as server:
        unknown = request_token(http_session, server, client_id="you", client_secret="s3cret")
        unnamed = http_session.post(server.token_url, data={"grant_type": "urn:any"})
    assert unknown.status_code == unnamed.status_code == 401
    assert unknown.json()["error"] == unnamed.json()["error"] == "invalid_client"


@pytest.mark.parametrize("secret", [None, ""])
def test_a_client_without_a_secret_sends_its_id_only(
    http_session: requests.Session, secret: str | None
) -> None:
    with LocalServer({"public": secret}) as server:
        alone = request_token(http_session, server, client_id="public")
        empty = request_token(http_session, server, client_id="public", client_secret="")
        extra = request_token(http_session, server, client_id="public", client_secret="x")
    assert [a.status_code for a in (alone, empty, extra)] == [200, 200, 401]


def test_later_changes_of_the_clients_mapping_do_not_reach_the_server(
    http_session: requests.Session,
) -> None:
    clients: dict[str, str | None] = {"me": "old"}
    with LocalServer(clients) as server:
        clients["me"] = "new"
        assert request_token(http_session, server, client_secret="old").status_code == 200


def test_without_clients_any_client_is_known_but_it_must_say_which_it_is(
    server: LocalServer, http_session: requests.Session
) -> None:
    assert http_session.post(server.token_url, data=GRANT, auth=("x", "y")).status_code == 200
    assert request_token(http_session, server, client_secret="anything").status_code == 200
    assert http_session.post(server.token_url, data=GRANT).json()["error"] == "invalid_client"
    assert http_session.post(server.token_url, data=GRANT, auth=("", "y")).status_code == 401


def test_an_assertion_as_the_grant_needs_no_client(
    server: LocalServer, http_session: requests.Session
) -> None:
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "a.b.c"}
    answer = http_session.post(server.token_url, data=form)
    told = http_session.get(server.api_url, headers=bearer(answer))
    assert told.json()["client_id"] is None


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic",
        "Basic !!!",
        "Basic bWU=",
        "Basic /zr/",
        "Basic JWZmOng=",
        "Basic é",
        "Basic bT!pz",
        "Bearer bTpz",
    ],
)
def test_an_authorization_header_that_is_not_basic_is_an_invalid_client(
    server: LocalServer, authorization: str
) -> None:
    # Without a colon, not UTF-8, form-encoded but not UTF-8, not base64, another scheme.
    connection = http.client.HTTPConnection(urlsplit(server.origin).netloc, timeout=PATIENCE)
    form = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": authorization}
    connection.request("POST", "/oauth/token", b"grant_type=client_credentials", form)
    answer = connection.getresponse()
    assert (answer.status, json.load(answer)["error"]) == (401, "invalid_client")
    assert "Basic realm=" in answer.headers["WWW-Authenticate"]
    connection.close()


@pytest.mark.parametrize("form", [{"client_secret": "s"}, {"client_id": "another"}])
def test_a_client_that_authenticates_twice_is_an_invalid_request(
    server: LocalServer, http_session: requests.Session, form: dict[str, str]
) -> None:
    answer = http_session.post(server.token_url, data={**GRANT, **form}, auth=("me", "s"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_two_authorization_headers_are_an_invalid_request_at_either_endpoint(
    server: LocalServer,
) -> None:
    two = b"Host: h\r\nConnection: close\r\nAuthorization: Basic bTpz\r\n" * 2
    form = (
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 12\r\n\r\ngrant_type=a"
    )
    for request_line, rest in [(b"POST /oauth/token", form), (b"GET /api/", b"\r\n")]:
        answer = exchange(server, request_line + b" HTTP/1.1\r\n" + two + rest)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b'"invalid_request"' in answer


client_texts = st.text(
    st.sampled_from("aZ09 +%:&=;/?#'\"\\~-._\x00\n\x7fé€😀"), min_size=1, max_size=20
)


@examples
@given(client_id=client_texts, secret=client_texts, encode=st.sampled_from([quote, quote_plus]))
def test_any_id_and_secret_survive_form_encoding_in_basic(
    client_id: str, secret: str, encode: Callable[..., str]
) -> None:
    with LocalServer({client_id: secret}) as server, requests.Session() as session:
        session.trust_env = False
        headers = basic(f"{encode(client_id, safe='')}:{encode(secret, safe='')}")
        answer = session.post(server.token_url, data=GRANT, headers=headers)
        assert answer.status_code == 200
        told = session.get(server.api_url, headers=bearer(answer))
        assert told.json()["client_id"] == client_id


def test_a_secret_that_was_not_form_encoded_is_another_secret(
    http_session: requests.Session,
) -> None:
    with LocalServer({"me": "a+b%20c"}) as server:
        raw = http_session.post(server.token_url, data=GRANT, headers=basic("me:a+b%20c"))
        encoded = http_session.post(
            server.token_url, data=GRANT, headers=basic("me:" + quote("a+b%20c"))
        )
    assert (raw.status_code, encoded.status_code) == (401, 200)


# The API


@pytest.mark.parametrize("headers", [{}, basic("me:s"), {"Authorization": ""}])
def test_the_api_wants_a_token(
    server: LocalServer, http_session: requests.Session, headers: dict[str, str]
) -> None:
    answer = http_session.get(server.api_url, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")
    assert "error=" not in answer.headers["WWW-Authenticate"]
    assert answer.content == b""


@pytest.mark.parametrize("authorization", ["Bearer unknown", "Bearer", "bearer  "])
def test_an_unknown_token_is_an_invalid_token(
    server: LocalServer, http_session: requests.Session, authorization: str
) -> None:
    answer = http_session.get(server.api_url, headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert answer.json()["error"] == "invalid_token"


def test_the_schemes_letter_case_and_the_number_of_spaces_do_not_matter(
    server: LocalServer, http_session: requests.Session
) -> None:
    token = request_token(http_session, server).json()["access_token"]
    headers = {"Authorization": f"bEARER  {token}"}
    assert http_session.get(server.api_url, headers=headers).status_code == 200


def test_revoked_tokens_are_refused_and_later_ones_are_not(
    server: LocalServer, http_session: requests.Session
) -> None:
    old = bearer(request_token(http_session, server))
    server.revoke_tokens()
    answer = http_session.get(server.api_url, headers=old)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    new = bearer(request_token(http_session, server))
    assert http_session.get(server.api_url, headers=new).status_code == 200


def test_an_expired_token_is_refused(server: LocalServer, http_session: requests.Session) -> None:
    server.token_lifetime = 0.05
    answer = request_token(http_session, server)
    assert answer.json()["expires_in"] == 0.05
    headers = bearer(answer)
    eventually(lambda: http_session.get(server.api_url, headers=headers).status_code == 401)


def test_the_lifetime_is_that_of_the_tokens_issued_from_now_on(
    server: LocalServer, http_session: requests.Session
) -> None:
    before = bearer(request_token(http_session, server))
    server.token_lifetime = 0
    answer = request_token(http_session, server)
    assert answer.json()["expires_in"] == 0
    assert http_session.get(server.api_url, headers=bearer(answer)).status_code == 401
    assert http_session.get(server.api_url, headers=before).status_code == 200


def test_without_a_lifetime_there_is_no_expires_in(
    server: LocalServer, http_session: requests.Session
) -> None:
    server.token_lifetime = None
    answer = request_token(http_session, server)
    assert "expires_in" not in answer.json()
    assert http_session.get(server.api_url, headers=bearer(answer)).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize("path", ["", "a", "a/b%20c", "?q=1", "oauth/token"])
def test_the_api_takes_any_method_and_path(
    server: LocalServer, http_session: requests.Session, method: str, path: str
) -> None:
    headers = bearer(request_token(http_session, server))
    told = http_session.request(method, server.api_url + path, headers=headers).json()
    assert (told["method"], told["path"]) == (method, "/api/" + path)


def test_head_has_the_headers_of_get_and_no_body(
    server: LocalServer, http_session: requests.Session
) -> None:
    headers = bearer(request_token(http_session, server))
    head = http_session.head(server.api_url, headers=headers)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["Content-Length"]) > 100
    raw = exchange(server, b"HEAD /elsewhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert raw.endswith(b"\r\n\r\n")


# Bodies


def test_a_generator_is_uploaded_in_chunks_and_arrives_whole(
    server: LocalServer, http_session: requests.Session
) -> None:
    headers = bearer(request_token(http_session, server))
    pieces = [b"one", b"", b"two" * 50_000, b"\r\n0\r\n\r\n"]
    told = http_session.put(server.api_url, data=iter(pieces), headers=headers)
    assert server.api_requests[0].headers["Transfer-Encoding"] == "chunked"
    assert server.api_requests[0].body == b"".join(pieces)
    assert told.json()["body_length"] == len(b"".join(pieces))
    assert http_session.get(server.api_url, headers=headers).status_code == 200


def test_any_body_in_any_chunks_leaves_the_connection_ready_for_the_next_request(
    server: LocalServer,
) -> None:
    extensions = st.sampled_from([b"", b";name=value", b' ; quoted="a;b"'])
    chunks = st.lists(st.tuples(st.binary(min_size=1, max_size=300), extensions), max_size=6)
    trailers = st.sampled_from([b"", b"Checksum: 1\r\n", b"A: 1\r\nB: 2\r\n"])
    head = b"PUT /api/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"

    with connect(server) as connection, connection.makefile("rb") as answers:

        @examples
        @given(chunks=chunks, trailer=trailers, cut=st.integers(1, 400))
        def check(chunks: list[tuple[bytes, bytes]], trailer: bytes, cut: int) -> None:
            server.reset()
            coded = b"".join(b"%X%b\r\n%b\r\n" % (len(c), extension, c) for c, extension in chunks)
            sent = head + coded + b"0\r\n" + trailer + b"\r\n"
            connection.sendall(sent[:cut])
            connection.sendall(sent[cut:])
            assert b" 401 " in answers.readline()
            answer_headers = http.client.parse_headers(answers)
            answers.read(int(answer_headers["Content-Length"]))
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
def test_a_malformed_body_is_answered_with_400_and_ends_the_connection(
    server: LocalServer, framing: bytes
) -> None:
    answer = exchange(server, b"POST /api/ HTTP/1.1\r\nHost: h\r\n" + framing)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Connection: close\r\n" in answer
    assert server.api_requests == ()


def test_the_client_is_told_to_continue_before_it_sends_the_body(server: LocalServer) -> None:
    with connect(server) as connection, connection.makefile("rb") as answers:
        connection.sendall(
            b"POST /api/ HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
        )
        assert answers.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert answers.readline() == b"\r\n"
        connection.sendall(b"abc")
        assert b" 401 " in answers.readline()
    assert server.api_requests[0].body == b"abc"


# The connection


def test_many_requests_share_one_connection(server: LocalServer) -> None:
    connection = http.client.HTTPConnection(urlsplit(server.origin).netloc, timeout=PATIENCE)
    connection.connect()
    used = connection.sock
    for path in ["/api/", "/oauth/token", "/", "/api/"] * 5:
        connection.request("GET", path)
        connection.getresponse().read()
        assert connection.sock is used
    connection.close()


def test_an_answer_is_sent_in_one_piece(server: LocalServer) -> None:
    with connect(server) as connection:
        for _ in range(20):
            connection.sendall(b"GET /elsewhere HTTP/1.1\r\nHost: h\r\n\r\n")
            head, _, body = connection.recv(65536).partition(b"\r\n\r\n")
            assert b"Content-Length: %d\r\n" % len(body) in head + b"\r\n"
            assert json.loads(body)["token_url"] == server.token_url


def test_the_client_may_ask_for_the_end_of_the_connection(server: LocalServer) -> None:
    answer = exchange(server, b"GET /api/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert b"Connection: close\r\n" in answer
    assert b"Date: " in answer


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\r\n",
        b"\x16\x03\x01\n",
        b"GET /api/",
        b"GET /api/" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /api/ HTTP/1.1\r\nHost: " + b"a" * 70_000 + b"\r\n\r\n",
    ],
    ids=["empty line", "TLS", "half a line", "long request line", "long header"],
)
def test_nonsense_ends_the_connection_and_harms_nobody(
    server: LocalServer, http_session: requests.Session, nonsense: bytes
) -> None:
    # The server need not read all of it before it closes the connection: then that is a reset.
    with connect(server) as connection, suppress(ConnectionError):
        connection.sendall(nonsense)
        with suppress(OSError):  # ENOTCONN after a reset: no ConnectionError
            connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert server.api_requests == ()
    assert http_session.get(server.api_url).status_code == 401


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /ap",
        b"POST /api/ HTTP/1.1\r\nHost",
        b"POST /api/ HTTP/1.1\r\nHost: h\r\n",
        b"POST /api/ HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
        b"POST /api/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
        b"POST /api/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
)
@pytest.mark.parametrize("reset", [True, False])
def test_half_a_request_is_not_recorded_and_leaves_no_line_on_stderr(
    server: LocalServer, capfd: pytest.CaptureFixture[str], sent: bytes, reset: bool
) -> None:
    with connect(server) as connection:
        connection.sendall(b"GET /api/ HTTP/1.1\r\nHost: h\r\n\r\n")
        assert connection.recv(65536)  # so it is accepted, and served until it ends
        connection.sendall(sent)
        # A linger time of 0 makes close() reset the connection.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", reset, 0))
    server.stop()
    assert len(server.api_requests) == 1
    assert capfd.readouterr() == ("", "")


def test_a_client_that_does_not_wait_for_its_answer_leaves_no_line_on_stderr(
    server: LocalServer, capfd: pytest.CaptureFixture[str]
) -> None:
    server.token_delay = 0.05
    with connect(server) as connection:
        connection.sendall(b"POST /oauth/token HTTP/1.1\r\nHost: h\r\n\r\n" * 3)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        eventually(lambda: server.token_requests)
    server.stop()
    assert capfd.readouterr() == ("", "")


def test_a_mistake_in_the_test_is_printed(
    server: LocalServer, http_session: requests.Session, capsys: pytest.CaptureFixture[str]
) -> None:
    server.token_lifetime = "soon"  # type: ignore[assignment]
    with pytest.raises(requests.ConnectionError):
        request_token(http_session, server)
    server.stop()
    assert "TypeError" in capsys.readouterr().err


def test_requests_are_not_logged_on_stderr(
    server: LocalServer, http_session: requests.Session, capfd: pytest.CaptureFixture[str]
) -> None:
    request_token(http_session, server)
    http_session.get(server.api_url)
    assert exchange(server, b"GET two paths HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    server.stop()
    assert capfd.readouterr() == ("", "")


def test_two_hundred_and_fifty_six_clients_at_once(server: LocalServer) -> None:
    clients = 256
    barrier = threading.Barrier(clients)
    netloc = urlsplit(server.origin).netloc
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    def client(number: int) -> list[int]:
        connection = http.client.HTTPConnection(netloc, timeout=PATIENCE)
        barrier.wait(PATIENCE)
        body = f"grant_type=client_credentials&client_id={number}"
        connection.request("POST", "/oauth/token", body, form)
        token = json.load(connection.getresponse())["access_token"]
        connection.request("GET", "/api/", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        told = json.load(answer)
        connection.close()
        return [answer.status, int(told["client_id"])]

    with ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(client, range(clients)))
    assert answers == [[200, number] for number in range(clients)]
    assert len(server.token_requests) == len(server.api_requests) == clients


def test_another_process_uses_the_server_through_its_urls(server: LocalServer) -> None:
    code = (
        "import json, sys, urllib.request as u\n"
        "o = u.build_opener(u.ProxyHandler({}))\n"
        "form = b'grant_type=client_credentials&client_id=other'\n"
        "token = json.load(o.open(sys.argv[1], form))['access_token']\n"
        "r = u.Request(sys.argv[2], headers={'Authorization': 'Bearer ' + token})\n"
        "print(json.load(o.open(r))['client_id'])\n"
    )
    command = [sys.executable, "-c", code, server.token_url, server.api_url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "other"


# What arrived


def test_what_arrived_is_recorded(server: LocalServer, http_session: requests.Session) -> None:
    before = time.time()
    request_token(http_session, server, scope=["a", "b"], empty="", param="é")
    http_session.post(server.api_url, json={"n": 1}, headers={"X-Trace": "7"})
    after = time.time()
    (token_request,), (api_request,) = server.token_requests, server.api_requests
    assert (token_request.method, token_request.path) == ("POST", "/oauth/token")
    assert token_request.form == {
        "grant_type": ["client_credentials"],
        "client_id": ["me"],
        "scope": ["a", "b"],
        "empty": [""],
        "param": ["é"],
    }
    assert token_request.json is None
    assert api_request.json == {"n": 1}
    assert api_request.form == {}
    assert api_request.headers["x-TRACE"] == "7"
    assert before <= token_request.received_at <= api_request.received_at <= after


def test_refused_requests_are_recorded_too(
    server: LocalServer, http_session: requests.Session
) -> None:
    http_session.post(server.token_url)
    http_session.get(server.api_url)
    assert len(server.token_requests) == len(server.api_requests) == 1


def test_a_recorded_request_keeps_secrets_out_of_its_repr(
    server: LocalServer, http_session: requests.Session
) -> None:
    http_session.post(f"{server.token_url}?k=hidden1", data={"k": "hidden2"}, auth=("a", "b"))
    (recorded,) = server.token_requests
    assert repr(recorded) == "<RecordedRequest POST /oauth/token, 9 bytes>"
    assert str(recorded) == repr(recorded)


def test_a_recorded_request_is_frozen(server: LocalServer, http_session: requests.Session) -> None:
    http_session.get(server.api_url)
    with pytest.raises(AttributeError):
        server.api_requests[0].body = b"x"  # type: ignore[misc]
    assert isinstance(server.api_requests[0], RecordedRequest)


def test_recorded_json_that_is_none_says_so(
    server: LocalServer, http_session: requests.Session
) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    http_session.post(server.api_url, data=b"{", headers=headers)
    with pytest.raises(ValueError, match="Expecting"):
        server.api_requests[0].json  # noqa: B018 - the property raises


def test_what_arrived_is_a_snapshot(server: LocalServer, http_session: requests.Session) -> None:
    http_session.get(server.api_url)
    snapshot = server.api_requests
    http_session.get(server.api_url)
    assert (len(snapshot), len(server.api_requests)) == (1, 2)


# Failures


def test_the_next_token_requests_fail_and_then_no_more(
    server: LocalServer, http_session: requests.Session
) -> None:
    server.fail_next(2)
    answers = [request_token(http_session, server) for _ in range(3)]
    assert [a.status_code for a in answers] == [503, 503, 200]
    assert (answers[0].content, answers[0].headers["Content-Length"]) == (b"", "0")
    assert len(server.token_requests) == 3


def test_failures_queue_up(server: LocalServer, http_session: requests.Session) -> None:
    server.fail_next(status=500)
    server.fail_next(2, status=429)
    server.fail_next(drop=True)
    statuses = [request_token(http_session, server).status_code for _ in range(3)]
    assert statuses == [500, 429, 429]
    with pytest.raises(requests.ConnectionError):
        request_token(http_session, server)
    assert request_token(http_session, server).status_code == 200
    assert len(server.token_requests) == 5


def test_zero_failures_take_the_planned_ones_back(
    server: LocalServer, http_session: requests.Session
) -> None:
    server.fail_next(10**9)
    server.fail_next(10**9, at="api")
    assert request_token(http_session, server).status_code == 503
    server.fail_next(0)
    headers = bearer(request_token(http_session, server))
    assert http_session.get(server.api_url, headers=headers).status_code == 503


def test_a_failure_may_be_an_oauth_error_with_a_time_to_retry(
    server: LocalServer, http_session: requests.Session
) -> None:
    server.fail_next(status=400, error="invalid_scope", retry_after=7)
    server.fail_next(retry_after="Fri, 31 Dec 1999 23:59:59 GMT")
    answer = request_token(http_session, server)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    assert answer.headers["Retry-After"] == "7"
    answer = request_token(http_session, server)
    assert answer.headers["Retry-After"] == "Fri, 31 Dec 1999 23:59:59 GMT"


def test_a_failing_401_has_a_challenge_where_the_rfcs_want_one(
    server: LocalServer, http_session: requests.Session
) -> None:
    server.fail_next(2, status=401, error="invalid_client")
    assert "WWW-Authenticate" not in request_token(http_session, server).headers
    answer = http_session.post(server.token_url, data=GRANT, auth=("a", "b"))
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    server.fail_next(status=400, error="invalid_grant")
    answer = http_session.post(server.token_url, data=GRANT, auth=("a", "b"))
    assert "WWW-Authenticate" not in answer.headers
    server.fail_next(status=401, at="api")
    server.fail_next(status=403, error="insufficient_scope", at="api")
    server.fail_next(at="api")
    challenges = [http_session.get(server.api_url).headers.get("WWW-Authenticate") for _ in "123"]
    realm = 'Bearer realm="requests_cc.testing"'
    assert challenges == [realm, f'{realm}, error="insufficient_scope"', None]


def test_the_api_fails_without_the_token_endpoint(
    server: LocalServer, http_session: requests.Session
) -> None:
    server.fail_next(status=500, at="api")
    headers = bearer(request_token(http_session, server))
    statuses = [http_session.get(server.api_url, headers=headers).status_code for _ in range(2)]
    assert statuses == [500, 200]


def test_a_dropped_connection_is_closed_without_an_answer(server: LocalServer) -> None:
    server.fail_next(drop=True, at="api")
    assert exchange(server, b"GET /api/ HTTP/1.1\r\nHost: h\r\n\r\n") == b""
    assert len(server.api_requests) == 1


def test_an_answer_that_may_have_no_body_has_none(server: LocalServer) -> None:
    server.fail_next(status=204, error="invalid_request", at="api")
    answer = exchange(server, b"GET /api/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 204 ")
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"times": -1}, "times"),
        ({"status": 99}, "status"),
        ({"status": 600}, "status"),
        ({"at": "login"}, "'token' or 'api', not 'login'"),
    ],
)
def test_a_failure_that_cannot_be_is_refused(
    server: LocalServer, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        server.fail_next(**arguments)


def test_concurrent_requests_use_up_each_failure_once(server: LocalServer) -> None:
    server.fail_next(5)
    barrier = threading.Barrier(16)

    def client(_: int) -> int:
        with requests.Session() as session:
            session.trust_env = False
            barrier.wait(PATIENCE)
            return request_token(session, server).status_code

    with ThreadPoolExecutor(16) as pool:
        statuses = sorted(pool.map(client, range(16)))
    assert statuses == [200] * 11 + [503] * 5


# Delays


def test_a_token_request_takes_the_delay_and_the_api_does_not(
    server: LocalServer, http_session: requests.Session
) -> None:
    server.token_delay = 0.1
    begun = time.monotonic()
    headers = bearer(request_token(http_session, server))
    server.fail_next()
    assert request_token(http_session, server).status_code == 503
    assert time.monotonic() - begun > 0.19
    server.token_delay = 3600
    assert http_session.get(server.api_url, headers=headers).status_code == 200


def test_delayed_requests_wait_side_by_side_and_are_recorded_when_they_arrive(
    server: LocalServer,
) -> None:
    server.token_delay = 3600
    connections = [connect(server) for _ in range(20)]
    for connection in connections:
        connection.sendall(b"POST /oauth/token HTTP/1.1\r\nHost: h\r\n\r\n")
    eventually(lambda: len(server.token_requests) == 20)
    for connection in connections:
        connection.close()


# Start and stop


def test_stop_cuts_idle_and_delayed_requests_off_and_leaves_no_thread() -> None:
    threads_before = server_threads()
    with LocalServer() as server:
        server.token_delay = 3600
        with connect(server) as idle, connect(server) as delayed:
            delayed.sendall(b"POST /oauth/token HTTP/1.1\r\nHost: h\r\n\r\n")
            eventually(lambda: server.token_requests)
            eventually(lambda: len(server_threads() - threads_before) == 3)
            server.stop()
            assert server_threads() <= threads_before
            assert idle.recv(1) == delayed.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            connect(server)


def test_stop_cuts_a_client_off_that_reads_nothing(http_session: requests.Session) -> None:
    threads_before = server_threads()
    with LocalServer() as server:
        token = bearer(request_token(http_session, server))["Authorization"].encode()
        # The answer names the path, so that the answers fill the buffers soon.
        path = b"/api/" + b"a" * 60_000
        one = b"GET %b HTTP/1.1\r\nHost: h\r\nAuthorization: %b\r\n\r\n" % (path, token)
        with connect(server) as connection:
            connection.settimeout(0.3)
            with pytest.raises(TimeoutError):
                connection.sendall(one * 1000)
            server.stop()
    assert server_threads() <= threads_before


def test_stopping_twice_or_before_the_start_does_nothing() -> None:
    server = LocalServer()
    server.stop()
    server.start()
    server.stop()
    server.stop()


def test_starting_twice_does_nothing(http_session: requests.Session) -> None:
    with LocalServer() as server:
        url = server.api_url
        assert server.start() is server
        assert server.api_url == url
    with pytest.raises(requests.ConnectionError):
        http_session.get(url)


def test_a_restarted_server_is_back_at_its_urls_with_its_tokens(
    http_session: requests.Session,
) -> None:
    server = LocalServer().start()
    urls = (server.origin, server.token_url, server.api_url)
    headers = bearer(request_token(http_session, server))
    server.stop()
    with pytest.raises(requests.ConnectionError):
        http_session.get(server.api_url, headers=headers)
    with server:
        assert (server.origin, server.token_url, server.api_url) == urls
        assert http_session.get(server.api_url, headers=headers).status_code == 200
        assert len(server.token_requests) == 1


def test_urls_are_on_loopback_and_there_are_none_before_the_start() -> None:
    server = LocalServer()
    with pytest.raises(RuntimeError, match=r"start\(\)"):
        server.token_url  # noqa: B018 - the property raises
    with server:
        assert server.origin.startswith("http://127.0.0.1:")
        assert server.token_url == server.origin + "/oauth/token"
        assert server.api_url == server.origin + "/api/"


def test_the_server_stops_when_the_block_raises() -> None:
    with pytest.raises(KeyError), LocalServer() as server:
        raise KeyError
    with pytest.raises(ConnectionRefusedError):
        connect(server)


def test_reset_brings_a_new_server_at_the_same_urls(http_session: requests.Session) -> None:
    with LocalServer({"me": None}) as server:
        url = server.api_url
        headers = bearer(request_token(http_session, server))
        http_session.get(server.api_url)
        server.token_lifetime, server.token_delay = 1, 3600
        server.fail_next(3)
        server.fail_next(3, at="api")
        server.reset()
        assert server.token_requests == server.api_requests == ()
        assert request_token(http_session, server).json()["expires_in"] == 3600
        assert http_session.get(url, headers=headers).status_code == 401
        assert request_token(http_session, server, client_id="you").status_code == 401


def test_names_are_never_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a look-up")

    for name in ["getfqdn", "gethostbyaddr", "gethostbyname", "gethostname", "getnameinfo"]:
        monkeypatch.setattr(socket, name, refuse)
    with LocalServer() as server:
        answer = exchange(server, b"GET /api/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 401 ")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_stopping_in_a_forked_child_leaves_the_parents_server_running(server: LocalServer) -> None:
    connection = http.client.HTTPConnection(urlsplit(server.origin).netloc, timeout=PATIENCE)
    connection.request("GET", "/api/")
    connection.getresponse().read()
    used = connection.sock
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork() beside threads, on purpose
        child = os.fork()
    if child == 0:
        signal.alarm(int(PATIENCE))  # ends a child that waits for the parent's threads
        server.stop()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    connection.request("GET", "/api/")
    assert connection.getresponse().status == 401
    assert connection.sock is used
    connection.close()


# The package


def test_the_package_needs_the_standard_library_only() -> None:
    folder = Path(requests_cc.testing.__file__).parent
    imported = set()
    for module in folder.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                imported.add(str(node.module))
    others = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}
    assert others
    assert all(name.startswith("requests_cc.testing.") for name in others)


def test_the_package_hands_two_names_on() -> None:
    assert requests_cc.testing.__all__ == ["LocalServer", "RecordedRequest"]
