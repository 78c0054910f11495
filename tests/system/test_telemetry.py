"""Token requests as OpenTelemetry shows them, with the SDK and the real instrumentations."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

pytest.importorskip("opentelemetry.sdk")
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from requests_cc import (
    ClientCredentials,
    ClientCredentialsAdapter,
    ConfigurationError,
    InvalidClient,
    OAuthError,
    TokenCache,
    TokenFile,
    TokenRequest,
    mount,
)
from requests_cc.events import (
    RenewalAheadFailed,
    SourceName,
    TokenReceived,
    TokenRequested,
    TokenRequestFailed,
    TokenShared,
)
from requests_cc.telemetry import OpenTelemetryObserver
from requests_cc.testing import LocalServer
from tests.support.sources import ManualClock, Source, renewals_end


class Recorder:
    """Providers that keep what they are given, an observer of them, and a call of the API."""

    def __init__(self, server: LocalServer, **settings: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.traces = TracerProvider()
        self.traces.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.observer = OpenTelemetryObserver(self.traces, MeterProvider([self.reader]), **settings)
        self.cache = TokenCache(observers=[self.observer])
        self.server = server
        self.session = requests.Session()
        self.credentials = ClientCredentials(server.token_url, "client-7", "s3cr3t-value")
        adapter = ClientCredentialsAdapter(
            self.credentials, origins=server.api_url, cache=self.cache
        )
        mount(self.session, adapter)

    def call(self, name: str = "caller") -> requests.Response:
        with self.traces.get_tracer("test").start_as_current_span(name):
            return self.session.get(self.server.api_url + "orders")

    def span(self, name: str) -> ReadableSpan:
        (span,) = (span for span in self.exporter.get_finished_spans() if span.name == name)
        return span

    def token_spans(self) -> list[ReadableSpan]:
        return [
            s for s in self.exporter.get_finished_spans() if "requests_cc.reason" in s.attributes
        ]

    def metrics(self) -> dict[str, list[tuple[dict[str, Any], Any]]]:
        data = self.reader.get_metrics_data()
        return {
            metric.name: [
                (dict(point.attributes), getattr(point, "value", getattr(point, "sum", None)))
                for point in metric.data.data_points
            ]
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def recorder(oauth_server: LocalServer) -> Iterator[Recorder]:
    recorder = Recorder(oauth_server)
    with recorder.session:
        yield recorder


def test_a_token_request_is_a_client_span_below_the_call_that_needs_it(recorder: Recorder) -> None:
    recorder.call()
    (span,) = recorder.token_spans()
    assert span.name == "POST"
    assert span.kind is SpanKind.CLIENT
    assert span.parent is not None
    assert span.parent.span_id == recorder.span("caller").context.span_id
    port = int(recorder.server.origin.rpartition(":")[2])
    assert dict(span.attributes) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "url.full": recorder.server.token_url,
        "server.address": "127.0.0.1",
        "server.port": port,
        "requests_cc.reason": "missing",
    }


def test_another_form_of_request_has_its_own_method_and_claims_no_status(
    recorder: Recorder,
) -> None:
    recorder.server.respond("login", body={"access_token": "t0ken"})
    url = recorder.server.api_url + "login"
    login = TokenRequest(url, method="GET", auth=recorder.credentials)
    recorder.cache.token(login)
    (span,) = recorder.token_spans()
    assert (span.name, span.kind) == ("GET", SpanKind.CLIENT)
    assert span.attributes["http.request.method"] == "GET"
    assert span.attributes["url.full"] == url
    assert "http.response.status_code" not in span.attributes


def test_a_source_that_makes_no_http_request_has_none_of_its_attributes(
    recorder: Recorder, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("t0ken")
    recorder.cache.token(TokenFile(tmp_path / "token"))
    (span,) = recorder.token_spans()
    assert (span.name, span.kind) == ("token request", SpanKind.CLIENT)
    assert dict(span.attributes) == {
        "requests_cc.source": f"the token file {tmp_path / 'token'}",
        "requests_cc.reason": "missing",
    }


def test_a_warm_call_makes_no_span(recorder: Recorder) -> None:
    recorder.call()
    recorder.call()
    assert len(recorder.token_spans()) == 1


@pytest.mark.parametrize("instrumentor", [RequestsInstrumentor, URLLib3Instrumentor])
def test_it_is_there_beside_an_instrumentation(recorder: Recorder, instrumentor: Any) -> None:
    instrumentor().instrument(tracer_provider=recorder.traces)
    try:
        recorder.session.get(recorder.server.api_url + "orders")
    finally:
        instrumentor().uninstrument()
    (token_span,) = recorder.token_spans()
    (api_span,) = (span for span in recorder.exporter.get_finished_spans() if span.name == "GET")
    if instrumentor is RequestsInstrumentor:  # urllib3's span begins when there is a token
        assert token_span.parent.span_id == api_span.context.span_id


def test_a_rejection_and_its_resend_are_events_on_the_callers_span(recorder: Recorder) -> None:
    recorder.call("first")
    recorder.server.revoke_tokens()
    assert recorder.call("second").status_code == 200
    span = recorder.span("second")
    assert [event.name for event in span.events] == [
        "requests_cc.token_rejected",
        "requests_cc.request_resent",
    ]
    assert span.events[1].attributes["http.request.resend_count"] == 1
    assert recorder.token_spans()[1].attributes["requests_cc.reason"] == "rejected"


def test_a_renewal_that_does_not_help_is_an_event_and_a_count(recorder: Recorder) -> None:
    recorder.call("first")
    recorder.server.fail_next(2, status=401, at="api")
    assert recorder.call("second").status_code == 401
    names = [event.name for event in recorder.span("second").events]
    assert names == ["requests_cc.token_rejected", "requests_cc.renewal_held"]
    assert [value for _, value in recorder.metrics()["requests_cc.holds"]] == [1]
    assert [value for _, value in recorder.metrics()["requests_cc.rejections"]] == [1]


def test_a_renewal_ahead_is_a_trace_of_its_own_with_a_link_to_its_cause(recorder: Recorder) -> None:
    clock = ManualClock()
    cache = TokenCache(observers=[recorder.observer], clock=clock)
    source = Source(clock)
    cache.token(source)
    clock.forward(3590.0)
    with recorder.traces.get_tracer("test").start_as_current_span("cause"):
        cache.token(source)
    renewals_end()
    ahead = recorder.token_spans()[-1]
    assert ahead.attributes["requests_cc.reason"] == "ahead"
    assert ahead.parent is None
    cause = recorder.span("cause").context
    assert [link.context.span_id for link in ahead.links] == [cause.span_id]
    assert ahead.context.trace_id != cause.trace_id


def test_a_failure_has_the_servers_code_and_status(oauth_server: LocalServer) -> None:
    recorder = Recorder(oauth_server)
    oauth_server.fail_next(status=401, error="invalid_client")
    with pytest.raises(InvalidClient):
        recorder.call()
    (span,) = recorder.token_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "invalid_client"
    assert span.attributes["http.response.status_code"] == 401
    ((labels, count),) = recorder.metrics()["requests_cc.token_requests"]
    assert (labels["requests_cc.outcome"], labels["error.type"]) == ("failure", "invalid_client")
    assert count == 1
    assert [value for _, value in recorder.metrics()["requests_cc.cool_downs"]] == [1]


@pytest.mark.parametrize(
    ("code", "kind"),
    [("slow_down", "slow_down"), ("E-4711: no such tenant", "OAuthError"), ("x" * 9, "OAuthError")],
)
def test_a_servers_own_code_is_no_time_series(
    oauth_server: LocalServer, code: str, kind: str
) -> None:
    recorder = Recorder(oauth_server)
    oauth_server.fail_next(status=400, error=code)
    with pytest.raises(OAuthError):
        recorder.call()
    ((labels, _),) = recorder.metrics()["requests_cc.token_requests"]
    assert labels["error.type"] == kind
    assert recorder.token_spans()[0].attributes["error.type"] == kind


def test_nothing_that_is_exported_holds_a_secret_or_a_token(recorder: Recorder) -> None:
    recorder.call("first")
    recorder.server.revoke_tokens()
    recorder.call("second")
    exported = " ".join(span.to_json() for span in recorder.exporter.get_finished_spans())
    exported += str(recorder.metrics())
    token = recorder.cache.token(recorder.credentials).value
    for secret in ("s3cr3t-value", token, "client-7"):
        assert secret not in exported


def test_metrics_count_requests_hits_durations_and_the_time_that_is_left(
    recorder: Recorder,
) -> None:
    for _ in range(3):
        recorder.call()
    metrics = recorder.metrics()
    ((labels, count),) = metrics["requests_cc.token_requests"]
    assert (count, labels["requests_cc.outcome"], labels["requests_cc.reason"]) == (
        1, "success", "missing",
    )  # fmt: skip
    assert metrics["requests_cc.cache.hits"] == [({}, 2)]
    ((labels, _),) = metrics["requests_cc.token_request.duration"]
    assert labels["server.address"] == "127.0.0.1"
    ((_, left),) = metrics["requests_cc.token.seconds_to_expiry"]
    assert left > 0


def test_client_ids_are_there_if_they_are_asked_for(oauth_server: LocalServer) -> None:
    recorder = Recorder(oauth_server, client_ids=True)
    recorder.call()
    (span,) = recorder.token_spans()
    assert span.attributes["requests_cc.client_id"] == "client-7"


def test_a_token_from_the_store_is_counted_and_an_event(recorder: Recorder) -> None:
    with recorder.traces.get_tracer("test").start_as_current_span("caller"):
        recorder.observer(TokenShared("own source", "missing", 3540.0))
        recorder.observer(TokenShared("own source", "missing", None))
    names = [event.name for event in recorder.span("caller").events]
    assert names == ["requests_cc.token_shared"] * 2
    ((labels, count),) = recorder.metrics()["requests_cc.token_requests"]
    assert labels["requests_cc.outcome"] == "shared"
    assert labels["requests_cc.source"] == "own source"
    assert count == 2


def test_a_token_without_an_expiry_has_no_seconds_left(recorder: Recorder) -> None:
    recorder.server.token_lifetime = None
    recorder.call()
    assert "requests_cc.token.seconds_to_expiry" not in recorder.metrics()


def test_a_token_that_is_no_longer_used_hides_no_other_and_one_that_fails_does(
    recorder: Recorder,
) -> None:
    server = "https://auth.example.com/token"
    used, unused = (SourceName(label, None, server) for label in ("used", "unused"))
    recorder.observer(TokenReceived(used, 0.1, 60.0))
    recorder.observer(TokenReceived(unused, 0.1, 0.0))
    ((_, left),) = recorder.metrics()["requests_cc.token.seconds_to_expiry"]
    assert left > 0
    recorder.observer(TokenRequestFailed(unused, 0.1, "ServerError"))
    ((_, left),) = recorder.metrics()["requests_cc.token.seconds_to_expiry"]
    assert left == 0
    recorder.observer(TokenReceived(unused, 0.1, None))
    ((_, left),) = recorder.metrics()["requests_cc.token.seconds_to_expiry"]
    assert left > 0


def test_a_request_that_was_interrupted_ends_with_the_next_one(recorder: Recorder) -> None:
    it = SourceName("it", None, "https://auth.example.com/token")
    for _ in range(2):
        recorder.observer(TokenRequested(it, "missing"))
    recorder.observer(TokenReceived(it, 0.1, 60.0))
    assert [
        span.attributes.get("http.response.status_code") for span in recorder.token_spans()
    ] == [
        None,
        200,
    ]


def test_an_end_without_a_beginning_is_counted(recorder: Recorder) -> None:
    """So it is for an observer that a child process has from its parent in mid-request."""
    recorder.observer(TokenReceived("it", 0.1, 60.0))
    assert recorder.token_spans() == []
    ((_, count),) = recorder.metrics()["requests_cc.token_requests"]
    assert count == 1


def test_a_failed_renewal_ahead_is_counted_once(recorder: Recorder) -> None:
    recorder.observer(RenewalAheadFailed("it", "ServerError", 3.0))
    assert "requests_cc.token_requests" not in recorder.metrics()


def test_the_observer_keeps_no_cache_alive(recorder: Recorder) -> None:
    cache = TokenCache(observers=[recorder.observer])
    kept = weakref.ref(cache)
    del cache
    gc.collect()
    assert kept() is None


def test_without_the_extra_the_message_has_the_line_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    with pytest.raises(ConfigurationError, match=r'pip install "requests_cc\[otel\]"'):
        OpenTelemetryObserver()


def test_a_request_within_another_ends_by_itself(recorder: Recorder) -> None:
    for name in ("outer", "inner"):
        recorder.observer(TokenRequested(name, "missing"))
    for name in ("inner", "outer"):
        recorder.observer(TokenReceived(name, 0.1, 60.0))
    ended = [span.attributes["requests_cc.source"] for span in recorder.token_spans()]
    assert ended == ["inner", "outer"]
