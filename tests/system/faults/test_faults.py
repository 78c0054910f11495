"""Each fault at a cold start, during renewal ahead and after a 401."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from requests_cc import (
    InvalidTokenResponse,
    ServerError,
    TemporarilyUnavailable,
    TokenEndpointTimeout,
    TokenEndpointUnreachable,
    TokenRequestError,
)
from requests_cc.events import RenewalAheadFailed, TokenReceived, TokenRequested, TokenRequestFailed
from requests_cc.testing import LocalServer
from tests.support.server import PATIENCE, Play
from tests.support.sources import ManualClock

from . import misbehaviour as does
from .clients import HASTY, SECRET, Client
from .faulty_server import FaultyServer

MENDED_BY_PEOPLE = (8.0, 12.0)  # seconds: ten, with its jitter
LIFETIME = 1000.0  # seconds that the first token of a test lives, and
LEEWAY = 60.0  # before its expiry, give or take a fifth, is when renewal ahead begins
LONG_AFTER = 100_000.0  # seconds that a token must live to be fresh where the clock was moved on
FIRST_COOL_DOWN = (0.8, 1.2)  # seconds: one, with its jitter


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and what is expected of a client.

    :param play: what the server does; None: it refuses connections.
    :param error: what a caller is given.
    :param attempts: how many connections a token request makes before it gives up.
    :param hangs: whether only a timeout ends it.
    :param tls: whether the server is reached over TLS.
    :param cool_down: seconds, the least and the most.
    """

    play: Play | None
    error: type[TokenRequestError]
    attempts: int
    hangs: bool = False
    tls: bool = False
    cool_down: tuple[float, float] = FIRST_COOL_DOWN

    def begin(self, server: FaultyServer, times: int | None = None) -> None:
        if self.play is None:
            server.refuse()
        else:
            server.misbehave(self.play, times)


def dropped(play: Play | None, *, tls: bool = False) -> Fault:
    return Fault(play, TokenEndpointUnreachable, attempts=3, tls=tls)


def hanging(play: Play) -> Fault:
    return Fault(play, TokenEndpointTimeout, attempts=1, hangs=True)


def refused_by_tls(play: Play) -> Fault:
    return Fault(play, TokenEndpointUnreachable, attempts=1, tls=True, cool_down=MENDED_BY_PEOPLE)


def no_token(play: Play) -> Fault:
    return Fault(play, InvalidTokenResponse, attempts=1)


def failing(status: int, error: type[TokenRequestError]) -> Fault:
    return Fault(does.answers_status(status), error, attempts=3)


def asking_for_a_pause(status: int, error: type[TokenRequestError]) -> Fault:
    play = does.answers_status(status, "Retry-After: 30")
    return Fault(play, error, attempts=1, cool_down=(30.0, 30.0))


def asking_for_a_date(status: int, error: type[TokenRequestError]) -> Fault:
    # A date has whole seconds, and some time passes until it is read.
    play = does.asks_to_retry_at_a_date(status, 30.0)
    return Fault(play, error, attempts=1, cool_down=(20.0, 30.0))


# What another attempt mends, if the fault was a hiccup.
RETRIED = {
    "refuses": dropped(None),
    "closes without an answer": dropped(does.closes_without_answer),
    "resets before the headers": dropped(does.resets_before_headers),
    "resets in the headers": dropped(does.resets_in_headers),
    "resets after the headers": dropped(does.resets_after_headers),
    "closes mid-body": dropped(does.closes_mid_body),
    "closes mid-chunk": dropped(does.closes_mid_chunk),
    "closes during the TLS handshake": dropped(does.closes_during_handshake, tls=True),
    "Content-Length too long": dropped(does.announces_more_than_it_sends),
    "500": failing(500, ServerError),
    "502": failing(502, ServerError),
    "503": failing(503, TemporarilyUnavailable),
    "429": failing(429, TemporarilyUnavailable),
}
FINAL = {
    "never answers": hanging(does.never_answers),
    "answers after the timeout": hanging(does.answers_late(4 * HASTY)),
    "trickles headers": hanging(does.trickles_headers(HASTY / 4)),
    "trickles the body": hanging(does.trickles_body(HASTY / 4)),
    "Content-Length too long, and stays": hanging(does.announces_more_and_stays),
    "500, Retry-After in seconds": asking_for_a_pause(500, ServerError),
    "502, Retry-After in seconds": asking_for_a_pause(502, ServerError),
    "503, Retry-After in seconds": asking_for_a_pause(503, TemporarilyUnavailable),
    "429, Retry-After in seconds": asking_for_a_pause(429, TemporarilyUnavailable),
    "500, Retry-After a date": asking_for_a_date(500, ServerError),
    "502, Retry-After a date": asking_for_a_date(502, ServerError),
    "503, Retry-After a date": asking_for_a_date(503, TemporarilyUnavailable),
    "429, Retry-After a date": asking_for_a_date(429, TemporarilyUnavailable),
    "HTML": no_token(does.answers_html),
    "closes in the headers": no_token(does.closes_in_headers),
    "truncated JSON": no_token(does.answers_truncated_json),
    "Content-Length too short": no_token(does.announces_less_than_it_sends),
    "certificate for another host": refused_by_tls(does.shows_certificate("for another host")),
    "certificate of an unknown authority": refused_by_tls(
        does.shows_certificate("of an unknown authority")
    ),
    "expired certificate": refused_by_tls(does.shows_certificate("expired")),
    "plain http where TLS was expected": refused_by_tls(does.speaks_plain_http),
}
FAULTS = {**RETRIED, **FINAL}


