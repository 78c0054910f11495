"""The whole token request, over real sockets: its attempts, and what comes of bad answers."""

from __future__ import annotations

import base64
import gc
import gzip
import logging
import pickle
import ssl
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
import trustme
from raw_server import RawServer, answer, drop, hang, reset, token, trickle
from requests.auth import HTTPDigestAuth

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    ConfigurationError,
    InvalidClient,
    InvalidRequest,
    InvalidTokenResponse,
    OAuthError,
    ServerError,
    TemporarilyUnavailable,
    TokenEndpointTimeout,
    TokenEndpointUnreachable,
    TokenRequestError,
    authenticated_request,
    exchange,
)
from requests_cc.client_secret import SecretFile
from requests_cc.error_response import retry_after
from requests_cc.testing import LocalServer

SECRET = "s3cr3t/with+signs ü"


@pytest.fixture(autouse=True)
def quick_and_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy or CA bundle from outside, and little time between attempts."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr(authenticated_request, "FIRST_PAUSE", 0.01)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_bundle(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def tls(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("localhost",))).configure_cert(context)
    return context


def client(url: str, secret: object = SECRET, **settings: object) -> ClientCredentials:
    of_server = {"timeout": (2.0, 2.0)}
    for name in ("timeout", "session", "body_format"):
        if name in settings:
            of_server[name] = settings.pop(name)
    return ClientCredentials(AuthorizationServer(url, **of_server), "me", secret, **settings)


def failure(url: str, **settings: object) -> TokenRequestError:
    with pytest.raises(TokenRequestError) as raised:
        client(url, **settings).request_token()
    return raised.value


# --- bad answers -------------------------------------------------------------------------------

HTML = "<html><body>Welcome</body></html>"


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
        (answer({"access_token": "a", "token_type": "mac"}), InvalidTokenResponse, "token_type"),
        (answer({"access_token": "a", "token_type": "DPoP"}), InvalidTokenResponse, "DPoP"),
        (answer({"access_token": "a", "expires_in": "x"}), InvalidTokenResponse, "expires_in"),
        (answer({"error": None}), InvalidTokenResponse, "no access_token"),
        (answer({"error": "invalid_scope"}), OAuthError, "invalid_scope"),
        (answer({"error": "x", "access_token": "a"}), OAuthError, "x: see the"),
        (answer({"error": {"code": 1}}), InvalidTokenResponse, "error of an unknown form"),
        (answer({"error": ""}), InvalidTokenResponse, "error of an unknown form"),
        (answer(b"", "401 No"), InvalidClient, "invalid_client: check the client id and secret"),
        (answer(HTML, "400 Bad"), InvalidTokenResponse, "400 without an OAuth error"),
        (answer(HTML, "403 No"), InvalidTokenResponse, "403 without an OAuth error"),
        (answer(HTML, "404 No"), InvalidTokenResponse, "404 without an OAuth error"),
        (answer({"error": "invalid_request"}, "400 Bad"), InvalidRequest, "invalid_request"),
        (answer(HTML, "502 Bad Gateway"), ServerError, "server_error"),
        (answer(HTML, "503 Busy"), TemporarilyUnavailable, "temporarily_unavailable"),
        (answer(b"", "429 Slow"), TemporarilyUnavailable, "temporarily_unavailable"),
        (answer({"error": "slow"}, "429 Slow"), OAuthError, "slow"),
        (answer(b"x" * 99, headers={"Content-Encoding": "gzip"}), InvalidTokenResponse, "broken"),
        (answer(b"x", headers={"Content-Encoding": "br"}), InvalidTokenResponse, "not asked for"),
        (answer(b"x", headers={"Content-Encoding": "gzip, gzip"}), InvalidTokenResponse, "not ask"),
    ],
)  # fmt: skip
def test_a_bad_answer_has_its_own_error(bad: bytes, error_type: type, words: str) -> None:
    with RawServer(bad) as server:
        error = failure(server.url)
    assert type(error) is error_type or (error_type is OAuthError and isinstance(error, OAuthError))
    assert words in str(error)
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize("status", ["429 Slow", "500 Oops", "503 Busy"])
def test_an_error_with_a_passing_status_is_not_permanent(status: str) -> None:
    with RawServer(answer({"error": "unheard_of"}, status)) as server:
        error = failure(server.url)
    assert type(error) is OAuthError
    assert not error.permanent


