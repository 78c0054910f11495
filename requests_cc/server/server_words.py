"""The authorization server's own words: in a response of any form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..http.body import json_in, text_in
from ..http.shown import HIDDEN, cut, shown

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
_TITLE = re.compile(r"<(title|h1|h2)\b[^>]*>(.*?)</\1", re.IGNORECASE | re.DOTALL)
_NOT_SHOWN = re.compile(r"<(script|style|head)\b.*?</\1[^>]*>|<!--.*?-->|<[^>]*>", re.I | re.DOTALL)
_LONG_WORD = re.compile(r"[\w.~+/=-]{20,}")


def server_words(body: bytes, secrets: Iterable[str], *, is_error: bool) -> str:
    """Return a server's own words in a response, fit to be shown, or "".

    :param body: bytes, the response's body.
    :param secrets: str, the texts to hide if the server repeats them.
    :param is_error: bool, whether the status reports an error. The body of a success may be a
        token in a form that nobody knows: then a text counts only if it is a sentence.
    """
    texts = dict.fromkeys(text.strip() for text in _texts(body, is_error=is_error))
    secrets = tuple(secrets)
    words = [shown(text, secrets) for text in texts if text]
    if not is_error:
        words = [_LONG_WORD.sub(HIDDEN, text) for text in words]
    return cut("; ".join(words[:MOST_TEXTS]))


def _texts(body: bytes, *, is_error: bool) -> Iterator[str]:
    try:
        document = json_in(body)
    except (ValueError, RecursionError):
        text = text_in(body)[:MOST_READ].strip()
        # JSON that is broken or too deep is not a text.
        if not text.startswith(("{", "[")):
            read = _page if text.startswith("<") else _sentence
            yield from read(text, is_error=is_error)
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

    title = _TITLE.search(text)
    text = _NOT_SHOWN.sub(" ", title[2] if title is not None else text)
    words = " ".join(unescape(text).split())
    if words:
        yield from _sentence(words, is_error=is_error or title is not None)


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
