"""What the library is known for, shown: a failing token endpoint, and calls that go on."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

import pytest
import requests

from requests_cc import TemporarilyUnavailable, TokenEndpointUnreachable, TokenRequestError
from requests_cc.events import TokenReceived, TokenRequested, TokenRequestFailed
from requests_cc.testing import LocalServer
from tests.support.server import PATIENCE
from tests.support.sources import ManualClock

from . import misbehaviour as does
from .clients import Client
from .faulty_server import FaultyServer

T = TypeVar("T")

LONG_AFTER = 100_000.0  # seconds that a token must live to be fresh where the clock was moved on


def outcomes_of(threads: int, act: Callable[[], T]) -> list[Future[T]]:
    """What so many threads come to that start together."""
    barrier = threading.Barrier(threads)

    def run() -> T:
        barrier.wait(PATIENCE)
        return act()

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(run) for _ in range(threads)]
        assert not wait(futures, 3 * PATIENCE).not_done
    return futures


@pytest.fixture
def client(api: LocalServer, server: FaultyServer, clock: ManualClock) -> Client:
    return Client(api, server, clock)


@pytest.fixture
def real_time_client(api: LocalServer, server: FaultyServer) -> Client:
    return Client(api, server, time)


@pytest.mark.rule(11)
def test_a_hanging_token_endpoint_costs_64_threads_one_timeout_together(
    client: Client, server: FaultyServer
) -> None:
    server.misbehave(does.never_answers)
    session = client.session(timeout=1.0)

    began = time.monotonic()
    errors = [future.exception() for future in outcomes_of(64, lambda: client.call(session))]
    took = time.monotonic() - began

    assert all(isinstance(error, requests.Timeout) for error in errors)
    assert server.accepted == 1
    assert len(client.events.of(TokenRequested)) == 1
    # One after the other it would be 64 s; 1.0 s is what it should be, on a machine with time.
    assert 1.0 <= took < 10.0
    assert len({id(error) for error in errors}) == 64  # each has its own to raise


def test_a_503_costs_64_threads_a_few_requests_in_all(client: Client, server: FaultyServer) -> None:
    server.misbehave(does.answers_status(503))
    session = client.session()

    errors = [future.exception() for future in outcomes_of(64, lambda: client.call(session))]

    assert {type(error) for error in errors} == {TemporarilyUnavailable}
    assert 1 <= server.accepted <= 3
    assert len(client.events.of(TokenRequested)) == 1


def test_200_calls_that_always_return_401_cause_a_dozen_token_requests_at_most(
    client: Client, api: LocalServer
) -> None:
    api.fail_next(1000, status=401, at="api")
    session = client.session()
    for _ in range(200):
        assert client.call(session).status_code == 401
        client.clock.forward(0.5)  # 100 seconds in all
    assert 2 <= len(api.token_requests) <= 12


def test_200_calls_by_8_threads_that_always_return_401_cause_no_more(
    real_time_client: Client, api: LocalServer
) -> None:
    client = real_time_client
    api.fail_next(1000, status=401, at="api")
    session = client.session()
    futures = outcomes_of(8, lambda: {client.call(session).status_code for _ in range(25)})
    assert [future.result() for future in futures] == [{401}] * 8
    assert 2 <= len(api.token_requests) <= 12


class Load:
    """Threads that call an API over and over, and check each answer."""

    def __init__(self, client: Client, threads: int) -> None:
        self._client = client
        self._stopping = threading.Event()
        self._changed = threading.Condition()  # guards _calls
        self._calls = [0] * threads
        self.longest_stall = 0.0  # seconds for which the machine kept a thread that was ready
        self._pool = ThreadPoolExecutor(threads)
        self._futures: list[Future[None]] = []

    def __enter__(self) -> Load:  # noqa: PYI034 - typing.Self is new in Python 3.11
        barrier = threading.Barrier(len(self._calls))
        self._watching = threading.Thread(target=self._watch_the_machine)
        self._watching.start()
        self._futures = [
            self._pool.submit(self._run, number, barrier) for number in range(len(self._calls))
        ]
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._pool.shutdown()
        self._watching.join()
        for future in self._futures:
            future.result()  # no call has failed

    @property
    def calls(self) -> int:
        with self._changed:
            return sum(self._calls)

    def wait_until_each_made(self, more: int) -> None:
        """Wait until each thread has made so many more calls."""
        with self._changed:
            goals = [calls + more for calls in self._calls]
            reached = self._changed.wait_for(
                lambda: all(c >= g for c, g in zip(self._calls, goals, strict=True)), PATIENCE
            )
        assert reached, "a thread waits for something"

    def _watch_the_machine(self) -> None:
        due = time.monotonic() + 0.01
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            self.longest_stall = max(self.longest_stall, time.monotonic() - due)
            due = time.monotonic() + 0.01

    def _run(self, number: int, barrier: threading.Barrier) -> None:
        session = self._client.session()
        barrier.wait(PATIENCE)
        while not self._stopping.is_set():
            assert self._client.call(session).status_code == 200
            with self._changed:
                self._calls[number] += 1
                self._changed.notify_all()


def test_16_threads_go_on_while_a_token_is_renewed_and_none_waits(
    client: Client, api: LocalServer
) -> None:
    # The renewal cannot end before each thread has made three calls more, which a thread that
    # waited for it never would.
    events = client.events
    api.token_lifetime = 1000.0
    first = client.session()
    client.token_of(first)
    with Load(client, 16) as load:
        for renewal in range(1, 6):
            load.wait_until_each_made(1)
            api.token_lifetime = 1000.0 * (renewal + 1)  # of which the clock is ahead by so many
            events.stop_token_requests()
            client.clock.forward(955.0 if renewal == 1 else 1000.0)
            events.wait_for(TokenRequested, renewal + 1)
            load.wait_until_each_made(3)
            events.let_token_requests_begin()
            events.wait_for(TokenReceived, renewal + 1)
    assert [e.reason for e in events.of(TokenRequested)] == ["missing"] + ["ahead"] * 5
    # Each call but the first was handed a token without waiting.
    assert client.cache.stats().hits == load.calls


@pytest.mark.slow
def test_tokens_of_2_seconds_from_an_endpoint_of_300_ms_serve_16_threads(
    real_time_client: Client, api: LocalServer
) -> None:
    client, events = real_time_client, real_time_client.events
    api.token_lifetime, api.token_delay = 2.0, 0.3
    client.token_of(client.session())
    with Load(client, 16) as load:
        time.sleep(5.0)

    assert events.of(TokenRequestFailed) == []
    requested = [
        (moment, e.reason) for moment, e in events.timed() if isinstance(e, TokenRequested)
    ]
    received = [moment for moment, e in events.timed() if isinstance(e, TokenReceived)]
    assert len(received) >= 3
    late = 0
    renewals = zip(requested, requested[1:], received[1:], strict=False)
    for (before, _), (begun, reason), done in renewals:
        # 0.4 s before expiry at the latest, and some time for a thread to start.
        assert begun - before < 1.8 + 3 * load.longest_stall
        assert reason == "ahead" or load.longest_stall > 0.1
        late += done - before > 1.95
    # Threads wait only for a renewal that this machine was too slow to end in time.
    assert load.calls - client.cache.stats().hits <= 16 * late


@pytest.mark.slow
@pytest.mark.rule(12)
def test_while_the_token_endpoint_is_down_no_call_fails_until_the_token_expires(
    client: Client, api: LocalServer, server: FaultyServer
) -> None:
    events = client.events
    api.token_lifetime = 1000.0
    session = client.session()
    current = client.token_of(session)
    server.refuse()

    for _ in range(99):
        client.clock.forward(10.0)
        begun = len(events.of(TokenRequested))
        assert client.token_of(session) == current
        if len(events.of(TokenRequested)) > begun:  # a renewal ahead, which is to fail first
            events.wait_for(TokenRequestFailed, begun)
    assert 1 <= len(events.of(TokenRequestFailed)) <= 7  # of a minute, with pauses that grow

    client.clock.forward(75.0)  # past its expiry, and past any cool-down of the renewals
    for _ in range(20):
        with pytest.raises(TokenEndpointUnreachable) as raised:
            client.call(session)
        assert "check the URL, and that it is up" in str(raised.value)
        assert "no token request before" in str(raised.value)
    # One of the twenty made a token request; the others failed at once.
    failed_requests = len(events.of(TokenRequested))
    assert failed_requests <= 9

    server.heal()
    api.token_lifetime = LONG_AFTER
    assert raised.value.retry_at is not None
    client.clock.forward(raised.value.retry_at - client.clock.time() + 0.01)
    assert client.token_of(session) != current
    assert len(events.of(TokenRequested)) == failed_requests + 1


def test_retry_after_30_means_no_token_request_for_30_seconds_from_any_thread(
    client: Client, server: FaultyServer
) -> None:
    server.misbehave(does.answers_status(503, "Retry-After: 30"))
    session = client.session()

    def fails() -> bool:
        with pytest.raises(TemporarilyUnavailable):
            client.call(session)
        return True

    for pause in (0.0, 0.5, 9.5, 10.0, 9.99):  # 29.99 s
        client.clock.forward(pause)
        assert all(future.result() for future in outcomes_of(20, fails))
        assert server.accepted == 1
    server.heal()
    client.clock.forward(0.02)
    calls = outcomes_of(20, lambda: client.call(session).status_code)
    assert [future.result() for future in calls] == [200] * 20
    assert server.accepted == 2


@pytest.mark.slow
@pytest.mark.parametrize(("lifetime", "seconds"), [(1.0, 3.5), (5.0, 6.5)])
def test_short_lived_tokens_under_load_are_used_for_most_of_their_life(
    real_time_client: Client, api: LocalServer, lifetime: float, seconds: float
) -> None:
    client = real_time_client
    api.token_lifetime = lifetime
    began = time.monotonic()
    with Load(client, 8):
        time.sleep(seconds)
    took = time.monotonic() - began
    # Renewal ahead begins when 70 % of the lifetime are over, at the earliest; and a call that the
    # machine kept from being sent until its token had expired causes a renewal too.
    most = 1 + took / (0.7 * lifetime) + client.cache.stats().rejections
    assert seconds / lifetime - 1 <= len(api.token_requests) <= most
    assert client.events.of(TokenRequestFailed) == []


TOKEN_REQUEST = """
import sys
import requests
from requests_cc import ClientCredentials, ClientCredentialsAdapter, TokenCache

