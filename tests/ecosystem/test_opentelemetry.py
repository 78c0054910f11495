"""OpenTelemetry's instrumentations of requests and urllib3: spans without tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from .journey import BODY, Journey
from .packages import needed

sdk = needed("opentelemetry.sdk.trace", "opentelemetry-sdk")
export = needed("opentelemetry.sdk.trace.export", "opentelemetry-sdk")
in_memory = needed("opentelemetry.sdk.trace.export.in_memory_span_exporter", "opentelemetry-sdk")
INSTRUMENTORS = {
    "requests": needed(
        "opentelemetry.instrumentation.requests", "opentelemetry-instrumentation-requests"
    ).RequestsInstrumentor,
    "urllib3": needed(
        "opentelemetry.instrumentation.urllib3", "opentelemetry-instrumentation-urllib3"
    ).URLLib3Instrumentor,
}


@pytest.fixture(params=[["requests"], ["urllib3"], ["requests", "urllib3"]], ids="+".join)
def spans(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return an exporter that has the finished spans, with each header that may be captured."""
    for which in ("REQUEST", "RESPONSE"):
        monkeypatch.setenv(f"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_{which}", ".*")
    fields = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS"
    monkeypatch.setenv(fields, "authorization")
    exporter = in_memory.InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(exporter))
    instrumentors = [INSTRUMENTORS[name]() for name in request.param]
    for instrumentor in instrumentors:
        instrumentor.instrument(tracer_provider=provider)
    yield exporter
    for instrumentor in instrumentors:
        instrumentor.uninstrument()


def test_spans_hold_no_token_and_each_attempt_carries_the_trace(
    journey: Journey, spans: Any
) -> None:
    session = journey.mounted(requests.Session())

    def call(_: int) -> None:
        session.put(journey.url, data=BODY).raise_for_status()

    def finished() -> list[str]:
        return [span.to_json() for span in spans.get_finished_spans()]

    journey.assert_whole(call, body=BODY, stored=finished)
    assert finished()
    traced = {request.headers["traceparent"] for request in journey.server.api_requests}
    assert None not in traced