class Scene:
    """A client, and the fault that it is about to meet."""

    def __init__(
        self, fault: Fault, api: LocalServer, server: FaultyServer, clock: ManualClock, ca: Path
    ) -> None:
        self.fault = fault
        self.server = server
        self.client = Client(api, server, clock, LEEWAY)
        through = None
        if fault.tls:
            through = requests.Session()
            through.verify = str(ca)
        self.session = self.client.session(through=through)
        # Meets the fault: with a short timeout only where that is what the fault is about.
        self.hasty = self.client.session(timeout=HASTY, through=through)
        self.meeting = self.hasty if fault.hangs else self.session
        api.token_lifetime = LIFETIME

    def begin_fault(self) -> None:
        """From now on until :meth:`heal`."""
        self._connections = self.server.accepted
        self._requests = len(self.client.events.of(TokenRequested))
        self.fault.begin(self.server)

    def heal(self) -> None:
        self.server.heal()
        self.client.api.token_lifetime = LONG_AFTER

    def check_error(self, error: TokenRequestError) -> None:
        """It is what a caller may see, and says when the next request may be made."""
        assert isinstance(error, self.fault.error)
        assert error.request is None
        assert error.response is None
        assert SECRET not in str(error) + repr(error)
        assert "no token request before" in str(error)
        least, most = self.fault.cool_down
        assert error.retry_at is not None
        assert least <= error.retry_at - self.client.clock.time() <= most + 0.001

    def check_one_token_request(self) -> None:
        """The fault has met one token request of a few connections, whoever called meanwhile."""
        assert len(self.client.events.of(TokenRequested)) == self._requests + 1
        connections = self.server.accepted - self._connections
        if self.fault.play is None:
            assert connections == 0
        else:
            assert 1 <= connections <= self.fault.attempts
        assert self.client.cache.stats().cooling_down == 1


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What this library warns of: urllib3 has warnings of its own."""
    records = (record for record in caplog.records if record.name == "requests_cc")
    return [record for record in records if record.levelno >= logging.WARNING]


@pytest.fixture
def attempts_follow_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred tests would spend half a minute between attempts, and show nothing more."""
    monkeypatch.setattr("requests_cc.credentials.authenticated_request.FIRST_PAUSE", 0.01)


@pytest.fixture
def scene_of(
    request: pytest.FixtureRequest,
    api: LocalServer,
    clock: ManualClock,
    ca_bundle: str,
    attempts_follow_soon: None,
) -> Callable[[Fault], Scene]:
    def make(fault: Fault) -> Scene:
        server = request.getfixturevalue("tls_server" if fault.tls else "server")
        return Scene(fault, api, server, clock, ca_bundle)

    return make


each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
each_retried_fault = pytest.mark.parametrize("fault", RETRIED.values(), ids=RETRIED.keys())


@each_fault
def test_at_a_cold_start_calls_fail_alike_until_the_cool_down_ends(
    fault: Fault, scene_of: Callable[[Fault], Scene]
) -> None:
    scene = scene_of(fault)
    client = scene.client
    scene.begin_fault()

    began = time.monotonic()
    for _ in range(4):  # the first makes the token request, the others fail at once
        with pytest.raises(fault.error) as raised:
            client.call(scene.meeting)
        scene.check_error(raised.value)
        scene.check_one_token_request()
    # A hang is cut short after twice HASTY; the slowest answer would take longer than this.
    assert time.monotonic() - began < PATIENCE / 2
    assert client.api.api_requests == ()

    scene.heal()
    least, most = fault.cool_down
    client.clock.forward(least - 0.01)
    with pytest.raises(fault.error):
        client.call(scene.session)
    scene.check_one_token_request()

    client.clock.forward(most - least + 0.02)
    assert client.call(scene.session).status_code == 200
    assert len(client.events.of(TokenReceived)) == 1
    assert client.cache.stats().cooling_down == 0


