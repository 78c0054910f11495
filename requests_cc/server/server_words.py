"""The authorization server's own words: in a response of any form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from ..http.body import json_in, text_in
from ..http.shown import HIDDEN, cut, hide, shown

MOST_TEXTS = 3  # of one response; a gateway may list many errors
DEEPEST = 5  # levels of JSON that are searched
MOST_READ = 65_536  # characters of a text or a page that are searched

# Members with words for a person, by the end of the name, in lower case without "_" and "-"; the
# best first: RFC 6749 section 5.2, Okta, Apigee, RFC 9457, and what gateways write.
_WORDS = (
    "description",
    "summary",
    "faultstring",
    "message",
    "detail",
    "details",
    "title",
    "reason",
    "msg",
    "text",
)
_HOLDERS = ("error", "errors", "fault", "errorcauses", "exception")  # of words, or of members
# One mark after another, none of them searched for from each place anew: the time is linear.
_MARK = re.compile(r"<!--|-->|<(/?[a-z][a-z0-9]*)?[^<>]*>", re.IGNORECASE)
_HEADINGS = ("title", "h1", "h2")
_NOT_SHOWN = {"<!--": "-->", "script": "/script", "style": "/style"}  # to what they end with
_LONG_WORD = re.compile(r"[\w.~+/=-]{20,}")


def server_words(body: bytes, secrets: Iterable[str], *, is_error: bool) -> str:
    """Return a server's own words in a response, fit to be shown, or "".

    :param secrets: str, the texts to hide if the server repeats them.
    :param is_error: bool, whether the status reports an error. The body of a success may be a
        token in a form that nobody knows: then a text counts only if it is a sentence.
    """
    secrets = tuple(secrets)
    texts = dict.fromkeys(text.strip() for text in _texts(body, secrets, is_error=is_error))
    words = [shown(text, secrets) for text in islice(filter(None, texts), MOST_TEXTS)]
    if not is_error:
        words = [_LONG_WORD.sub(HIDDEN, text) for text in words]
    return cut("; ".join(words))


def _texts(body: bytes, secrets: Iterable[str], *, is_error: bool) -> Iterator[str]:
    try:
        document = json_in(body)
    except (ValueError, RecursionError):
        text = text_in(body)[:MOST_READ].strip()
        # JSON that is broken or too deep is not a text.
        if not text.startswith(("{", "[")):
            read = _page if text.startswith("<") else _sentence
            # Before its tags are dropped: a secret may hold what looks like one.
            yield from read(hide(text, secrets), is_error=is_error)
    else:
        if isinstance(document, str):
            yield from _sentence(document, is_error=is_error)
        else:
            found = list(_members(document, DEEPEST, is_error=is_error))
            yield from found or (_sentences(document, DEEPEST) if is_error else ())


def _sentence(text: str, *, is_error: bool) -> Iterator[str]:
    if is_error or any(character.isspace() for character in text):
        yield text


def _page(text: str, *, is_error: bool) -> Iterator[str]:
    from html import unescape  # noqa: PLC0415 - its table of names is large

    heading, visible = _parts(text)
    words = " ".join(unescape(visible if heading is None else heading).split())
    if words:
        yield from _sentence(words, is_error=is_error or heading is not None)


def _parts(page: str) -> tuple[str | None, str]:
    """Return the first heading of a page, if there is one that ends, and what a browser shows."""
    heading, visible = "", ""
    within, until, in_head, position = "", "", False, 0
    for mark in _MARK.finditer(page):
        name = (mark[1] or mark[0]).lower()
        if not until:
            text, position = f"{page[position : mark.start()]} ", mark.end()
            heading += text if within else ""
            visible += "" if in_head else text
            if within and name == f"/{within}":
                return heading, visible
            if not within and name in _HEADINGS:
                within = name
            in_head = name == "head" or (in_head and name != "/head")
            until = _NOT_SHOWN.get(name, "")
        elif name == until:
            until, position = "", mark.end()
    return None, visible + ("" if until or in_head else page[position:])


def _members(value: Any, deepest: int, *, is_error: bool) -> Iterator[str]:
    """Yield the texts for a person in a JSON value: those of its own members, then deeper ones."""
    if isinstance(value, list):
        for item in value[:MOST_TEXTS]:
            if isinstance(item, str):
                yield from _sentence(item, is_error=is_error)
            else:
                yield from _members(item, deepest - 1, is_error=is_error)
    elif isinstance(value, Mapping) and deepest > 0:
        yield from _best_text(value)
        for name, member in value.items():
            if isinstance(member, (list, Mapping)):
                yield from _members(member, deepest - 1, is_error=is_error)
            elif isinstance(member, str) and _plain(name) in _HOLDERS:
                yield member


def _sentences(value: Any, deepest: int) -> Iterator[str]:
    """Yield the texts with white space in a JSON value: no token has any."""
    if isinstance(value, str):
        yield from _sentence(value, is_error=False)
    elif isinstance(value, (list, Mapping)) and deepest > 0:
        for member in value.values() if isinstance(value, Mapping) else value:
            yield from _sentences(member, deepest - 1)


def _best_text(members: Mapping[str, Any]) -> Iterator[str]:
    texts = {_plain(name): text for name, text in members.items() if isinstance(text, str)}
    for word in _WORDS:
        best = [text for name, text in texts.items() if name.endswith(word) and text.strip()]
        if best:
            yield best[0]
            return


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()
