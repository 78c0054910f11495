"""What responses raise that are no token, no introspection, or more than a response should be."""

from __future__ import annotations

import gzip

import pytest

from requests_cc import (
    InvalidClient,
    InvalidRequest,
    InvalidTokenResponse,
    OAuthError,
    ServerError,
    TemporarilyUnavailable,
    TokenEndpointUnreachable,
)
from tests.support.scripts import answer, token
from tests.support.server import Server

from .endpoint import ENDPOINTS, GOOD, HTML, Endpoint, client, failure

TOKEN_ENDPOINT = ENDPOINTS["token"]


@pytest.mark.parametrize("word", ["t0ken", "t0k\xe9n"])
def test_a_response_that_is_not_utf_8_is_read_as_latin_1(word: str) -> None:
    body = f'{{"access_token": "{word}", "scope": "\xe9t\xe9"}}'.encode("latin-1")
    with Server(answer(body)) as server:
        if word.isascii():
            assert client(server).request_token().scope == "\xe9t\xe9"
        else:
            assert "access_token must be" in str(failure(TOKEN_ENDPOINT, server))


@pytest.mark.parametrize(
    "response",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 fine\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
    ],
    ids=["ssh", "no status", "tls", "long line"],
)
def test_another_program_on_that_port_is_not_called_unreachable(response: bytes) -> None:
    with Server(response) as server:
        error = failure(TOKEN_ENDPOINT, server)
    assert type(error) is TokenEndpointUnreachable
    assert "sent a response that is not valid HTTP (" in str(error)
    assert str(error).endswith("check the scheme and the port of the URL")


@pytest.mark.rule(21)
@pytest.mark.parametrize(
    ("bad", "error_type", "words"),
    [
        (answer(b""), InvalidTokenResponse, "200 without a JSON object"),
        (answer(b"", "204 No Content"), InvalidTokenResponse, "204 without a JSON object"),
        (answer(HTML), InvalidTokenResponse, "without a JSON object"),
        (answer([{"access_token": "t"}]), InvalidTokenResponse, "without a JSON object"),
        (answer('"t0ken"'), InvalidTokenResponse, "without a JSON object"),
        (answer("null"), InvalidTokenResponse, "without a JSON object"),
        (answer("[" * 200_000), InvalidTokenResponse, "without a JSON object"),
        (answer('{"a":' * 100_000), InvalidTokenResponse, "without a JSON object"),
        (answer(b"\xff\xfe\xff"), InvalidTokenResponse, "without a JSON object"),
        (answer({}), InvalidTokenResponse, "no access_token"),
        (answer({"access_token": None}), InvalidTokenResponse, "no access_token"),
        (answer({"access_token": ""}), InvalidTokenResponse, "access_token must be"),
        (answer({"access_token": "a\r\nX: b"}), InvalidTokenResponse, "access_token must be"),
        (answer({"access_token": "a b"}), InvalidTokenResponse, "access_token must be"),
        (answer({"access_token": "a", "token_type": "mac"}), InvalidTokenResponse, "type mac"),
        (answer({"access_token": "a", "token_type": "DPoP"}), InvalidTokenResponse, "DPoP"),
        (answer({"access_token": "a", "expires_in": True}), InvalidTokenResponse, "expires_in"),
        (answer({"access_token": "a", "token_type": 7}), InvalidTokenResponse, "not int"),
        (answer({"error": None}), InvalidTokenResponse, "no access_token"),
        (answer({"error": "invalid_scope"}), OAuthError, "invalid_scope"),
        (answer({"error": "x", "access_token": "a"}), OAuthError, "x: see the"),
        (answer({"error": {"code": 1}}), InvalidTokenResponse, "error of an unknown form"),
        (answer({"error": ""}), InvalidTokenResponse, "error of an unknown form"),
        (answer(b"", "401 No"), InvalidClient, "401 without an OAuth error: check"),
        (answer(HTML, "400 Bad"), InvalidTokenResponse, "400 without an OAuth error"),
        (answer(HTML, "403 No"), InvalidTokenResponse, "403 without an OAuth error"),
        (answer(HTML, "404 No"), InvalidTokenResponse, "404 without an OAuth error"),
        (answer({"error": "invalid_request"}, "400 Bad"), InvalidRequest, "invalid_request"),
        (answer(HTML, "502 Bad Gateway"), ServerError, "502 (Welcome): the server failed"),
        (answer(HTML, "503 Busy"), TemporarilyUnavailable, "503 (Welcome): the "),
        (answer(b"", "429 Slow"), TemporarilyUnavailable, "429: the server is"),
        (answer({"error": "slow"}, "429 Slow"), OAuthError, "slow"),
        (answer(b"x" * 99, headers={"Content-Encoding": "gzip"}), InvalidTokenResponse, "broken"),
        (answer(b"x", headers={"Content-Encoding": "br"}), InvalidTokenResponse, "not requested"),
        (answer(b"x", headers={"Content-Encoding": "gzip, gzip"}), InvalidTokenResponse, "not req"),
    ],
)  # fmt: skip
def test_each_invalid_token_response_has_its_own_error(
    bad: bytes, error_type: type, words: str
) -> None:
    with Server(bad) as server:
        error = failure(TOKEN_ENDPOINT, server)
    assert type(error) is error_type or (error_type is OAuthError and isinstance(error, OAuthError))
    assert words in str(error)
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.rule(14, 21)
@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"token_type": "Application Access Token", "expires_in": 60}, None),
        ({"token_type": "", "expires_on": "4102444800"}, "expires in"),
        ({"expires_in": "in an hour"}, "expires_in cannot be read"),
        ({"expires_on": "4/15/2026 8:12:15 PM +00:00"}, "expires_on cannot be read"),
        ({"expires_in": 86_400_000}, "expires in 1000 days: check that the server writes seconds"),
    ],
)
def test_a_token_with_a_strange_type_or_expiry_is_used_and_logged_once(
    members: dict[str, object], words: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    with Server(answer({"access_token": "t0ken", **members})) as server:
        for _ in range(3):
            token = client(server).request_token()
            assert token.authorization == "Bearer t0ken"
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == (0 if words is None else 1)
    assert all(words in each.getMessage() for each in warnings if words)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("429 Slow", TemporarilyUnavailable),
        ("500 Oops", ServerError),
        ("503 Busy", TemporarilyUnavailable),
    ],
)
def test_an_error_with_a_passing_status_is_not_permanent(
    endpoint: Endpoint, status: str, kind: type
) -> None:
    with Server(answer({"error": "unheard_of"}, status)) as server:
        error = failure(endpoint, server)
    assert type(error) is kind
    assert not error.permanent


