"""Traces and metrics of token requests, for OpenTelemetry (extra ``otel``).

.. code-block:: python

    set_default_cache(TokenCache(observers=[OpenTelemetryObserver()]))

A span for each token request, by the semantic conventions for HTTP clients; an event on the span of
the API call whose token is rejected; and metrics whose names begin with ``requests_cc.``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit
from weakref import WeakSet

from . import __version__
from .events import (
    CoolingDown,
    Event,
    RenewalAccepted,
    RenewalAheadFailed,
    RenewalHeld,
    SourceName,
    TokenReceived,
    TokenRejected,
    TokenRequested,
    TokenRequestFailed,
    TokenShared,
)
from .settings import check_bool, require

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation
    from opentelemetry.trace import Span, TracerProvider

    from .cache.token_cache import TokenCache

NAME = "requests_cc"
# RFC 6749 §4.1.2.1 and §5.2, RFC 6750, RFC 7009, RFC 8628, RFC 8707, RFC 9449. Another code is the
# server's text: each one would be a time series of its own.
ERROR_CODES = {
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
    "unsupported_grant_type", "invalid_scope", "access_denied", "server_error",
    "temporarily_unavailable", "invalid_token", "insufficient_scope", "unsupported_token_type",
    "authorization_pending", "slow_down", "expired_token", "invalid_target", "invalid_dpop_proof",
    "use_dpop_nonce",
}  # fmt: skip
Attributes = dict[str, Any]


class _Running(NamedTuple):
    """A token request of this thread that has not ended."""

    source: SourceName
    reason: str
    span: Span


class _Expiries:
    """When the current token of each source expires."""

    def __init__(self) -> None:
        self._moments: dict[SourceName, float] = {}  # seconds since the epoch
        self.failing: set[SourceName] = set()  # whose last token request failed

    def keep(self, event: TokenReceived | TokenShared) -> None:
        self.failing.discard(event.source)
        if event.expires_in is not None:
            self._moments[event.source] = time.time() + event.expires_in
        else:
            self._moments.pop(event.source, None)

    def left(self) -> Iterator[tuple[SourceName, float]]:
        now = time.time()
        for source, moment in list(self._moments.items()):
            # Without a failure nobody has needed a token since: the source is no longer used.
            if moment > now or source in self.failing:
                yield source, max(0.0, moment - now)


class OpenTelemetryObserver:
    """Records the token requests of the caches that it observes as spans and metrics.

    :param tracer_provider: an OpenTelemetry ``TracerProvider``; None: the global one.
    :param meter_provider: an OpenTelemetry ``MeterProvider``; None: the global one.
    :param client_ids: bool, whether spans and metrics carry the client id, as
        ``requests_cc.client_id``.
    :raises ConfigurationError: if the extra ``otel`` is not installed.

    A token request is a span of kind CLIENT, a child of the span in which a caller needed the
    token. A renewal ahead of expiry is a span of its own, with a link to the one that caused it.
    Safe to share between threads and caches; it keeps no cache alive.

    Semantic conventions for HTTP client spans:
    https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        *,
        client_ids: bool = False,
    ) -> None:
        check_bool(client_ids, "client_ids")
        self._trace: Any = require("opentelemetry.trace", "otel")
        self._context: Any = require("opentelemetry.context", "otel")
        self._metrics: Any = require("opentelemetry.metrics", "otel")
        self._tracer = self._trace.get_tracer(NAME, __version__, tracer_provider)
        self._client_ids = client_ids
        self._caches: WeakSet[TokenCache] = WeakSet()
        self._expiries = _Expiries()
        self._local = threading.local()
        self._make_instruments(self._metrics.get_meter(NAME, __version__, meter_provider))
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            TokenRequested: self._requested,
            TokenReceived: self._received,
            TokenRequestFailed: self._failed,
            TokenShared: self._shared,
            TokenRejected: self._rejected,
            RenewalAccepted: self._accepted,
            RenewalHeld: self._held,
            CoolingDown: self._cooling_down,
            RenewalAheadFailed: self._ahead_failed,
        }

    def __call__(self, event: Event) -> None:
        """Record one event."""
        self._handlers[type(event)](event)

    def watch(self, cache: TokenCache) -> None:
        """Count the hits of a cache too; a :class:`TokenCache` calls it with itself."""
        self._caches.add(cache)

    def _make_instruments(self, meter: Any) -> None:
        self._duration = meter.create_histogram(
            "requests_cc.token_request.duration", "s", "Duration of token requests."
        )
        self._requests = meter.create_counter(
            "requests_cc.token_requests", "{request}", "Token requests, by outcome and reason."
        )
        self._rejections = meter.create_counter(
            "requests_cc.rejections", "{rejection}", "Tokens that an API rejected."
        )
        self._holds = meter.create_counter(
            "requests_cc.holds", "{hold}", "Renewals after a rejection that did not help."
        )
        self._cool_downs = meter.create_counter(
            "requests_cc.cool_downs", "{pause}", "Pauses after failed token requests."
        )
        meter.create_observable_counter(
            "requests_cc.cache.hits", [self._hits], "{hit}", "Tokens handed out without waiting."
        )
        meter.create_observable_gauge(
            "requests_cc.token.seconds_to_expiry",
            [self._seconds_to_expiry],
            "s",
            "Seconds until the current token of a server expires; the least, if there are several.",
        )

    # Token requests: an event begins one, and another in the same thread ends it.

    def _requested(self, event: TokenRequested) -> None:
        caller = self._trace.get_current_span().get_span_context()
        ahead = event.reason == "ahead"
        http = _http(event.source)
        span = self._tracer.start_span(
            http.get("http.request.method", "token request"),
            context=self._context.Context() if ahead else None,
            kind=self._trace.SpanKind.CLIENT,
            links=[self._trace.Link(caller)] if ahead and caller.is_valid else None,
            attributes={
                **self._labels(event.source),
                **http,
                "requests_cc.reason": event.reason,
            },
        )
        interrupted = self._running_for(event.source)
        if interrupted is not None:
            interrupted.span.end()
        self._running.append(_Running(event.source, event.reason, span))

    def _received(self, event: TokenReceived) -> None:
        self._expiries.keep(event)
        # What another form of request than RFC 6749's succeeds with is not known: GitHub says 201.
        is_oauth = event.source.server is not None and event.source.method is None
        self._end(event, {"http.response.status_code": 200} if is_oauth else {}, None)

    def _failed(self, event: TokenRequestFailed) -> None:
        self._expiries.failing.add(event.source)
        status = {"http.response.status_code": event.status_code} if event.status_code else {}
        kind = event.code if event.code in ERROR_CODES else event.error
        self._end(event, {**status, "error.type": kind}, event.description)

    def _end(
        self,
        event: TokenReceived | TokenRequestFailed,
        attributes: Attributes,
        description: str | None,
    ) -> None:
        running = self._running_for(event.source)
        labels = self._labels(event.source)
        if "error.type" in attributes:
            labels["error.type"] = attributes["error.type"]
        if running is not None:
            labels["requests_cc.reason"] = running.reason
            running.span.set_attributes(attributes)
            if "error.type" in attributes:
                running.span.set_status(self._trace.StatusCode.ERROR, description)
            running.span.end()
        outcome = "failure" if "error.type" in attributes else "success"
        self._duration.record(event.duration, labels)
        self._requests.add(1, {**labels, "requests_cc.outcome": outcome})

    def _running_for(self, source: SourceName) -> _Running | None:
        """Return this thread's request of a source, which ends now."""
        for running in self._running:
            if running.source == source:
                self._running.remove(running)
                return running
        return None

    @property
    def _running(self) -> list[_Running]:
        if not hasattr(self._local, "running"):
            self._local.running = []
        running: list[_Running] = self._local.running
        return running

    # What happens to the caller of an API is an event on the caller's span.

    def _shared(self, event: TokenShared) -> None:
        labels = {**self._labels(event.source), "requests_cc.reason": event.reason}
        self._expiries.keep(event)
        self._requests.add(1, {**labels, "requests_cc.outcome": "shared"})
        self._on_callers_span("requests_cc.token_shared", labels)

    def _rejected(self, event: TokenRejected) -> None:
        self._rejections.add(1, self._labels(event.source))
        self._on_callers_span("requests_cc.token_rejected", self._labels(event.source))

    def _accepted(self, event: RenewalAccepted) -> None:
        labels = {**self._labels(event.source), "http.request.resend_count": 1}
        self._on_callers_span("requests_cc.request_resent", labels)

    def _held(self, event: RenewalHeld) -> None:
        self._holds.add(1, self._labels(event.source))
        labels = {**self._labels(event.source), "requests_cc.seconds": event.seconds}
        self._on_callers_span("requests_cc.renewal_held", labels)

    def _cooling_down(self, event: CoolingDown) -> None:
        self._cool_downs.add(1, self._labels(event.source))

    def _ahead_failed(self, event: RenewalAheadFailed) -> None:
        """Record nothing: the failed request has its span and its counts."""

    def _on_callers_span(self, name: str, attributes: Attributes) -> None:
        self._trace.get_current_span().add_event(name, attributes)

    # What is read when metrics are collected.

    def _hits(self, _: CallbackOptions) -> Iterator[Observation]:
        yield self._metrics.Observation(sum(cache.stats().hits for cache in list(self._caches)))

    def _seconds_to_expiry(self, _: CallbackOptions) -> Iterator[Observation]:
        least: dict[tuple[tuple[str, Any], ...], float] = {}
        for source, left in self._expiries.left():
            labels = tuple(self._labels(source).items())
            least[labels] = min(left, least.get(labels, left))
        for labels, left in least.items():
            yield self._metrics.Observation(left, dict(labels))

    def _labels(self, source: SourceName) -> Attributes:
        """Return the attributes of low cardinality that say whose token it is."""
        labels: Attributes = {}
        if source.server is not None:
            url = urlsplit(source.server)
            labels["server.address"] = url.hostname
            labels["server.port"] = url.port or {"http": 80}.get(url.scheme, 443)
        else:
            labels["requests_cc.source"] = str(source)
        if self._client_ids and source.client_id is not None:
            labels["requests_cc.client_id"] = source.client_id
        return labels


def _http(source: SourceName) -> Attributes:
    """Return the attributes of the HTTP request; none if the source is not known to make one."""
    if source.server is None:
        return {}
    return {"http.request.method": source.method or "POST", "url.full": source.server}
