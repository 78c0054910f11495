"""What an adapter owes to bound tokens: retries that repeat no proof, and fresh connections."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests
import trustme
from urllib3.util.retry import Retry

from requests_cc import (
    AccessToken,
    ClientCredentialsAdapter,
    ConfigurationError,
    DPoPKey,
    TokenCache,
)
from requests_cc.adapter.bound_token import PresentedCertificate
from tests.support.certificates import server_context
from tests.support.proof_server import ath, opened
from tests.support.scripts import Request, Script, answer, drop, reset
from tests.support.server import Server
from tests.support.sources import OneToken

RECOMMENDED = Retry(connect=3, read=False, other=0, respect_retry_after_header=False)

ALLOWED = {
    "none": 0,
    "none, as a Retry": Retry(0),
    "disabled": Retry(False),
    "none in all": Retry(total=0, read=5, status_forcelist=[503]),
    "what the message says": RECOMMENDED,
    "without a total": Retry(
        total=None, connect=3, read=0, other=False, respect_retry_after_header=False
    ),
    "a status that may not recur": Retry(
        connect=3, read=0, other=0, status=0, status_forcelist=[503]
    ),
}

REFUSED = {
    "a number": 3,
    "a number without reads": Retry(3, read=False),
    "connect alone": Retry(connect=3),
    "reads": Retry(connect=3, read=1, other=0, respect_retry_after_header=False),
    "reads without a total": Retry(
        total=None, read=5, other=0, connect=0, respect_retry_after_header=False
    ),
    "others": Retry(connect=3, read=False, respect_retry_after_header=False),
    "a status": Retry(
        connect=3, read=0, other=0, status_forcelist=[503], respect_retry_after_header=False
    ),
    "Retry-After": Retry(connect=3, read=0, other=0),
}


def bound() -> OneToken:
    return OneToken("the-token", "DPoP", DPoPKey.generate())


def adapter(origin: str, **options: object) -> ClientCredentialsAdapter:
    return ClientCredentialsAdapter(bound(), origins=origin, cache=TokenCache(), **options)  # type: ignore[arg-type]


def sent_by(adapter: requests.adapters.HTTPAdapter, url: str) -> None:
    """Sends one request, whatever comes of it."""
    with requests.Session() as session:
        session.adapters = {"http": adapter}  # https as well
        with suppress(requests.RequestException):
            session.get(url, timeout=10, verify=False)


@pytest.mark.parametrize("through_transport", [False, True])
@pytest.mark.parametrize("kind", REFUSED)
def test_retries_that_would_repeat_a_proof_are_refused(kind: str, through_transport: bool) -> None:
    retries = REFUSED[kind]
    options = (
        {"transport": requests.adapters.HTTPAdapter(max_retries=retries)}
        if through_transport
        else {"max_retries": retries}
    )
    with pytest.raises(ConfigurationError, match=r"max_retries .* proof twice.*connect=3"):
        adapter("http://127.0.0.1", **options)


@pytest.mark.parametrize("through_transport", [False, True])
@pytest.mark.parametrize("kind", ALLOWED)
def test_retries_that_repeat_no_proof_are_allowed(kind: str, through_transport: bool) -> None:
    retries = ALLOWED[kind]
    if through_transport:
        adapter("http://127.0.0.1", transport=requests.adapters.HTTPAdapter(max_retries=retries))
    else:
        adapter("http://127.0.0.1", max_retries=retries)


def test_without_a_key_any_retries_will_do() -> None:
    source = bound()
    source.dpop = None  # type: ignore[assignment]
    ClientCredentialsAdapter(source, origins="http://127.0.0.1", max_retries=3)


def test_a_transport_that_does_not_retry_is_allowed() -> None:
    class Transport(requests.adapters.BaseAdapter):
        """Has no max_retries."""

    adapter("http://127.0.0.1", transport=Transport())


def test_a_transport_counts_though_it_is_empty() -> None:
    class Transport(requests.adapters.HTTPAdapter):
        def __len__(self) -> int:
            return 0

    with pytest.raises(ConfigurationError):
        adapter("http://127.0.0.1", transport=Transport(max_retries=3))


HICCUPS: dict[str, Script] = {
    "drops": drop,
    "resets": reset,
    "no HTTP": b"nonsense\r\n\r\n",
    "503": answer(status="503 X"),
    "503 with Retry-After": answer(status="503 X", headers={"Retry-After": "0"}),
    "429 with Retry-After": answer(status="429 X", headers={"Retry-After": "0"}),
    "cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
}


@pytest.mark.parametrize("hiccup", HICCUPS)
@pytest.mark.parametrize("kind", ALLOWED)
def test_what_is_allowed_sends_no_proof_twice(kind: str, hiccup: str) -> None:
    with Server(HICCUPS[hiccup]) as server:
        sent_by(adapter(server.url, max_retries=ALLOWED[kind]), server.url)
        assert len(server.requests) == 1


@pytest.mark.parametrize("kind", sorted(set(REFUSED) - {"others"}))
def test_what_is_refused_would_send_a_proof_twice(kind: str) -> None:
    """So the rule is no stricter than it must be."""
    repeated = set()
    for hiccup, script in HICCUPS.items():
        with Server(script, script, answer()) as server:
            sent_by(requests.adapters.HTTPAdapter(max_retries=REFUSED[kind]), server.url)
            if len(server.requests) > 1:
                repeated.add(hiccup)
    assert repeated


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
@pytest.mark.parametrize(("kind", "times"), [("others", 2), ("what the message says", 1)])
def test_a_tls_failure_after_the_request_counts_as_another_kind_of_error(
    kind: str, times: int
) -> None:
    def breaks_tls(request: Request) -> None:
        os.write(request.connection.socket.fileno(), b"no record of TLS")

    with Server(breaks_tls, answer(), tls=server_context(trustme.CA())) as server:
        retries = {**ALLOWED, **REFUSED}[kind]
        sent_by(requests.adapters.HTTPAdapter(max_retries=retries), server.url)
        assert len(server.requests) == times


def test_a_refused_connection_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = []

    def sleep(self: Retry, response: object = None) -> None:
        refused.append(self.total)
        if len(refused) == 2:
            server.listen()

    monkeypatch.setattr(Retry, "sleep", sleep)
    with Server(answer(b"fine")) as server, requests.Session() as session:
        server.refuse()
        session.mount("http://", adapter(server.url, max_retries=RECOMMENDED))
        assert session.get(server.url).text == "fine"
    assert len(refused) == 2
    (request,) = server.requests
    assert opened(request.headers["DPoP"])[1]["ath"] == ath("the-token")


class Sender(requests.adapters.BaseAdapter):
    """Lets go of its connections, and meanwhile lets another thread come before it."""

    def __init__(self, meanwhile: object = None) -> None:
        super().__init__()
        self.let_go = 0
        self.meanwhile = meanwhile

    def close(self) -> None:
        if callable(self.meanwhile):
            self.meanwhile()
        self.let_go += 1


@pytest.fixture
def cert(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "client.pem"
    trustme.CA().issue_cert("client.example").private_key_and_cert_chain_pem.write_to_path(
        str(path)
    )
    return path


def touch(path: Path) -> None:
    """Another version of a file, in its place."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(path.read_bytes())
    os.replace(fresh, path)


def test_connections_are_let_go_once_for_a_new_token_and_new_files(cert: Path) -> None:
    presented, sender = PresentedCertificate(str(cert)), Sender()
    tokens = [AccessToken(f"token-{number}") for number in range(4)]
    let_go = []
    for token in (tokens[0], tokens[0], tokens[1]):
        assert presented.present_with(token, sender) == str(cert)
        let_go.append(sender.let_go)
    touch(cert)
    for token in (tokens[1], tokens[2], tokens[2], tokens[1], tokens[3]):
        presented.present_with(token, sender)
        let_go.append(sender.let_go)
    assert let_go == [0, 0, 0, 0, 1, 1, 1, 1]


def test_a_thread_that_comes_while_another_lets_go_uses_no_connection_of_old(cert: Path) -> None:
    presented, other = PresentedCertificate(str(cert)), Sender()
    new = AccessToken("new")
    presented.present_with(AccessToken("old"), other)
    touch(cert)
    presented.present_with(new, Sender(meanwhile=lambda: presented.present_with(new, other)))
    assert other.let_go == 1
