"""The demo's last scenes: a token ages while threads go on calling."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..testing import LocalServer
from .calls import Call, Caller, all_succeeded, in_words, longest
from .output import silent_log
from .timeline import Timeline, count, milliseconds

THREADS = 8
FOR_GOOD = 1_000_000  # failing requests: more than this demo sends
# Seconds: the server's Retry-After while it is down. It exceeds the library's budget for retries,
# so that a token request fails at once instead of after a few attempts.
LONG_OUTAGE = 60


@dataclass(frozen=True)
class Pace:
    """The lifetime of tokens, and the duration of a token request.

    Renewal begins a fifth of the lifetime before expiry, or earlier. That time, less the token
    endpoint's delay, is how long a busy machine may stall before the token expires.

    :param token_lifetime: float, seconds.
    :param token_delay: float, seconds that a token request takes.
    """

    token_lifetime: float = 3.0
    token_delay: float = 0.25


@dataclass(frozen=True)
class Ageing:
    """Renewal ahead of expiry, with a working token endpoint and during an outage."""

    server: LocalServer
    timeline: Timeline
    caller: Caller
    pace: Pace

    def run(self) -> None:
        self.server.token_lifetime = self.pace.token_lifetime
        self.server.token_delay = self.pace.token_delay
        # Each scene needs the token that the scene before it left in the cache.
        if self._first_token() and self._renewal():
            self._outage()

    def _first_token(self) -> bool:
        self.timeline.scene(
            f"Tokens now live for {self.pace.token_lifetime:g} s, and a token request takes "
            f"{milliseconds(self.pace.token_delay)}"
        )
        calls = self.caller.calls(1)
        held = self.timeline.happened(
            f"{in_words(calls)} after {longest(calls)}: it waited for the token",
            held=all_succeeded(calls),
        )
        self.timeline.end_scene()
        return held

    def _renewal(self) -> bool:
        self.timeline.scene(f"{THREADS} threads call all the time while that token ages")
        load = self._load_until(lambda: self.caller.cache.stats().successes)
        renewed = self.timeline.happened(
            f"renewal began {load.lead} and took {load.latency}; "
            f"{count(load.token_requests, 'token request')}",
            held=load.ended and load.token_requests == 1,
            at=load.renewal_began,
        )
        return self._nobody_waited(load) and renewed

    def _outage(self) -> None:
        self.timeline.scene(f"{THREADS} threads call all the time, but the token endpoint is down")
        self.server.token_delay = 0.0
        self.server.fail_next(FOR_GOOD, retry_after=LONG_OUTAGE)
        with silent_log() as warnings:
            load = self._load_until(lambda: len(warnings))
        self.timeline.happened(
            f"renewal was tried {load.lead} and failed after {load.latency}; "
            f"{count(load.token_requests, 'token request')}",
            held=load.ended and load.token_requests == 1,
            at=load.renewal_began,
        )
        for warning in warnings:
            self.timeline.happened(
                f"the log warns: {warning.getMessage()}",
                held=len(warnings) == 1,
                at=warning.created,
            )
        self._nobody_waited(load)

    def _nobody_waited(self, load: _Load) -> bool:
        held = self.timeline.happened(
            f"{in_words(load.calls)}, {load.waited} waited for a token, "
            f"the slowest took {longest(load.calls)}",
            held=all_succeeded(load.calls) and load.waited == 0,
        )
        self.timeline.end_scene()
        return held

    def _load_until(self, ended_so_far: Callable[[], int]) -> _Load:
        """Call in several threads until a renewal has ended, and a little longer."""
        requests_before = self.server.token_requests
        hits, before = self.caller.cache.stats().hits, ended_so_far()
        with self.caller.load(THREADS) as calls:
            ended = comes_true(lambda: ended_so_far() > before, self.pace.token_lifetime)
            time.sleep(self.pace.token_lifetime / 15)
        requests = self.server.token_requests[len(requests_before) :]
        return _Load(
            calls,
            ended=ended,
            waited=len(calls) - (self.caller.cache.stats().hits - hits),
            latency=milliseconds(self.caller.cache.stats().last_latency or 0.0),
            token_requests=len(requests),
            renewal_began=requests[0].received_at if requests else None,
            # RFC 6749 §5.1: expires_in counts from the response; this library counts from before
            # the request, a little before it was received.
            expires_at=requests_before[-1].received_at + self.pace.token_lifetime,
        )


@dataclass(frozen=True)
class _Load:
    """The result of a period under load.

    :param ended: whether the expected renewal ended in time.
    :param waited: the number of calls for which the cache had no usable token.
    :param latency: the duration of the last token request.
    :param renewal_began: seconds since the epoch, as the server recorded it; None: no renewal.
    :param expires_at: seconds since the epoch: the expiry of the first token.
    """

    calls: list[Call]
    ended: bool
    waited: int
    latency: str
    token_requests: int
    renewal_began: float | None
    expires_at: float

    @property
    def lead(self) -> str:
        """The time between the start of the renewal and the expiry, in words."""
        if self.renewal_began is None:
            return "never"
        return f"{self.expires_at - self.renewal_began:.2f} s before expiry"


def comes_true(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition is true.

    :param condition: called every few milliseconds.
    :param seconds: float, the time to wait at most.
    :returns: whether the condition came true.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