def test_a_gzipped_response_is_read_although_identity_was_requested(endpoint: Endpoint) -> None:
    body = gzip.compress(GOOD.partition(b"\r\n\r\n")[2])
    with Server(answer(body, headers={"Content-Encoding": "gzip"})) as server:
        endpoint.call(client(server))
        assert server.requests[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.rule(18)
@pytest.mark.parametrize("status", ["200 OK", "302 Found", "400 Bad"])
def test_no_more_than_a_mebibyte_of_a_response_is_read(endpoint: Endpoint, status: str) -> None:
    sent = []

    def flood(request) -> None:
        request.connection.send(
            f"HTTP/1.1 {status}\r\nContent-Length: {50 * 2**20}\r\nLocation: /x\r\n\r\n".encode()
        )
        for _ in range(50 * 16):
            request.connection.send(b" " * 2**16)
            sent.append(2**16)

    with Server(flood) as server:
        error = failure(endpoint, server)
    assert isinstance(error, InvalidTokenResponse)
    assert "larger than 1048576 bytes" in str(error)
    assert sum(sent) < 20 * 2**20  # the rest of it fills socket buffers only


@pytest.mark.rule(18)
def test_a_compressed_bomb_is_no_larger_than_any_response(endpoint: Endpoint) -> None:
    bomb = gzip.compress(b" " * (64 * 2**20))
    with Server(answer(bomb, headers={"Content-Encoding": "gzip"})) as server:
        assert "larger than" in str(failure(endpoint, server))


@pytest.mark.rule(18)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 300, 304])
def test_no_redirect_is_followed(endpoint: Endpoint, status: int) -> None:
    with Server(GOOD) as target:
        redirect = answer(b"", f"{status} Elsewhere", {"Location": target.url})
        with Server(redirect) as server:
            error = failure(endpoint, server, auth="client_secret_post")
            assert len(server.requests) == 1
        assert target.requests == []
    assert isinstance(error, InvalidTokenResponse)
    assert f"{endpoint.path} returned {status}, a redirect" in str(error)


def test_a_redirect_to_an_invalid_url_is_a_redirect(endpoint: Endpoint) -> None:
    with Server(answer(b"", "302 Elsewhere", {"Location": "http://["})) as server:
        assert "302, a redirect" in str(failure(endpoint, server))


@pytest.mark.parametrize(
    "rubbish",
    [
        answer(b""),
        answer(b"", "204 No Content"),
        answer(HTML),
        answer([{"active": True}]),
        answer("true"),
        answer({}),
        answer({"active": None}),
        answer({"active": "true"}),
        answer({"active": 1}),
        token(),
    ],
)
def test_an_introspection_without_the_boolean_names_the_setting(rubbish: bytes) -> None:
    with Server(rubbish) as server:
        error = failure(ENDPOINTS["introspection"], server)
        assert type(error) is InvalidTokenResponse
        assert 'without the boolean "active"' in str(error)
        assert str(error).endswith("check introspection_endpoint")
        assert f"http://127.0.0.1:{server.port}/" in str(error)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "success", [answer(b""), answer(b"", "204 No Content"), answer({}), answer(HTML)]
)
def test_any_success_is_a_revocation(success: bytes) -> None:
    with Server(success) as server:
        assert client(server).revoke("t0ken") is None
        assert len(server.requests) == 1


def test_a_type_that_the_server_cannot_revoke_is_an_error() -> None:
    refused = answer({"error": "unsupported_token_type"}, "400 Bad")
    with Server(refused) as server:
        error = failure(ENDPOINTS["revocation"], server)
    assert isinstance(error, OAuthError)
    assert error.error == "unsupported_token_type"
    assert error.permanent
