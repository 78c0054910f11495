"""Code that uses requests works the same through the adapter, to the byte."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from requests_cc import ClientCredentialsAdapter, TokenCache, mount
from tests.support.api import Api
from tests.support.scripts import Reply, Request
from tests.support.sources import OneToken

TOKEN = "a-token-that-is-as-long-as-any"
LINES = b"first\nsecond\r\nthird\n" * 500


REPLIES = {
    "/redirect": Reply(302, (("Location", "/end?from=redirect"),), b"moved"),
    "/redirect-and-keep": Reply(307, (("Location", "/end"), ("Set-Cookie", "hop=1; Path=/")), b""),
    "/cookie": Reply(200, (("Set-Cookie", "seen=yes; Path=/"),), b"{}"),
    "/lines": Reply(200, (("Content-Type", "text/plain; charset=utf-8"),), LINES),
    "/chunks": Reply(200, pieces=[b"chunk " * 100, b"after", b"chunk"]),
    "/missing": Reply(404, (("X-Why", "gone"),), b'{"error": "gone"}'),
    "/no-content": Reply(204, body=b""),
    "/end": Reply(200, (("Content-Type", "application/json"), ("X-End", "yes")), b'{"fine": true}'),
}


def answer(arrived: Request) -> Reply:
    """Something of everything that an API does."""
    assert arrived.token == TOKEN
    return REPLIES[arrived.target.partition("?")[0]]


def existing_code(session: requests.Session, base: str, upload: Path) -> Iterator[Any]:
    """What somebody wrote before there was a token; yields what it saw."""
    hooked: list[tuple[int, str]] = []

    def observe(response: requests.Response, **_: Any) -> None:
        hooked.append((response.status_code, str(response.request.method)))

    session.headers["X-App"] = "existing"
    session.params = {"v": "2"}
    session.cookies.set("mine", "1")
    session.hooks["response"].append(observe)

    yield session.get(base + "/end", params={"q": ["a b", "\u00e4"]}, timeout=20)
    yield session.get(base + "/missing", headers={"Accept": "application/json"})
    yield session.head(base + "/lines")
    yield session.options(base + "/end", cookies={"once": "2"})
    yield session.get(base + "/cookie")
    yield session.get(base + "/redirect")
    yield session.get(base + "/redirect", allow_redirects=False)
    yield session.post(base + "/redirect-and-keep", data=b"kept")
    yield session.post(base + "/end", json={"a": [1, None, "\u00e4"]})
    yield session.post(base + "/end", data={"form": "x y", "list": ["1", "2"]})
    yield session.put(base + "/end", data=b"\x00\xff")
    yield session.put(base + "/end", data="t\u00ebxt".encode())
    yield session.patch(base + "/end", data=iter([b"gene", b"rated"]), timeout=(5, 20))
    with upload.open("rb") as file:
        yield session.put(base + "/end", data=file)
    with upload.open("rb") as file:
        file.seek(7)
        yield session.put(base + "/end", data=file)
    parts = {"f": ("name.txt", io.BytesIO(b"content"), "text/plain"), "g": b"raw"}
    yield session.post(base + "/end", files=parts, data={"field": "1"})
    yield session.delete(base + "/no-content")

    with session.get(base + "/lines", stream=True) as response:
        yield list(response.iter_lines())
    with session.get(base + "/lines", stream=True) as response:
        yield list(response.iter_content(1000))
    with session.get(base + "/chunks", stream=True) as response:
        yield [response.raw.read(3), response.raw.read()]
    with session.get(base + "/chunks", stream=True) as response:
        yield b"".join(response.iter_content(None))
    request = session.prepare_request(requests.Request("GET", base + "/end", auth=("me", "mine")))
    request.headers["Authorization"] = f"Bearer {TOKEN}"
    yield session.send(request)
    yield session.send(request)
    yield sorted(session.cookies.get_dict().items())
    yield hooked


def seen_of(outcome: Any) -> Any:
    """What two runs must agree on."""
    if not isinstance(outcome, requests.Response):
        return outcome
    assert isinstance(outcome.elapsed, timedelta)
    assert outcome.elapsed > timedelta(0)
    return {
        "status": outcome.status_code,
        "reason": outcome.reason,
        "ok": outcome.ok,
        "headers": dict(outcome.headers),
        "text": outcome.text,
        "encoding": outcome.encoding,
        "url": re.sub(r":\d+", "", outcome.url),
        "history": [seen_of(earlier) for earlier in outcome.history],
        "cookies": outcome.cookies.get_dict(),
        "links": outcome.links,
        "next": outcome.next is None,
        "method": outcome.request.method,
        "body": type(outcome.request.body),
    }


def run(
    prepare: Callable[[requests.Session, str], None], upload: Path
) -> tuple[list[Any], list[bytes]]:
    with Api(answer) as api, requests.Session() as session:
        prepare(session, api.origin)
        outcomes = [seen_of(outcome) for outcome in existing_code(session, api.origin, upload)]
        arrived = [one_form(one.raw, api.port) for one in api.requests]
    return outcomes, arrived


def one_form(raw: bytes, port: int) -> bytes:
    """Without what differs between two runs of plain requests, and the place of Authorization."""
    raw = raw.replace(str(port).encode(), b"PORT")
    boundary = re.search(rb"boundary=([0-9a-f]+)", raw)
    if boundary is not None:
        raw = raw.replace(boundary[1], b"BOUNDARY")
    head, separator, body = raw.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    authorization = [line for line in lines if line.lower().startswith(b"authorization")]
    assert authorization == [f"Authorization: Bearer {TOKEN}".encode()]
    others = [line for line in lines if line not in authorization]
    return b"\r\n".join(others) + separator + body


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    path = tmp_path / "upload"
    path.write_bytes(bytes(range(256)) * 500)
    return path


def test_a_script_sees_and_sends_the_same_with_the_adapter_as_with_a_static_header(upload):
    def with_a_static_header(session: requests.Session, origin: str) -> None:
        session.headers["Authorization"] = f"Bearer {TOKEN}"

    def with_the_adapter(session: requests.Session, origin: str) -> None:
        mount(
            session, ClientCredentialsAdapter(OneToken(TOKEN), origins=origin, cache=TokenCache())
        )

    expected, expected_bytes = run(with_a_static_header, upload)
    outcomes, sent_bytes = run(with_the_adapter, upload)
    assert len(sent_bytes) == len(expected_bytes) > 20
    for number, (ours, plain) in enumerate(zip(sent_bytes, expected_bytes, strict=True)):
        assert ours == plain, number
    for ours, plain in zip(outcomes, expected, strict=True):
        assert ours == plain
