"""Metadata is looked up when it is needed, once, by one thread for all."""

from __future__ import annotations

import gc
import pickle
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from requests_cc.errors import (
    InvalidTokenResponse,
    TemporarilyUnavailable,
    TokenEndpointTimeout,
    TokenRequestError,
)
from requests_cc.server.discovery import Discovery, IssuerOfResource, SameIssuer
from requests_cc.server.metadata import ServerDocument
from requests_cc.server.reach import Reach
from requests_cc.server.well_known import LookUp
from tests.support.forked_child import in_child, needs_fork
from tests.support.scripts import Request, answer, hang
from tests.support.server import PATIENCE, Server
from tests.support.sources import in_thread, outcomes, until_waiting

RFC8414 = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
THREADS = 32


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(path="") as running:
        running.routes[OPENID] = {"issuer": running.url, "token_endpoint": f"{running.url}/token"}
        yield running


def discovery_of(server: Server, timeout: float = PATIENCE / 2) -> Discovery:
    return Discovery(server.url, SameIssuer(), Reach(None, (timeout, timeout), allow_http=False))


class Gate:
    """A route that answers once the test says so."""

    def __init__(self, answer: dict[str, Any] | bytes) -> None:
        self.answer = answer
        self.opened = threading.Event()

    def __call__(self, _: Request) -> dict[str, Any] | bytes:
        assert self.opened.wait(PATIENCE)
        return self.answer


def begun(work: Callable[[], Any], threads: int = THREADS) -> Callable[[], Any]:
    """Begin a call in many threads at once; what is returned waits for what each of them got."""
    return in_thread(lambda: outcomes([work] * threads))


# --- once --------------------------------------------------------------------------------------


def test_nothing_is_fetched_before_it_is_needed(server: Server) -> None:
    discovery_of(server)
    assert server.requests == []


def test_it_is_fetched_once_and_kept(server: Server) -> None:
    discovery = discovery_of(server)
    documents = [discovery.document() for _ in range(3)]
    assert documents[0].endpoint("token_endpoint") == f"{server.url}/token"
    assert documents[1] is documents[0]
    assert server.targets == [RFC8414, OPENID]


def test_thirty_two_threads_cause_one_fetch_of_each_location(server: Server) -> None:
    gate = Gate(server.routes[OPENID])
    server.routes[OPENID] = gate
    discovery = discovery_of(server)
    ends = begun(discovery.document)
    until_waiting(THREADS - 1)
    gate.opened.set()
    documents = ends()
    assert len(documents) == THREADS
    assert all(document is documents[0] for document in documents)
    assert server.targets == [RFC8414, OPENID]


def test_threads_that_come_a_moment_too_late_cause_no_fetch(server: Server) -> None:
    discovery = discovery_of(server)
    assert discovery._fetched_by_one().document is discovery._fetched_by_one().document
    assert server.targets == [RFC8414, OPENID]


def test_forgetting_has_it_fetched_anew(server: Server) -> None:
    discovery = discovery_of(server)
    discovery.forget()
    discovery.document()
    server.routes[OPENID] = {"issuer": server.url, "token_endpoint": "https://new.example/"}
    discovery.forget()
    assert discovery.document().endpoint("token_endpoint") == "https://new.example/"
    assert server.targets == [RFC8414, OPENID] * 2


def test_forgetting_does_not_end_a_fetch_that_is_under_way(server: Server) -> None:
    gate = Gate(server.routes[OPENID])
    server.routes[OPENID] = gate
    discovery = discovery_of(server)
    ends = begun(discovery.document, threads=2)
    until_waiting(1)
    discovery.forget()
    late_ends = begun(discovery.document, threads=1)
    until_waiting(2)
    gate.opened.set()
    first, second, third = [*ends(), *late_ends()]
    assert first is second is third
    assert server.targets == [RFC8414, OPENID]


# --- failures ----------------------------------------------------------------------------------


