"""gql: the adapter on the session that its transport opens, or ``auth=``."""

from __future__ import annotations

from typing import Any

from .front import Front
from .journey import Journey
from .packages import needed

gql = needed("gql", "gql")
transports = needed("gql.transport.requests", "gql")

ANSWERS = {"/graphql": ("application/json", b'{"data": {"total": 7}}')}


def query(client: Any) -> None:
    assert client.execute(gql.gql("{ total }")) == {"total": 7}


def test_queries_carry_tokens_over_the_transports_session(journey: Journey) -> None:
    with Front(journey.server, ANSWERS) as front:
        transport = transports.RequestsHTTPTransport(f"{front.url}/graphql")
        with gql.Client(transport=transport) as client:
            journey.mounted(transport.session, origins=front.url)
            journey.assert_whole(lambda _: query(client))


def test_queries_carry_tokens_by_auth(journey: Journey) -> None:
    with Front(journey.server, ANSWERS) as front:
        transport = transports.RequestsHTTPTransport(
            f"{front.url}/graphql", auth=journey.auth(origins=front.url)
        )
        client = gql.Client(transport=transport)
        journey.assert_whole(lambda _: query(client))  # each call opens a session of its own