token_url, api_url, go_on = sys.argv[1:]
session = requests.Session()
session.trust_env = False
session.mount(
    api_url, ClientCredentialsAdapter(ClientCredentials(token_url, "me", "s"), origins=api_url)
)
session.get(api_url)
print("served", flush=True)
if go_on == "yes":
    sys.stdin.readline()
    session.get(api_url).raise_for_status()
    print("served again", flush=True)
"""


def test_kill_9_in_the_middle_of_a_token_request_leaves_others_unharmed(
    client: Client, api: LocalServer, server: FaultyServer
) -> None:
    def start(go_on: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", TOKEN_REQUEST, server.token_url, api.api_url, go_on],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    with start("yes") as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "served\n"
        server.misbehave(does.never_answers, times=1)
        with start("no") as victim:
            assert server.wait_for_requests(2)
            victim.send_signal(signal.SIGKILL)
            assert victim.wait(PATIENCE) == -signal.SIGKILL
        served, _ = other.communicate("\n", timeout=PATIENCE)
    assert served == "served again\n"
    assert other.returncode == 0
    assert client.call(client.session()).status_code == 200


def test_the_first_call_after_the_cool_down_is_served_to_all_who_wait(
    client: Client, server: FaultyServer
) -> None:
    server.misbehave(does.closes_without_answer)
    session = client.session()
    with pytest.raises(TokenRequestError):
        client.call(session)
    server.heal()
    client.clock.forward(1.21)
    before = server.accepted
    calls = outcomes_of(20, lambda: client.call(session).status_code)
    assert [future.result() for future in calls] == [200] * 20
    assert server.accepted == before + 1
