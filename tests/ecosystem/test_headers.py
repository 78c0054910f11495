"""The headers of an authorized request, in what other packages' transports, mocks and recorders do.

They are a mapping of our own, and the token's value shows itself masked.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import requests

from requests_cc import AccessToken, ClientCredentialsAdapter, TokenCache
from tests.support.api import Api
from tests.support.scripts import Reply

from .packages import needed

SENT = "Bearer the-token"


class Source:
    cache_key = "source"

    def request_token(self) -> AccessToken:
        return AccessToken("the-token")


def call(origin: str, kind: str = "text", **options: Any) -> requests.Response:
    """Make a call whose headers are those of requests, a plain dict, or bytes."""
    with requests.Session() as session:
        adapter = ClientCredentialsAdapter(Source(), origins=origin, cache=TokenCache(), **options)
        session.mount(origin, adapter)
        request = session.prepare_request(requests.Request("GET", f"{origin}/x"))
        request.headers["x-OWN"] = b"own" if kind == "bytes" else "own"  # type: ignore[assignment]
        if kind == "dict":
            request.headers = dict(request.headers)  # type: ignore[assignment]
        return session.send(request)


KINDS = pytest.mark.parametrize("kind", ["text", "dict", "bytes"])


def arrived(api: Api) -> list[tuple[str | None, str | None]]:
    return [(each.headers["Authorization"], each.headers["X-Own"]) for each in api.requests]


@KINDS
def test_cachecontrol_adds_its_conditions(kind: str) -> None:
    cachecontrol = needed("cachecontrol", "CacheControl")
    headers = (("ETag", '"1"'), ("Cache-Control", "max-age=0"), ("Vary", "Accept"))
    with Api(lambda _: Reply(200, headers)) as api:
        transport = cachecontrol.CacheControlAdapter()
        for _ in range(2):
            assert call(api.origin, kind, transport=transport).text == "fine"
        assert arrived(api) == [(SENT, "own")] * 2
        assert [each.headers["If-None-Match"] for each in api.requests] == [None, '"1"']


@KINDS
def test_the_toolbelt_reads_the_host(kind: str) -> None:
    adapters = needed("requests_toolbelt.adapters.host_header_ssl", "requests-toolbelt")
    with Api(lambda _: Reply()) as api:
        assert call(api.origin, kind, transport=adapters.HostHeaderSSLAdapter()).text == "fine"
        assert arrived(api) == [(SENT, "own")]


@pytest.mark.parametrize("strict", [False, True])
def test_responses_matches_them(strict: bool) -> None:
    responses = needed("responses", "responses")
    own = {"x-OWN": "own", "Authorization": SENT}
    usual = requests.utils.default_headers() if strict else {}
    matcher = responses.matchers.header_matcher({**usual, **own}, strict_match=strict)
    with responses.RequestsMock() as mock:
        mock.get("http://127.0.0.1:1/x", match=[matcher] if not strict else [], body="fine")
        assert call("http://127.0.0.1:1").text == "fine"
        (made,) = mock.calls
        sent = made.request.headers
        assert sent["AUTHORIZATION"] == SENT
        assert {**sent}["x-OWN"] == "own"
        if strict:
            assert {name.lower() for name in sent} == {name.lower() for name in (*usual, *own)}


def test_requests_mock_matches_them() -> None:
    requests_mock = needed("requests_mock", "requests-mock")
    transport = requests_mock.Adapter()
    transport.register_uri(
        "GET", "//127.0.0.1:1/x", text="fine", request_headers={"authorization": SENT}
    )
    assert call("http://127.0.0.1:1", transport=transport).text == "fine"
    assert transport.last_request.headers["Authorization"] == SENT


@pytest.mark.parametrize("serializer", ["yaml", "json"])
def test_vcrpy_records_the_text_and_replays_it(serializer: str, tmp_path: Path) -> None:
    vcr = needed("vcr", "vcrpy")
    logging.getLogger("vcr").setLevel(logging.WARNING)
    path = tmp_path / f"cassette.{serializer}"
    with Api(lambda _: Reply()) as api:
        with vcr.use_cassette(str(path), serializer=serializer):
            assert call(api.origin).text == "fine"
        text = path.read_text(encoding="utf-8")
        matched = {"match_on": ["method", "uri", "headers"], "record_mode": "none"}
        with vcr.use_cassette(str(path), serializer=serializer, **matched):
            assert call(api.origin).text == "fine"
        assert len(api.requests) == 1
    assert SENT in text
    assert "python/object" not in text
    assert serializer == "yaml" or SENT in str(json.loads(text))