@pytest.mark.rule(12)
@each_fault
def test_during_renewal_ahead_the_current_token_serves_and_nobody_waits(
    fault: Fault, scene_of: Callable[[Fault], Scene], caplog: pytest.LogCaptureFixture
) -> None:
    scene = scene_of(fault)
    client, events = scene.client, scene.client.events
    current = client.token_of(scene.session)
    client.clock.forward(LIFETIME - 45.0)
    scene.begin_fault()

    # Renewal cannot end before it is let begin: whoever waited for it would wait for ever.
    events.stop_token_requests()
    for _ in range(3):
        assert client.token_of(scene.meeting) == current
    events.let_token_requests_begin()
    events.wait_for(RenewalAheadFailed, 1)

    for _ in range(3):
        assert client.token_of(scene.meeting) == current
    scene.check_one_token_request()
    [warning] = warnings_in(caplog)
    assert "token requests fail" in warning.getMessage()
    [failed] = events.of(TokenRequestFailed)
    assert failed.error in warning.getMessage()
    client.api.fail_next(status=401, at="api")
    with pytest.raises(fault.error) as raised:  # what the renewal failed with
        client.call(scene.meeting)
    scene.check_error(raised.value)
    scene.check_one_token_request()

    scene.heal()
    client.clock.forward(fault.cool_down[1] + 0.01)
    assert client.token_of(scene.session) == current
    events.wait_for(TokenReceived, 2)
    assert client.token_of(scene.session) != current
    assert len(events.of(TokenRequestFailed)) == 1


@each_fault
def test_after_a_401_that_call_fails_and_others_keep_the_token(
    fault: Fault, scene_of: Callable[[Fault], Scene]
) -> None:
    scene = scene_of(fault)
    client, events = scene.client, scene.client.events
    current = client.token_of(scene.session)
    scene.begin_fault()

    events.stop_token_requests()
    client.api.fail_next(status=401, at="api")
    with ThreadPoolExecutor(1) as pool:
        rejected = pool.submit(client.call, scene.meeting)
        events.wait_for(TokenRequested, 2)
        assert client.token_of(scene.meeting) == current  # while it is being renewed
        events.let_token_requests_begin()
        error = rejected.exception(PATIENCE)
    assert isinstance(error, fault.error)
    scene.check_error(error)
    scene.check_one_token_request()

    assert client.token_of(scene.meeting) == current
    client.api.fail_next(status=401, at="api")
    with pytest.raises(fault.error) as raised:  # at once: it cools down
        client.call(scene.meeting)
    scene.check_error(raised.value)
    assert client.token_of(scene.meeting) == current
    scene.check_one_token_request()

    scene.heal()
    client.clock.forward(fault.cool_down[1] + 0.01)
    client.api.fail_next(status=401, at="api")
    renewed = client.token_of(scene.session)
    assert renewed != current
    assert client.token_of(scene.session) == renewed


class HealedByFirstFailure(requests.adapters.HTTPAdapter):
    """Sends token requests; heals the server once one of them finds the port closed."""

    def __init__(self, server: FaultyServer) -> None:
        super().__init__()
        self._server = server
        self.refused = 0

    def send(self, *args: object, **options: object) -> requests.Response:
        try:
            return super().send(*args, **options)
        except requests.ConnectionError:
            self.refused += 1
            self._server.heal()
            raise