def test_a_gzipped_answer_is_read_although_identity_was_asked_for() -> None:
    body = gzip.compress(b'{"access_token": "t0ken"}')
    with RawServer(answer(body, headers={"Content-Encoding": "gzip"})) as server:
        assert client(server.url).request_token().value == "t0ken"
        assert b"Accept-Encoding: identity" in server.requests[0]


@pytest.mark.parametrize("status", ["200 OK", "302 Found", "400 Bad"])
def test_no_more_than_a_mebibyte_of_an_answer_is_read(status: str) -> None:
    sent = []

    def flood(connection) -> None:
        connection.sendall(
            f"HTTP/1.1 {status}\r\nContent-Length: {50 * 2**20}\r\nLocation: /x\r\n\r\n".encode()
        )
        for _ in range(50 * 16):
            connection.sendall(b" " * 2**16)
            sent.append(2**16)

    with RawServer(flood) as server:
        error = failure(server.url)
    assert isinstance(error, InvalidTokenResponse)
    assert "larger than 1048576 bytes" in str(error)
    assert sum(sent) < 20 * 2**20  # the rest of it fills socket buffers only


def test_a_compressed_bomb_is_no_larger_than_any_answer() -> None:
    bomb = gzip.compress(b" " * (64 * 2**20))
    with RawServer(answer(bomb, headers={"Content-Encoding": "gzip"})) as server:
        assert "larger than" in str(failure(server.url))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 300, 304])
def test_no_redirect_is_followed(status: int) -> None:
    with RawServer(token()) as target:
        redirect = answer(b"", f"{status} Elsewhere", {"Location": target.url})
        with RawServer(redirect) as server:
            error = failure(server.url, auth="client_secret_post")
            assert len(server.requests) == 1
        assert target.requests == []
    assert isinstance(error, InvalidTokenResponse)
    assert f"answered {status}, a redirect" in str(error)


def test_a_redirect_to_what_is_no_url_is_a_redirect() -> None:
    with RawServer(answer(b"", "302 Elsewhere", {"Location": "http://["})) as server:
        assert "302, a redirect" in str(failure(server.url))


