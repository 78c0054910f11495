"""Print the spans of a cold call, a warm call, a rejected token, a renewal ahead and an outage.

Needs the extra ``otel``, opentelemetry-sdk and opentelemetry-instrumentation-requests.
"""

from __future__ import annotations

import json
import sys
import time

import requests
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    ClientCredentialsAdapter,
    TokenCache,
    TokenRequestError,
    mount,
)
from requests_cc.telemetry import OpenTelemetryObserver
from requests_cc.testing import LocalServer

# --- to copy ----------------------------------------------------------------------------------


def observed_session(
    credentials: ClientCredentials, api_url: str, provider: TracerProvider
) -> tuple[requests.Session, TokenCache]:
    """Return a session whose token requests are spans, and its cache."""
    cache = TokenCache(observers=[OpenTelemetryObserver(provider)])
    session = requests.Session()
    mount(session, ClientCredentialsAdapter(credentials, origins=api_url, cache=cache))
    return session, cache


# --- what runs it here ------------------------------------------------------------------------


def in_one_line(span: ReadableSpan) -> str:
    """Show who is whose child, what a span links to, and what happened on it."""
    record = json.loads(span.to_json())
    shown = {
        "span": record["context"]["span_id"][-4:],
        "parent": (record["parent_id"] or "none")[-4:],
        "links": [link["context"]["span_id"][-4:] for link in record["links"]],
        "status": record["attributes"].get("http.response.status_code"),
        "reason": record["attributes"].get("requests_cc.reason"),
        "error": record["attributes"].get("error.type"),
        "events": [event["name"] for event in record["events"]],
    }
    words = " ".join(f"{name}={value}" for name, value in shown.items() if value)
    return f"  {record['name']:<5} {words}\n"


provider = TracerProvider()
provider.add_span_processor(
    SimpleSpanProcessor(ConsoleSpanExporter(formatter=in_one_line, out=sys.stdout))
)
RequestsInstrumentor().instrument(tracer_provider=provider)

with LocalServer() as server, requests.Session() as tokens:
    tokens.trust_env = False
    credentials = ClientCredentials(
        AuthorizationServer(server.token_url, session=tokens), "tracer", "secret"
    )
    session, cache = observed_session(credentials, server.api_url, provider)
    session.trust_env = False

    print("a cold call")
    server.token_lifetime = 4.0
    session.get(server.api_url)
    print("a warm call")
    session.get(server.api_url)
    print("the token is revoked")
    server.revoke_tokens()
    session.get(server.api_url)
    print("a renewal ahead")
    while cache.stats().successes < 3:
        session.get(server.api_url)
        time.sleep(0.5)
    print("an outage")
    server.fail_next(10, retry_after=60)
    cache.clear()
    try:
        session.get(server.api_url)
    except TokenRequestError as error:
        print(f"  the call raised {type(error).__name__}")
