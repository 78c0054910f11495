"""The texts in a request that no message may show, should the server repeat them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from urllib.parse import parse_qsl, urlsplit

import requests

SHORTEST = 8  # characters of a value; a shorter one is more likely a word than a secret
_SHOWN = re.compile("accept|accept-encoding|cache-control|connection|content-.*|host|user-agent")
_SECRET = re.compile("auth|cookie|key|pass|secret|token")  # in the name: of any length


def sent_texts(request: requests.PreparedRequest) -> Iterator[str]:
    """Yield the secrets that a request holds outside its body, as far as they can be known.

    What a session adds counts too: its headers, cookies, parameters of the URL, and its ``auth``.
    """
    query = urlsplit(str(request.url)).query
    yield query
    yield from _worth_hiding([*_fields(request), *parse_qsl(query)])


def body_texts(request: requests.PreparedRequest) -> Iterator[str]:
    """Yield the secrets in a request's body, which is a form or a JSON object."""
    body = request.body or b""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)
    yield from _worth_hiding([*parse_qsl(text), *re.findall(r"([^=&]+)=([^&]+)", text)])
    with suppress(ValueError, AttributeError):  # not JSON, or not an object
        yield from _worth_hiding((name, str(value)) for name, value in json.loads(text).items())


def _worth_hiding(values: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, value in values:
        if len(value) >= SHORTEST or _SECRET.search(name.lower()):
            yield value


def _fields(request: requests.PreparedRequest) -> Iterator[tuple[str, str]]:
    for name, field in request.headers.items():
        if _SHOWN.fullmatch(name.lower()):
            continue
        value = field.decode("latin-1") if isinstance(field, bytes) else str(field)
        yield name, value
        if name.lower() == "cookie":
            for pair in value.split("; "):
                yield name, pair.partition("=")[2]
        scheme, _, credentials = value.partition(" ")
        if credentials:
            yield name, credentials
        if scheme.lower() == "basic":
            yield name, _password(credentials)


def _password(credentials: str) -> str:
    try:
        return base64.b64decode(credentials).decode("utf-8", "replace").partition(":")[2]
    except ValueError:
        return ""
