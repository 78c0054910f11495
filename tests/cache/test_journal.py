"""What operators see: events, log lines and counts; never a token."""

from __future__ import annotations

import copy
import dataclasses
import logging
import pickle
from typing import Any

import pytest

from requests_cc import (
    AccessToken,
    ClientCredentials,
    InvalidClient,
    InvalidTokenResponse,
    TokenCache,
    TokenEndpointUnreachable,
    TokenRequest,
)
from requests_cc.events import (
    CoolingDown,
    Event,
    RenewalAheadFailed,
    RenewalHeld,
    TokenReceived,
    TokenRejected,
    TokenRequested,
    TokenRequestFailed,
)
from requests_cc.testing import LocalServer
from tests.support.scripts import answer
from tests.support.server import Server
from tests.support.sources import ManualClock, Source, renewals_end

NAME = "source of key"


def slow(source: Source, clock: ManualClock) -> None:
    """Each request takes a quarter of a second."""

    def answer() -> object:
        token = source.mint()
        clock.forward(0.25)
        return token

    source.answer = answer  # type: ignore[assignment]


def test_an_observer_receives_each_event(clock: ManualClock) -> None:
    events: list[Event] = []
    cache, source = TokenCache(observers=[events.append], clock=clock), Source(clock)
    slow(source, clock)
    first = cache.token(source)
    cache.token(source)
    renewal = cache.renewal(source, first)
    assert renewal is not None
    renewal.token()
    renewal.rejected()
    renewal.rejected()
    source.fail(
        InvalidClient(
            "x",
        )
    )
    clock.forward(3595)
    cache.token(source)
    renewals_end()
    cooling = events.pop(-2)
    assert isinstance(cooling, CoolingDown)
    assert cooling.seconds == 4.75  # until the token expires
    assert events == [
        TokenRequested(NAME, "missing"),
        TokenReceived(NAME, 0.25, 3599.75),
        TokenRejected(NAME),
        TokenRequested(NAME, "rejected"),
        TokenReceived(NAME, 0.25, 3599.75),
        RenewalHeld(NAME, 1.0),
        TokenRequested(NAME, "ahead"),
        TokenRequestFailed(NAME, 0.0, "InvalidClient"),
        RenewalAheadFailed(NAME, "InvalidClient", 4.75),
    ]
    stats = cache.stats()
    assert stats._asdict() == {
        "tokens": 1,
        "cooling_down": 1,
        "held": 0,
        "hits": 2,
        "requests": 3,
        "successes": 2,
        "failures": 1,
        "shared": 0,
        "rejections": 1,
        "holds": 1,
        "last_latency": 0.0,
    }


def test_an_event_holds_nothing_of_a_users_own_exception_but_its_name(clock: ManualClock) -> None:
    class VaultError(Exception):
        error = error_description = "the secret is s3cret"
        status_code = 500

    events: list[Event] = []
    cache, source = TokenCache(observers=[events.append], clock=clock), Source(clock)
    source.fail(VaultError())
    with pytest.raises(VaultError):
        cache.token(source)
    assert events[1] == TokenRequestFailed(NAME, 0.0, "VaultError")


def test_a_failure_carries_the_servers_code_status_and_words_and_who_asked() -> None:
    words = "Client\x1b[31m s3cr3t-of-mine is unknown"
    refused = answer({"error": "unauthorized", "error_description": words}, "401 No")
    events: list[Event] = []
    with Server(refused) as server:
        credentials = ClientCredentials(server.url, "me", "s3cr3t-of-mine")
        with pytest.raises(InvalidClient):
            TokenCache(observers=[events.append]).token(credentials)
    failed = events[1]
    assert isinstance(failed, TokenRequestFailed)
    assert (failed.code, failed.status_code) == ("unauthorized", 401)
    assert failed.description is not None
    assert "is unknown" in failed.description
    assert "s3cr3t" not in failed.description
    assert failed.description.isprintable()
    assert (failed.source.client_id, failed.source.server) == ("me", server.url)


@pytest.mark.parametrize("status", ["200 OK", "301 Moved", "404 Not Found"])
@pytest.mark.parametrize("source", [lambda url: ClientCredentials(url, "me", "s"), TokenRequest])
def test_a_response_that_is_not_a_token_has_a_status_too(source: Any, status: str) -> None:
    events: list[Event] = []
    with (
        Server(answer(b"<html>", status)) as server,
        pytest.raises(InvalidTokenResponse) as raised,
    ):
        TokenCache(observers=[events.append]).token(source(server.url))
    failed = events[1]
    assert isinstance(failed, TokenRequestFailed)
    assert failed.status_code == raised.value.status_code == int(status[:3])
    assert pickle.loads(pickle.dumps(raised.value)).status_code == int(status[:3])


