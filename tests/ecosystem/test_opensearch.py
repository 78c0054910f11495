"""opensearch-py: ``http_auth=``, or a connection class that mounts the adapter on its session."""

from __future__ import annotations

from typing import Any

from .journey import Journey
from .packages import needed

opensearchpy = needed("opensearchpy", "opensearch-py")


def assert_indexing_is_whole(journey: Journey, client: Any) -> None:
    def call(number: int) -> None:
        found = client.index(index="orders", body={"number": number}, id="7")
        assert found["path"] == "/api/orders/_doc/7"

    journey.assert_whole(call)


def test_requests_carry_tokens(journey: Journey) -> None:
    class Connection(opensearchpy.RequestsHttpConnection):  # type: ignore[misc, name-defined]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            journey.mounted(self.session)

    client = opensearchpy.OpenSearch(journey.url, connection_class=Connection)
    assert_indexing_is_whole(journey, client)


def test_requests_carry_tokens_by_http_auth(journey: Journey) -> None:
    client = opensearchpy.OpenSearch(
        journey.url,
        connection_class=opensearchpy.RequestsHttpConnection,
        http_auth=journey.auth(),
    )
    assert_indexing_is_whole(journey, client)
