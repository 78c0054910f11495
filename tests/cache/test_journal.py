"""What operators see: events, log lines and counts; never a token."""

from __future__ import annotations

import copy
import dataclasses
import logging
import pickle

import pytest

from requests_cc import InvalidClient, TokenCache, TokenEndpointUnreachable
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
            "WARNING",
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
