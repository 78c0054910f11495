"""elasticsearch: its node of requests takes an auth object."""

from __future__ import annotations

from urllib.parse import urlsplit

from .front import Front
from .journey import Journey
from .packages import needed

elasticsearch = needed("elasticsearch", "elasticsearch")
elastic_transport = needed("elastic_transport", "elasticsearch")

FOUND = {"/orders/_doc/7": ("application/json", b'{"result": "created"}')}
PRODUCT = {"X-Elastic-Product": "Elasticsearch"}  # without which the client refuses a response


def test_requests_carry_tokens_by_auth(journey: Journey) -> None:
    with Front(journey.server, FOUND, headers=PRODUCT) as front:
        node = elastic_transport.NodeConfig(
            "http",
            "127.0.0.1",
            urlsplit(front.url).port,
            _extras={"requests.session.auth": journey.auth(origins=front.url)},
        )
        with elasticsearch.Elasticsearch([node], node_class="requests") as client:

            def call(number: int) -> None:
                found = client.index(index="orders", document={"number": 7}, id="7")
                assert found["result"] == "created"

            journey.assert_whole(call)
