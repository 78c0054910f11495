"""Texts from elsewhere as a message may show them: printable, cut, and without secrets."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST_TEXT = 300  # characters
HIDDEN = "[hidden]"


def shown(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text as a message may show it.

    :param text: str.
    :param secrets: str, the texts to hide.
    """
    secrets = tuple(filter(None, map(_printable, secrets)))
    # White space becomes one space; but a secret is found across the ends of lines too.
    joined = _without(_printable(text), secrets)
    spaced = _without(_printable(" ".join(text.split())), secrets)
    return cut(joined if joined.count(HIDDEN) > spaced.count(HIDDEN) else spaced)


def cut(text: str) -> str:
    """Return a text, cut at :data:`LONGEST_TEXT` characters."""
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
