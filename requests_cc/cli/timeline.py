"""The demo's output: events with their times, each checked."""

from __future__ import annotations

import textwrap
import time
from typing import TextIO

WIDTH = 80  # columns of the narrowest usual terminal
MARGIN = 20  # columns before a line's text: its time and its mark
UNBROKEN = "\xa0"  # a space at which no line breaks; printed as a plain space


class Timeline:
    """Prints a line for each event, and counts the failed checks.

    :param out: a text stream; each line is flushed.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._began = time.time()
        self._lines = 0
        self._failed = 0

    def paragraph(self, text: str) -> None:
        """Print a paragraph; an indented one is not wrapped."""
        indented = text.startswith(" ")
        self._write(text if indented else textwrap.fill(text, WIDTH))
        self._write("")

    def scene(self, title: str) -> None:
        """Print the title of a scene."""
        self._write(title)

    def end_scene(self) -> None:
        """Print the empty line after a scene."""
        self._write("")

    def happened(self, text: str, *, held: bool, at: float | None = None) -> bool:
        """Print an event.

        :param text: str, with measured counts and times.
        :param held: bool, whether the check passed.
        :param at: float, the time of the event in seconds since the epoch; None: now.
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
        """Print the summary.

        :returns: bool, whether every check passed.
        """
        seconds = time.time() - self._began
        if self._failed:
            self._write(f"{self._failed} of {self._lines} checks FAILED, in {seconds:.1f} s.")
        else:
            self._write(f"All {self._lines} checks passed, in {seconds:.1f} s.")
        return not self._failed

    def _write(self, line: str) -> None:
        self._out.write(line.replace(UNBROKEN, " ") + "\n")
        self._out.flush()


def count(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural if needed."""
    return f"{number}{UNBROKEN}{noun}" if number == 1 else f"{number}{UNBROKEN}{noun}s"


def milliseconds(seconds: float) -> str:
    """Return a duration in milliseconds, with about three digits."""
    return f"{seconds * 1000:.{0 if seconds >= 0.01 else 1}f}{UNBROKEN}ms"  # noqa: PLR2004 - three digits
