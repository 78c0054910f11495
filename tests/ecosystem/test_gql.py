"""gql: the adapter is mounted on the session that its transport opens."""

from __future__ import annotations

from .front import Front
from .journey import Journey
from .packages import needed

gql = needed("gql", "gql")
transports = needed("gql.transport.requests", "gql")


def test_queries_carry_tokens_over_the_transports_session(journey: Journey) -> None:
    answers = {"/graphql": ("application/json", b'{"data": {"total": 7}}')}
    with Front(journey.server, answers) as front:
        transport = transports.RequestsHTTPTransport(f"{front.url}/graphql")
        with gql.Client(transport=transport) as client:
            journey.mounted(transport.session, origins=front.url)

            def call(_: int) -> None:
                assert client.execute(gql.gql("{ total }")) == {"total": 7}

            journey.assert_whole(call)