def test_those_who_wait_for_a_failing_fetch_share_its_outcome(server: Server) -> None:
    gate = Gate(answer(status="503 X", headers={"Retry-After": "7"}))
    server.routes[OPENID] = gate
    discovery = discovery_of(server)
    ends = begun(discovery.document)
    until_waiting(THREADS - 1)
    gate.opened.set()
    errors = ends()
    assert {type(error) for error in errors} == {TemporarilyUnavailable}
    assert {str(error) for error in errors} == {str(errors[0])}
    assert {error.retry_after for error in errors} == {7.0}
    assert len({id(error) for error in errors}) == THREADS, "each has its own"
    assert server.targets == [RFC8414, OPENID]


def test_a_hang_costs_the_waiters_one_timeout_together(server: Server) -> None:
    server.routes[RFC8414] = hang
    discovery = discovery_of(server, timeout=2.0)
    began = time.monotonic()
    ends = begun(discovery.document)
    until_waiting(THREADS - 1)
    errors = ends()
    assert {type(error) for error in errors} == {TokenEndpointTimeout}
    assert time.monotonic() - began < PATIENCE  # one after another they would take a minute
    assert server.targets == [RFC8414]


def test_a_failure_is_not_kept(server: Server) -> None:
    document = server.routes.pop(OPENID)
    discovery = discovery_of(server)
    with pytest.raises(InvalidTokenResponse):
        discovery.document()
    server.routes[OPENID] = document
    assert discovery.document().member("issuer") == document["issuer"]
    assert server.targets == [RFC8414, OPENID] * 2


def test_an_error_hangs_on_to_nothing(server: Server) -> None:
    server.routes.clear()
    discovery = discovery_of(server)
    for _ in range(2):
        with pytest.raises(InvalidTokenResponse) as raised:
            discovery.document()
        error = raised.value
        assert (error.__cause__, error.__context__) == (None, None)
        assert (error.request, error.response) == (None, None)


class Kept:
    """Something in a frame of the thread that fetches."""


@dataclass(frozen=True)
class Fails:
    """Looks for the issuer in vain."""

    kept: list[weakref.ref[Kept]] = field(default_factory=list)
    key_part = made_by = location = None
    names_strangers = False

    def check(self, url: str, *, allow_http: bool) -> None:
        """Any URL will do."""

    def __call__(self, url: str, look_up: LookUp) -> str:
        kept = Kept()
        self.kept.append(weakref.ref(kept))
        raise InvalidTokenResponse("there is none")


def test_a_failure_keeps_no_frame_alive() -> None:
    find_issuer = Fails()
    reach = Reach(None, (1.0, 1.0), allow_http=False)
    discovery = Discovery("https://auth.example.com", find_issuer, reach)
    with suppress(InvalidTokenResponse):
        discovery.document()
    gc.collect()
    assert find_issuer.kept[0]() is None
    assert discovery.url == "https://auth.example.com"


@dataclass(frozen=True)
class KilledAtFirst:
    """Looks for the issuer; the first who does is interrupted in the middle of it."""

    gate: threading.Event
    calls: list[str] = field(default_factory=list)
    key_part = made_by = location = None
    names_strangers = False

    def check(self, url: str, *, allow_http: bool) -> None:
        """Any URL will do."""

    def __call__(self, url: str, look_up: LookUp) -> str:
        self.calls.append(url)
        if len(self.calls) == 1:
            assert self.gate.wait(PATIENCE)
            raise KeyboardInterrupt
        return url


def test_if_the_thread_that_fetches_is_killed_another_takes_over(
    server: Server,
) -> None:
    find_issuer = KilledAtFirst(threading.Event())
    discovery = Discovery(server.url, find_issuer, Reach(None, (5.0, 5.0), allow_http=False))
    ends = begun(discovery.document, threads=8)
    until_waiting(7)
    find_issuer.gate.set()
    results = ends()
    assert sum(isinstance(result, KeyboardInterrupt) for result in results) == 1
    assert sum(isinstance(result, ServerDocument) for result in results) == 7
    assert len(find_issuer.calls) == 2
    assert server.targets == [RFC8414, OPENID]


def test_what_a_users_own_session_raises_is_a_token_request_error(server: Server) -> None:
    class Broken(requests.Session):
        def send(self, request: Any, **options: Any) -> requests.Response:
            raise LookupError("a session of one's own")

    reach = Reach(Broken(), (5.0, 5.0), allow_http=False)
    with pytest.raises(TokenRequestError, match="LookupError: a session of one's own"):
        Discovery(server.url, SameIssuer(), reach).document()