# --- attempts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hiccup",
    [drop, reset, answer(b"", "429 Slow"), answer(b"", "500 Oops"), answer(b"", "503 Busy"),
     b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"],
    ids=["drop", "reset", "429", "500", "503", "cut short"],
)  # fmt: skip
def test_a_hiccup_is_retried_with_fresh_authentication(hiccup) -> None:
    numbers = iter(range(9))

    def authenticate(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["X-Proof"] = str(next(numbers))
        return request

    with RawServer(hiccup, hiccup, token()) as server:
        assert client(server.url, None, auth=authenticate).request_token().value == "token-1"
        proofs = [b"X-Proof: %d\r\n" % n in each for n, each in enumerate(server.requests)]
    assert proofs == [True, True, True]


@pytest.mark.parametrize(("hiccup", "error_type"), [
    (drop, TokenEndpointUnreachable), (answer(b"", "503 Busy"), TemporarilyUnavailable),
])  # fmt: skip
def test_there_are_three_attempts(hiccup, error_type: type) -> None:
    with RawServer(hiccup) as server:
        assert type(failure(server.url)) is error_type
        assert len(server.requests) == 3


def test_a_refused_connection_says_what_to_check(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with RawServer(drop) as server:
        url = server.url
    error = failure(f"{url}?key=k3y")
    assert (
        str(error) == f"{url} could not be reached: Connection refused; check the URL, and "
        "that it is up"
    )
    assert len(pauses) == 2


def test_a_name_that_does_not_resolve_says_so() -> None:
    error = failure("https://no-such-host.invalid/token")
    assert type(error) is TokenEndpointUnreachable
    assert "no-such-host.invalid/token could not be reached: " in str(error)


@pytest.mark.parametrize("status", ["400 Bad", "401 No", "403 No", "404 No"])
def test_another_4xx_is_not_retried(status: str) -> None:
    with RawServer(answer({"error": "access_denied"}, status)) as server:
        failure(server.url)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "slow",
    [hang, trickle(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 999, 0.05),
     trickle(token("x" * 999), 0.05)],
    ids=["silence", "headers", "body"],
)  # fmt: skip
def test_whoever_waits_has_an_outcome_by_the_deadline_and_it_is_not_retried(slow) -> None:
    with RawServer(slow) as server:
        began = time.monotonic()
        error = failure(server.url, timeout=(0.2, 0.3))
        took = time.monotonic() - began
        assert len(server.requests) == 1
    assert type(error) is TokenEndpointTimeout
    assert "gave no whole answer in time" in str(error)
    assert took < 1.5


def test_a_body_that_trickles_after_its_headers_is_cut_off() -> None:
    def slow(connection) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n")
        trickle(b" " * 999, 0.05)(connection)

    with RawServer(slow) as server:
        assert type(failure(server.url, timeout=(0.2, 0.2))) is TokenEndpointTimeout


def test_a_handshake_that_trickles_ends_by_the_deadline() -> None:
    with RawServer(trickle(b"\x16\x03\x03\x0f\xff" + b"x" * 999, 0.05), greets=True) as server:
        url = server.url.replace("http:", "https:")
        began = time.monotonic()
        error = failure(url, timeout=(0.2, 0.3))
        assert time.monotonic() - began < 1.5
    assert type(error) is TokenEndpointTimeout


@pytest.mark.parametrize("seconds", ["1", "0", "nonsense", "-5", "1.5", ""])
def test_a_retry_after_within_the_budget_is_waited_for(
    seconds: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    busy = answer(b"", "503 Busy", {"Retry-After": seconds})
    with RawServer(busy, token()) as server:
        client(server.url).request_token()
    assert len(pauses) == 1
    assert pauses[0] == 1.0 if seconds == "1" else pauses[0] < 0.1


@pytest.mark.parametrize("as_date", [False, True])
def test_a_retry_after_beyond_the_budget_is_handed_on(as_date: bool) -> None:
    moment = datetime.now(timezone.utc) + timedelta(seconds=60)
    text = format_datetime(moment, usegmt=True) if as_date else "60"
    with RawServer(answer(b"", "429 Slow", {"Retry-After": text})) as server:
        error = failure(server.url)
        assert len(server.requests) == 1
    assert error.retry_after == pytest.approx(60, abs=5)
    assert error.retry_at == pytest.approx(time.time() + 60, abs=5)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("9" * 400, 1e9), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
     ("Thu, 01 Jan 1970 00:00:00 -0000", 0.0), ("Thu, 01 Jan 99999 00:00:00 GMT", None),
     ("Thu, 01 Jan 1970 00:00:00 +9999", None), ("٣", None)],
)  # fmt: skip
def test_odd_retry_afters_are_read(text: str, seconds: float | None) -> None:
    assert retry_after(exchange.Answer(429, {"Retry-After": text}, b"", 0.0)) == seconds


# --- TLS ---------------------------------------------------------------------------------------


