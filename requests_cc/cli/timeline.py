"""What the demo prints: things that happened, when, and whether they are what was promised."""

from __future__ import annotations

import textwrap
import time
from typing import TextIO

WIDTH = 80  # columns of the narrowest usual terminal
MARGIN = 20  # columns before a line's text: its time and its mark
UNBROKEN = "\xa0"  # a space at which no line ends; written as any other


class Timeline:
    """Prints lines in the order in which things happened, and counts those that did not hold.

    :param out: a text stream; each line is flushed, so that it appears when it happens.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._began = time.time()
        self._lines = 0
        self._failed = 0

    def paragraph(self, text: str) -> None:
        """Prints a paragraph; lines that are indented stay as they are."""
        indented = text.startswith(" ")
        self._write(text if indented else textwrap.fill(text, WIDTH))
        self._write("")

    def scene(self, title: str) -> None:
        """Prints what is to be seen next."""
        self._write(title)

    def end_scene(self) -> None:
        self._write("")

    def happened(self, text: str, *, held: bool, at: float | None = None) -> bool:
        """Prints something that happened.

        :param text: with its counts and times as they were measured.
        :param held: whether it is what was promised.
        :param at: when it happened, seconds since the epoch; None: now.
        :returns: ``held``.
        """
        self._lines += 1
        self._failed += not held
        seconds = (time.time() if at is None else at) - self._began
        margin = f"{seconds:8.3f} s  {'ok' if held else 'FAILED':<6}  "
        self._write(
            textwrap.fill(text, WIDTH, initial_indent=margin, subsequent_indent=" " * MARGIN)
        )
        return held

    def end(self) -> bool:
        """Prints the sum of it all.

        :returns: whether every line held.
        """
        seconds = time.time() - self._began
        if self._failed:
            self._write(f"{self._failed} of {self._lines} lines FAILED, in {seconds:.1f} s.")
        else:
            self._write(f"All {self._lines} lines held, in {seconds:.1f} s.")
        return not self._failed

    def _write(self, line: str) -> None:
        self._out.write(line.replace(UNBROKEN, " ") + "\n")
        self._out.flush()


def count(number: int, noun: str) -> str:
    """A number with its noun, in the plural where need be."""
    return f"{number}{UNBROKEN}{noun}" if number == 1 else f"{number}{UNBROKEN}{noun}s"


def milliseconds(seconds: float) -> str:
    """A duration, to the precision that says something."""
    return f"{seconds * 1000:.{0 if seconds >= 0.01 else 1}f}{UNBROKEN}ms"  # noqa: PLR2004 - three digits