def test_many_locations_together_take_no_longer_than_one_exchange_may(
    server: Server,
) -> None:
    def slowly(request: Request) -> bytes:
        request.connection.pause(1.5)
        return answer(status="404 X")

    issuer = f"{server.url}/tenant"
    server.routes = {f"{RFC8414}/tenant": slowly, f"/tenant{OPENID}": slowly}
    # Each answer comes within the read timeout; the second location has what the first one left.
    reach = Reach(None, (0.5, 2.0), allow_http=False)
    with pytest.raises(TokenEndpointTimeout):
        Discovery(issuer, SameIssuer(), reach).document()
    assert server.targets == [f"{RFC8414}/tenant", f"/tenant{OPENID}"]


def test_what_is_left_of_the_time_is_never_nothing() -> None:
    look_up = LookUp(Reach(None, (1.0, 3.0), allow_http=False), until=time.monotonic() - 60)
    assert look_up.way.timeout == pytest.approx((0.00025, 0.00075))
    connect, read = LookUp.begin(look_up.reach).way.timeout
    assert connect + read == pytest.approx(4.0, abs=1.0)
    assert read == pytest.approx(3 * connect)


# --- processes ---------------------------------------------------------------------------------


@needs_fork
def test_a_child_fetches_what_its_parent_was_fetching(server: Server) -> None:
    document = server.routes[OPENID]
    both = threading.Barrier(2)

    def when_both_ask(_: Request) -> Any:
        both.wait(PATIENCE)
        return document

    server.routes[OPENID] = when_both_ask
    discovery = discovery_of(server)
    ends = begun(discovery.document, threads=2)
    until_waiting(1)
    assert in_child(lambda: discovery.document().member("issuer")) == server.url
    assert [found.member("issuer") for found in ends()] == [server.url] * 2
    assert server.targets.count(OPENID) == 2


@needs_fork
def test_a_child_has_the_document_that_its_parent_has(server: Server) -> None:
    discovery = discovery_of(server)
    discovery.document()
    assert in_child(lambda: discovery.document().member("issuer")) == server.url
    assert server.targets == [RFC8414, OPENID]


@needs_fork
def test_a_child_can_look_up_what_nobody_has(server: Server) -> None:
    discovery = discovery_of(server)
    with discovery._lock._lock:
        assert in_child(lambda: discovery.document().member("issuer")) == server.url


def test_a_pickle_carries_no_document(server: Server) -> None:
    discovery = discovery_of(server)
    discovery.document()
    pickled = pickle.dumps(discovery)
    assert b"token_endpoint" not in pickled
    copy = pickle.loads(pickled)
    assert (copy.url, copy.reach, copy.key_part) == (
        discovery.url,
        discovery.reach,
        discovery.key_part,
    )
    copy.document()
    assert server.targets == [RFC8414, OPENID] * 2


def test_its_key_names_the_url_and_how_it_was_meant() -> None:
    reach = Reach(None, (1.0, 1.0), allow_http=False)
    url, other = "https://auth.example.com", "https://other.example.com"
    several = [
        Discovery(url, SameIssuer(), reach),
        Discovery(other, SameIssuer(), reach),
        Discovery(url, SameIssuer(other), reach),
        Discovery(url, IssuerOfResource((url,), other), reach),
        Discovery(url, IssuerOfResource((url,)), reach),
        Discovery(url, IssuerOfResource((url, other)), reach),
    ]
    assert len({discovery.key_part for discovery in several}) == len(several)
    assert Discovery(url, SameIssuer(), reach).key_part == several[0].key_part
    again = Discovery(url, IssuerOfResource((url,)), Reach(None, (2.0, 2.0), allow_http=False))
    assert again.key_part == several[4].key_part


def test_every_failure_is_a_token_request_error(server: Server) -> None:
    server.routes[OPENID] = answer(b"[" * 100_000, "200 X")
    with pytest.raises(TokenRequestError, match="200 without a JSON object"):
        discovery_of(server).document()