def test_an_observer_that_raises_is_logged_once_and_harms_nothing(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    def observer(event: Event) -> None:
        raise ValueError("secret words of the observer")

    cache, source = TokenCache(observers=[observer], clock=clock), Source(clock)
    renewed = cache.renew(source, cache.token(source))
    assert getattr(renewed, "value", None) == "key-2"
    lines = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert lines == ["an observer raised ValueError; its further exceptions are not logged"]


def test_each_observer_receives_each_event_whatever_the_others_raise(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[Event] = []

    def fails(event: Event) -> None:
        raise KeyError

    def fails_too(event: Event) -> None:
        raise OSError

    TokenCache(observers=[fails, events.append, fails_too], clock=clock).token(Source(clock))
    assert [type(event) for event in events] == [TokenRequested, TokenReceived]
    assert [record.getMessage() for record in caplog.records] == [
        "an observer raised KeyError; its further exceptions are not logged",
        "an observer raised OSError; its further exceptions are not logged",
    ]


def test_events_are_values() -> None:
    event = TokenReceived(NAME, 0.25, None)
    assert repr(event) == f"TokenReceived(source={NAME!r}, duration=0.25, expires_in=None)"
    assert event == TokenReceived(source=NAME, duration=0.25, expires_in=None)
    assert len({event, pickle.loads(pickle.dumps(event)), copy.deepcopy(event)}) == 1
    assert event != TokenReceived(NAME, 0.25, 1.0)
    assert CoolingDown(NAME, 1.0) != RenewalHeld(NAME, 1.0)
    assert event != (NAME, 0.25, None)
    assert dataclasses.asdict(event) == {"source": NAME, "duration": 0.25, "expires_in": None}
    match event:
        case TokenReceived(duration=seconds, expires_in=None):
            assert seconds == 0.25
        case _:
            raise AssertionError
    with pytest.raises(AttributeError, match="duration of a TokenReceived cannot be changed"):
        event.duration = 1.0  # type: ignore[misc]
    with pytest.raises(AttributeError, match="source of a TokenReceived cannot be changed"):
        del event.source


def test_the_log_has_a_line_for_each_fact_and_none_for_a_hit(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "requests_cc")
    cache, source = TokenCache(clock=clock), Source(clock)
    first = cache.token(source)
    for _ in range(10):
        cache.token(source)
    renewal = cache.renewal(source, first)
    assert renewal is not None
    renewal.token()
    renewal.rejected()
    source.fail(TokenEndpointUnreachable("down"))
    clock.forward(3595)
    cache.token(source)
    renewals_end()
    lines = [(r.levelname, r.getMessage()) for r in caplog.records if r.name == "requests_cc"]
    level, outage = lines.pop(-4)
    assert level == "WARNING"
    assert outage.startswith(f"{NAME}: token requests fail: TokenEndpointUnreachable: down (no ")
    level, cooling = lines.pop(-2)
    assert level == "INFO"
    assert cooling.startswith(f"{NAME}: no token request for ")
    assert lines == [
        ("DEBUG", f"{NAME}: token request begins (missing)"),
        ("INFO", f"{NAME}: token received in 0.000 s, expires in 3600.0 s"),
        ("INFO", f"{NAME}: the API rejected the token"),
        ("DEBUG", f"{NAME}: token request begins (rejected)"),
        ("INFO", f"{NAME}: token received in 0.000 s, expires in 3600.0 s"),
        (
            "WARNING",
            f"{NAME}: renewal did not help (the API rejected the new token too, or the server "
            "returned the rejected token again): no renewal after a rejection for 1 s",
        ),
        ("DEBUG", f"{NAME}: token request begins (ahead)"),
        ("INFO", f"{NAME}: token request failed after 0.000 s: TokenEndpointUnreachable"),
        (
            "INFO",
            f"{NAME}: renewal failed (TokenEndpointUnreachable): the current token stays in use, "
            "expires in 5.0 s",
        ),
    ]


def test_a_token_without_expiry_is_logged_as_such(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "requests_cc")
    TokenCache(clock=clock).token(Source(clock, lifetime=None))
    assert "expires at an unknown time" in caplog.text


def test_the_same_token_returned_after_a_401_is_logged(clock: ManualClock) -> None:
    events: list[Event] = []
    cache, source = TokenCache(observers=[events.append], clock=clock), Source(clock)
    token = cache.token(source)
    source.answer = lambda: token
    cache.renew(source, token)
    assert events[-1] == RenewalHeld(NAME, 1.0)


def test_a_source_without_a_label_is_named_by_its_type_and_never_by_its_repr(
    clock: ManualClock,
) -> None:
    class Plain(Source):
        def __repr__(self) -> str:
            return "Plain(secret)"

    events: list[Event] = []
    source = Plain(clock)
    source.label = None  # type: ignore[assignment]
    TokenCache(observers=[events.append], clock=clock).token(source)
    assert all(event.source.endswith("Plain") for event in events)


def test_nothing_that_is_seen_shows_a_token(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    events: list[Event] = []
    cache, source = (
        TokenCache(observers=[events.append], clock=clock),
        Source(clock, key="precious"),
    )
    source.label = "a source"
    first = cache.token(source)
    renewal = cache.renewal(source, first)
    assert renewal is not None
    renewal.token()
    renewal.rejected()
    source.fail(ValueError("precious"))
    clock.forward(3595)
    cache.token(source)
    renewals_end()
    entry = cache._find((Source, "precious"))
    assert entry is not None
    seen = [caplog.text, repr(events), repr(cache), repr(cache.stats()), repr(entry), repr(first)]
    seen += [repr(entry.state.hold), repr(entry.state.token)]
    assert not [text for text in seen if "precious" in text]


def test_an_outage_is_one_warning_with_the_servers_words_and_one_info_at_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with LocalServer({"me": "right"}) as server, caplog.at_level(logging.INFO, "requests_cc"):
        credentials = ClientCredentials(server.token_url, "me", "wrong")
        cache = TokenCache()
        for _ in range(3):
            with pytest.raises(InvalidClient) as raised:
                cache.token(credentials)
        assert "this failure is 0 s old" in str(raised.value)
        assert "cache.clear(credentials)" in str(raised.value)
        [warning] = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
        assert "401" in warning
        assert "invalid_client" in warning
        cache.clear(credentials)


def test_the_end_of_an_outage_is_one_info(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    cache, source = TokenCache(clock=clock), Source(clock)
    source.fail(TokenEndpointUnreachable("down"))
    with caplog.at_level(logging.INFO, "requests_cc"):
        for _ in range(3):
            with pytest.raises(TokenEndpointUnreachable):
                cache.token(source)
            clock.forward(61)
        source.mend()
        cache.token(source)
        cache.renew(source, cache.token(source))
    lines = [record.getMessage() for record in caplog.records]
    [failing] = [line for line in lines if "token requests fail" in line]
    assert failing.startswith(f"{NAME}: token requests fail: TokenEndpointUnreachable: down")
    assert lines.count(f"{NAME}: token requests work again") == 1


@pytest.mark.rule(14)
def test_a_token_that_arrives_expired_and_less_scope_are_one_warning_each(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    cache, source = TokenCache(clock=clock), Source(clock)
    source.scope = "read write"  # type: ignore[attr-defined]
    source.answer = lambda: AccessToken("dead", expires_at=clock.time() - 1, scope="read")
    for _ in range(3):
        cache.token(source)
    lines = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert [line.partition(": ")[2][:40] for line in lines] == [
        "the token has expired on arrival: each c",
        "the server granted less scope than reque",
    ]
    assert lines[1].endswith("missing: write")


def test_a_client_id_with_control_characters_stays_on_its_line(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    cache, source = TokenCache(clock=clock), Source(clock)
    source.label = "me\nWARNING forged \x1b[31m"
    with caplog.at_level(logging.DEBUG, "requests_cc"):
        cache.token(source)
    assert all(record.getMessage().isprintable() for record in caplog.records)


def test_what_was_logged_once_is_forgotten_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("requests_cc.cache.journal.MOST_SAID", 1)
    clock = ManualClock()
    cache = TokenCache(clock=clock)
    for key in ("one", "two", "one"):
        source = Source(clock, key=key, lifetime=-1.0)
        cache.token(source)
    assert len([r for r in caplog.records if "expired on arrival" in r.getMessage()]) == 3
