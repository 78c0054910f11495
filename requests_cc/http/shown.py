"""Texts from elsewhere as a message may show them: printable, cut, and without secrets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import unquote

LONGEST_TEXT = 300  # characters
HIDDEN = "[hidden]"
MOST_SHOWN = 10  # items of a document's list in a message; the list can have any length


def shown(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text as a message may show it.

    :param secrets: str, the texts to hide.
    """
    secrets = tuple(filter(None, map(_printable, secrets)))
    # White space becomes one space; but a secret is found across the ends of lines too.
    joined = hide(_printable(text), secrets)
    spaced = hide(_printable(" ".join(text.split())), secrets)
    hidden = joined if joined.count(HIDDEN) > spaced.count(HIDDEN) else spaced
    # However the server has encoded it: what is left must not decode to a secret.
    decoded = _decoded(hidden.replace(HIDDEN, ""))
    is_repeated = any(secret and secret in decoded for secret in map(_decoded, secrets))
    return HIDDEN if is_repeated else cut(hidden)


def cut(text: str) -> str:
    """Return a text, cut at :data:`LONGEST_TEXT` characters."""
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def readable(value: object) -> str:
    """Return a member of a document as a message may show it."""
    if not isinstance(value, str):
        return "missing" if value is None else f"not a str but {type(value).__name__}"
    path, mark, _ = value.partition("?")  # queries can hold keys
    text = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in path)
    return f"{text[:LONGEST_TEXT]}…" if mark or len(text) > LONGEST_TEXT else text


def readable_list(values: Sequence[object]) -> str:
    """Return the first of several members of a document as a message may show them."""
    return ", ".join(map(readable, values[:MOST_SHOWN]))


def _decoded(text: str) -> str:
    """Return a text without percent encoding, HTML entities and backslashes."""
    if "%" in text:
        text = unquote(text)
    if "&" in text:
        from html import unescape  # noqa: PLC0415 - its table of names is large

        text = unescape(text)
    return text.replace("\\", "")


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return a text with each of several secrets replaced, the longest first."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