class Hiccup:
    """One connection meets the fault, and the next one does not."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._healing = HealedByFirstFailure(scene.server)
        self.session = scene.session
        if scene.fault.play is None:
            through = requests.Session()
            through.mount(scene.server.token_url, self._healing)
            self.session = scene.client.session(through=through)

    def begin(self) -> None:
        self._connections = self._scene.server.accepted
        self._scene.fault.begin(self._scene.server, times=1)

    def check_unnoticed(self, *, token_requests: int, caplog: pytest.LogCaptureFixture) -> None:
        client = self._scene.client
        assert self._scene.server.accepted - self._connections + self._healing.refused == 2
        assert len(client.events.of(TokenReceived)) == token_requests
        assert len(client.events.of(TokenRequested)) == token_requests
        assert client.events.of(TokenRequestFailed) == []
        assert warnings_in(caplog) == []


@each_retried_fault
def test_a_hiccup_at_a_cold_start_is_retried_unnoticed(
    fault: Fault, scene_of: Callable[[Fault], Scene], caplog: pytest.LogCaptureFixture
) -> None:
    scene = scene_of(fault)
    hiccup = Hiccup(scene)
    hiccup.begin()
    assert scene.client.call(hiccup.session).status_code == 200
    hiccup.check_unnoticed(token_requests=1, caplog=caplog)


@each_retried_fault
def test_a_hiccup_during_renewal_ahead_is_retried_unnoticed(
    fault: Fault, scene_of: Callable[[Fault], Scene], caplog: pytest.LogCaptureFixture
) -> None:
    scene = scene_of(fault)
    hiccup, client = Hiccup(scene), scene.client
    current = client.token_of(hiccup.session)
    client.clock.forward(LIFETIME - 45.0)
    client.api.token_lifetime = LONG_AFTER
    hiccup.begin()
    assert client.token_of(hiccup.session) == current
    client.events.wait_for(TokenReceived, 2)
    assert client.token_of(hiccup.session) != current
    hiccup.check_unnoticed(token_requests=2, caplog=caplog)


@each_retried_fault
def test_a_hiccup_after_a_401_is_retried_unnoticed(
    fault: Fault, scene_of: Callable[[Fault], Scene], caplog: pytest.LogCaptureFixture
) -> None:
    scene = scene_of(fault)
    hiccup, client = Hiccup(scene), scene.client
    current = client.token_of(hiccup.session)
    hiccup.begin()
    client.api.fail_next(status=401, at="api")
    assert client.token_of(hiccup.session) != current
    hiccup.check_unnoticed(token_requests=2, caplog=caplog)


KEPT_ALIVE = {
    "closes once idle": does.closes_once_idle,
    "closes when used again": does.closes_when_used_again,
    "resets when used again": does.resets_when_used_again,
}


@pytest.fixture
def kept_alive(
    request: pytest.FixtureRequest, server: FaultyServer, client: Client
) -> requests.Session:
    """Has its first token by a connection that it keeps and the server does not."""
    server.misbehave(request.param, times=1)
    return client.session(through=requests.Session())


@pytest.fixture
def client(api: LocalServer, server: FaultyServer, clock: ManualClock) -> Client:
    api.token_lifetime = LIFETIME
    return Client(api, server, clock, LEEWAY)


each_way_to_close = pytest.mark.parametrize(
    "kept_alive", KEPT_ALIVE.values(), ids=KEPT_ALIVE.keys(), indirect=True
)


def check_that_nobody_noticed(client: Client, *, token_requests: int) -> None:
    assert client.server.accepted == 2
    assert len(client.events.of(TokenReceived)) == token_requests
    assert client.events.of(TokenRequestFailed) == []


@each_way_to_close
def test_a_closed_kept_alive_connection_is_unnoticed_at_a_cold_start(
    kept_alive: requests.Session, client: Client
) -> None:
    current = client.token_of(kept_alive)
    client.cache.clear()
    assert client.token_of(kept_alive) != current
    check_that_nobody_noticed(client, token_requests=2)


@each_way_to_close
def test_a_closed_kept_alive_connection_is_unnoticed_during_renewal_ahead(
    kept_alive: requests.Session, client: Client
) -> None:
    current = client.token_of(kept_alive)
    client.clock.forward(LIFETIME - 45.0)
    client.api.token_lifetime = LONG_AFTER
    assert client.token_of(kept_alive) == current
    client.events.wait_for(TokenReceived, 2)
    assert client.token_of(kept_alive) != current
    check_that_nobody_noticed(client, token_requests=2)


@each_way_to_close
def test_a_closed_kept_alive_connection_is_unnoticed_after_a_401(
    kept_alive: requests.Session, client: Client
) -> None:
    current = client.token_of(kept_alive)
    client.api.fail_next(status=401, at="api")
    assert client.token_of(kept_alive) != current
    check_that_nobody_noticed(client, token_requests=2)


def test_no_fault_leaves_a_thread_behind_once_the_server_is_gone(
    api: LocalServer, clock: ManualClock
) -> None:
    with FaultyServer(api) as server:
        client = Client(api, server, clock)
        server.misbehave(does.trickles_body(HASTY / 4))
        with pytest.raises(TokenEndpointTimeout):
            client.call(client.session(timeout=HASTY))
    left = [t for t in threading.enumerate() if t.name == "requests-cc exchange"]
    for thread in left:
        thread.join(PATIENCE)
        assert not thread.is_alive()
