"""docs/troubleshooting.rst has an entry for every text that the library can raise or log."""

from __future__ import annotations

import re

from .messages import collected, covers, entries, without_entry

LEAST_OF_AN_ENTRY = 3  # letters


def test_each_text_has_an_entry() -> None:
    missing = "\n".join(
        f"   * - ``{text}``  ({where})\n     - cause, and what to change"
        for text, where in without_entry().items()
    )
    assert not missing, (
        "docs/troubleshooting.rst has no entry for the texts below. Add a row to the table that "
        "fits, or shorten an entry that is there to the common beginning and an ellipsis:\n"
        f"{missing}"
    )


def test_no_entry_is_stale() -> None:
    texts = collected()
    stale = [entry for entry in entries() if not any(covers(entry, text) for text in texts)]
    assert not stale, (
        "docs/troubleshooting.rst has entries for texts that the library no longer has. Correct "
        "or remove these rows:\n" + "\n".join(stale)
    )


def test_no_entry_covers_everything() -> None:
    for entry in entries():
        assert len(re.findall("[A-Za-z]", entry)) >= LEAST_OF_AN_ENTRY, entry


def test_an_entry_covers_texts_with_its_beginning() -> None:
    assert covers("a … b…", "a x b and more")
    assert covers("a … b", "a … b")
    assert not covers("a b", "a b c")


def test_the_texts_are_found_where_they_are_composed() -> None:
    texts = collected()
    assert len(texts) > 250
    for text in (
        "invalid_scope…: check scope, and which scopes this client may request",
        "key is public; pass the private key",
        "domain must be only the prefix if region is set",
        "…: the API rejected the token",
    ):
        assert text in texts