def test_a_certificate_failure_says_what_to_set_and_is_not_retried(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with RawServer(token(), tls=tls(authority)) as server:
        error = failure(server.url)
    assert pauses == []
    assert type(error) is TokenEndpointUnreachable
    assert error.permanent
    assert "TLS with https://localhost" in str(error)
    assert "the API session's verify and cert do not reach this request" in str(error)
    assert "REQUESTS_CA_BUNDLE" in str(error)


def test_a_certificate_for_another_name_says_so(authority: trustme.CA, ca_bundle: str) -> None:
    session = requests.Session()
    session.verify = ca_bundle
    with RawServer(token(), tls=tls(authority, "other.example")) as server:
        error = failure(server.url, session=session)
    assert error.permanent
    assert "localhost" in str(error).partition("failed:")[2]


def test_the_sessions_verify_goes_before_the_environments(
    authority: trustme.CA, ca_bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = trustme.CA()
    session = requests.Session()
    session.verify = ca_bundle
    with other.cert_pem.tempfile() as path, RawServer(token(), tls=tls(authority)) as server:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", path)
        assert client(server.url, session=session).request_token().value == "token-1"


def test_the_environments_ca_bundle_is_used(
    authority: trustme.CA, ca_bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ca_bundle)
    with RawServer(token(), tls=tls(authority)) as server:
        assert client(server.url).request_token().value == "token-1"


def test_a_ca_bundle_that_is_not_there_is_a_configuration_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/ca.pem")
    with pytest.raises(ConfigurationError, match=r"was not asked: .*/no/such/ca.pem"):
        client("https://localhost:1/token").request_token()


def test_a_connection_that_ends_in_the_handshake_was_dropped() -> None:
    attempts = []

    def hang_up(connection) -> None:
        connection.recv(65536)
        attempts.append(1)

    with RawServer(hang_up, greets=True) as server:
        error = failure(server.url.replace("http:", "https:"))
    assert type(error) is TokenEndpointUnreachable
    assert not error.permanent
    assert len(attempts) == 3


# --- secrets stay hidden -----------------------------------------------------------------------

FORMS = {
    "plain": SECRET,
    "percent": quote(SECRET, safe=""),
    "percent, lower": "s3cr3t%2fwith%2bsigns%20%c3%bc",
    "plus": quote(SECRET, safe="").replace("%20", "+"),
    "base64": base64.b64encode(f"me:{SECRET}".encode()).decode(),
    "base64 of the encoded": base64.b64encode(f"me:{quote(SECRET, safe='')}".encode()).decode(),
    "between control characters": SECRET[:4] + "\x00\x1b" + SECRET[4:],
    "a param": "hunter2hunter2",
    "the query": "key=k3yk3yk3y",
}
HIDDEN = [*FORMS.values(), "hunter2", "k3yk3y"]


def _shown_by(error: BaseException) -> Iterator[str]:
    yield str(error)
    yield repr(error)
    yield repr(vars(error))
    yield repr(pickle.dumps(error))
    yield "".join(traceback.format_exception(error))
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if "requests_cc" in frame.f_globals["__name__"]:
            yield repr(frame.f_locals)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("member", ["error", "error_description", "error_uri"])
def test_a_server_that_repeats_our_secret_is_not_quoted(
    form: str, member: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "requests_cc")
    members = {"error": "x", member: f"bad {FORMS[form]} here"}
    with RawServer(answer(members, "400 Bad")) as server:
        url = f"{server.url}?key=k3yk3yk3y"
        error = failure(url, params={"password": "hunter2hunter2"})
    assert isinstance(error, OAuthError)
    assert getattr(error, member) == "bad [hidden] here"
    for text in [*_shown_by(error), caplog.text]:
        assert not [hidden for hidden in HIDDEN if hidden in text]


@pytest.mark.parametrize("auth", ["client_secret_basic", "client_secret_post"])
@pytest.mark.parametrize(
    "bad",
    [drop, answer(HTML), answer({"access_token": "t0k\n"}), answer(b"", "500 Oops"),
     answer(b"", "302 Found")],
)  # fmt: skip
def test_no_error_shows_what_was_sent(bad, auth: str) -> None:
    with RawServer(bad) as server:
        error = failure(
            f"{server.url}?key=k3yk3yk3y", auth=auth, params={"password": "hunter2hunter2"}
        )
    for text in _shown_by(error):
        assert not [hidden for hidden in HIDDEN if hidden in text]
        assert "t0k" not in text


def test_an_error_of_the_users_own_shows_nothing_of_ours() -> None:
    def broken(request: requests.PreparedRequest) -> requests.PreparedRequest:
        raise LookupError("a user's own")

    with pytest.raises(LookupError, match="a user's own") as raised:
        client(
            "http://127.0.0.1:1/token?key=k3yk3yk3y",
            None,
            auth=broken,
            params={"password": "hunter2hunter2"},
        ).request_token()
    frames = [frame for frame, _ in traceback.walk_tb(raised.value.__traceback__)]
    assert frames[-1].f_code.co_name == "broken"
    for frame in frames:
        if frame.f_code.co_name != "test_an_error_of_the_users_own_shows_nothing_of_ours":
            assert "hunter2" not in repr(frame.f_locals)
            assert "k3yk3y" not in repr(frame.f_locals)


def test_the_servers_words_are_cleaned_and_cut() -> None:
    words = "line one\r\nline \x1b[31mtwo\u202e " + "x" * 100_000
    with RawServer(answer({"error": "nope", "error_description": words}, "400 Bad")) as server:
        error = failure(server.url)
    assert isinstance(error, OAuthError)
    assert error.error_description is not None
    assert error.error_description.isprintable()
    assert len(error.error_description) <= 301
    assert len(str(error)) < 500


def test_the_servers_words_about_scope_and_audience_are_shown() -> None:
    words = "client_credentials: https://api.example.com has no read:everything"
    with RawServer(answer({"error": "nope", "error_description": words}, "400 Bad")) as server:
        error = failure(server.url, scope="read:everything", audience="https://api.example.com")
    assert words in str(error)


def test_a_secret_that_is_part_of_an_error_code_does_not_hide_the_code() -> None:
    with RawServer(answer({"error": "invalid_client"}, "401 No")) as server:
        assert type(failure(server.url, secret="client")) is InvalidClient


def test_words_that_are_no_text_are_left_out() -> None:
    members = {"error": "nope", "error_description": ["x"], "error_uri": 7}
    with RawServer(answer(members, "400 Bad")) as server:
        error = failure(server.url)
    assert isinstance(error, OAuthError)
    assert (error.error_description, error.error_uri) == (None, None)


# --- several secrets ---------------------------------------------------------------------------


def test_secrets_are_tried_in_order_and_the_accepted_one_goes_first_next_time() -> None:
    with LocalServer({"me": "new"}) as server:
        credentials = client(server.token_url, ["old", "new"])
        credentials.request_token()
        assert len(server.token_requests) == 2
        credentials.request_token()
        assert len(server.token_requests) == 3


def test_the_next_secret_is_tried_after_invalid_client_only() -> None:
    with RawServer(answer({"error": "invalid_scope"}, "400 Bad")) as server:
        failure(server.url, secret=["old", "new"])
        assert len(server.requests) == 1


def test_when_no_secret_is_accepted_the_refusal_is_raised() -> None:
    with LocalServer({"me": "other"}) as server:
        assert type(failure(server.token_url, secret=["old", "new"])) is InvalidClient
        assert len(server.token_requests) == 2


def test_a_callable_is_read_for_each_token_request() -> None:
    secrets = iter(["one", "two"])
    with LocalServer() as server:
        credentials = client(server.token_url, lambda: next(secrets), auth="client_secret_post")
        credentials.request_token()
        credentials.request_token()
        sent = [request.form["client_secret"] for request in server.token_requests]
    assert sent == [["one"], ["two"]]


def test_a_secret_file_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("one\n")
    with LocalServer() as server:
        credentials = client(server.token_url, SecretFile(path), auth="client_secret_post")
        credentials.request_token()
        path.write_text("two\n")
        credentials.request_token()
        sent = [request.form["client_secret"] for request in server.token_requests]
    assert sent == [["one"], ["two"]]


def test_what_a_users_callable_raises_passes_as_it_is() -> None:
    error = LookupError("the vault is sealed")

    def vault() -> str:
        raise error

    with pytest.raises(LookupError) as raised:
        client("http://127.0.0.1:1/token", vault).request_token()
    assert raised.value is error


@pytest.mark.parametrize("value", ["", None, 7, b"bytes", "\ud800"])
def test_a_callable_that_gives_no_secret_is_a_configuration_error(value: object) -> None:
    with pytest.raises(ConfigurationError, match="the client_secret callable"):
        client("http://127.0.0.1:1/token", lambda: value).request_token()


# --- session and environment -------------------------------------------------------------------


def test_netrc_is_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login they password theirs\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with LocalServer({"me": "s3cret", "public": None}) as server:
        api = requests.get(server.api_url)  # that netrc works at all
        assert api.request.headers["Authorization"].startswith("Basic ")
        client(server.token_url, "s3cret", auth="client_secret_post").request_token()
        ClientCredentials(server.token_url, "public", auth="none").request_token()
        client(server.token_url, "s3cret").request_token()
        basic = base64.b64encode(b"me:s3cret").decode()
        sent = [request.headers["Authorization"] for request in server.token_requests]
    assert sent == [None, None, f"Basic {basic}"]


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(token()) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        server = AuthorizationServer("http://auth.example.com/token", allow_http=True)
        assert ClientCredentials(server, "me", SECRET).request_token().value == "token-1"
        assert proxy.requests[0].startswith(b"POST http://auth.example.com/token HTTP/1.1")


def test_a_proxy_of_the_session_goes_before_the_environments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    session = requests.Session()
    with RawServer(token()) as proxy:
        session.proxies["http"] = f"http://127.0.0.1:{proxy.port}"
        server = AuthorizationServer(
            "http://auth.example.com/token", session=session, allow_http=True
        )
        assert ClientCredentials(server, "me", SECRET).request_token().value == "token-1"


def test_a_proxy_that_refuses_is_named() -> None:
    session = requests.Session()
    with RawServer(answer(b"", "407 Proxy Authentication Required")) as proxy:
        session.proxies["https"] = f"http://user:pr0xypass@127.0.0.1:{proxy.port}"
        error = failure("https://auth.example.com/token", session=session)
    session.close()
    with warnings.catch_warnings():  # urllib3 1.26 leaves the sockets of refused tunnels to gc
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    assert type(error) is TokenEndpointUnreachable
    assert "the proxy for https://auth.example.com/token failed: " in str(error)
    assert "407" in str(error)
    assert "pr0xypass" not in str(error)


def test_the_sessions_headers_auth_and_adapters_are_used() -> None:
    sent = []

    class Recording(requests.adapters.HTTPAdapter):
        def send(self, request, *args, **kwargs):
            sent.append(request)
            return super().send(request, *args, **kwargs)

    session = requests.Session()
    session.headers["X-Tenant"] = "blue"
    session.auth = ("gate", "keeper")
    session.mount("http://", Recording())
    with RawServer(token()) as server:
        client(server.url, session=session, auth="client_secret_post").request_token()
    assert sent[0].headers["X-Tenant"] == "blue"
    assert sent[0].headers["Authorization"] == "Basic " + base64.b64encode(b"gate:keeper").decode()


def test_a_sessions_raise_for_status_hook_hides_no_oauth_error() -> None:
    session = requests.Session()
    session.hooks["response"].append(lambda response, **_: response.raise_for_status())
    with RawServer(answer({"error": "invalid_request"}, "400 Bad")) as server:
        assert type(failure(server.url, session=session)) is InvalidRequest


def test_a_hook_of_the_session_can_read_the_answer() -> None:
    seen = []
    session = requests.Session()
    session.hooks["response"].append(lambda response, **_: seen.append(response.json()))
    with RawServer(token()) as server:
        client(server.url, session=session).request_token()
    assert seen[0]["access_token"] == "token-1"


def test_an_adapter_that_reads_the_answer_first_is_no_hindrance() -> None:
    class Reading(requests.adapters.HTTPAdapter):
        def send(self, *args, **kwargs):
            response = super().send(*args, **kwargs)
            assert response.content
            return response

    session = requests.Session()
    session.mount("http://", Reading())
    with RawServer(token()) as server:
        assert client(server.url, session=session).request_token().value == "token-1"


def test_a_hook_that_raises_an_http_error_before_there_is_an_answer_is_unreachable() -> None:
    class Raising(requests.adapters.HTTPAdapter):
        def send(self, *args, **kwargs):
            raise requests.HTTPError("from an adapter of theirs")

    session = requests.Session()
    session.mount("http://", Raising())
    assert type(failure("http://127.0.0.1:1/token", session=session)) is TokenEndpointUnreachable


def test_the_body_can_be_json() -> None:
    with LocalServer() as server:
        credentials = client(
            server.token_url,
            body_format="json",
            auth="client_secret_post",
            resource=["https://a.example", "https://b.example", "https://c.example"],
            audience="https://api.example.com",
        )
        credentials.request_token()
        (request,) = server.token_requests
    assert request.json == {
        "grant_type": "client_credentials",
        "client_id": "me",
        "client_secret": SECRET,
        "audience": "https://api.example.com",
        "resource": ["https://a.example", "https://b.example", "https://c.example"],
    }


# --- HTTP Digest -------------------------------------------------------------------------------


@pytest.mark.parametrize("status_hook", [False, True])
@pytest.mark.parametrize("accepted", [True, False])
def test_http_digest_is_answered(status_hook: bool, accepted: bool) -> None:
    challenge = answer(
        b"",
        "401 No",
        {"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5'},
    )
    then = token() if accepted else answer({"error": "invalid_scope"}, "400 Bad")
    session = requests.Session()
    if status_hook:
        session.hooks["response"].append(lambda response, **_: response.raise_for_status())
    with RawServer(challenge, then) as server:
        credentials = client(server.url, None, auth=HTTPDigestAuth("me", SECRET), session=session)
        if accepted:
            assert credentials.request_token().value == "token-1"
        else:
            with pytest.raises(OAuthError, match="invalid_scope"):
                credentials.request_token()
        first, second = server.requests
    assert b"Authorization" not in first
    assert b'Authorization: Digest username="me"' in second
    assert b"client_id" not in second


# --- the exchange's own thread -----------------------------------------------------------------


def test_the_token_request_is_made_without_a_thread_where_none_can_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name == "requests-cc exchange":
            raise RuntimeError("can't start new thread")
        original(thread)

    with LocalServer() as server:
        monkeypatch.setattr(threading.Thread, "start", start)
        assert client(server.token_url).request_token().value


def test_a_server_that_trickles_without_end_is_not_asked_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exchange, "MAX_HANGING", 1)
    slow: Callable = trickle(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 999, 0.05)
    with RawServer(slow) as server, RawServer(token()) as other:
        assert "no whole answer" in str(failure(server.url, timeout=(0.1, 0.2)))
        assert "still trickles" in str(failure(server.url, timeout=(0.1, 0.2)))
        assert len(server.requests) == 1
        assert client(other.url).request_token().value == "token-1"  # another is asked
    deadline = time.monotonic() + 5
    while any(each.name == "requests-cc exchange" for each in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with RawServer(token()) as other:
        client(other.url).request_token()
    assert not exchange._hanging
