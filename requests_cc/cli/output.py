"""The output of every verb: results to stdout, everything else to stderr."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

# Exit statuses. 75 and 78 are EX_TEMPFAIL and EX_CONFIG of sysexits.h; a process that a signal
# ended counts as 128 and the signal's number.
DONE = 0
API_REFUSED = 1
WRONG_USAGE = 2
TRY_AGAIN = 75
NEEDS_A_PERSON = 78
INTERRUPTED = 130
READER_GONE = 141

LONGEST_TEXT = 300  # characters of somebody else's words
LEAST_HIDDEN = 16  # characters: of a shorter token not even the end is shown
_GREEN, _RED, _PLAIN = "\033[32m", "\033[31m", "\033[0m"
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


class _Kept(logging.Handler):
    """Keeps the records of level WARNING and above."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def silent_log() -> Iterator[list[logging.LogRecord]]:
    """Keep the library's log from stderr, for a verb that says the same in its own words.

    :returns: a list that receives the warnings.
    """
    logger, kept = logging.getLogger("requests_cc"), _Kept()
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(kept)
    try:
        yield kept.records
    finally:
        logger.removeHandler(kept)
        logger.propagate = propagates


class UsageError(Exception):
    """The command was called in a wrong way: the message goes to stderr, the status is 2."""


def result(text: str) -> None:
    """Write a line to stdout."""
    print(text, flush=True)


def note(text: str) -> None:
    """Write a line to stderr."""
    print(text, file=sys.stderr, flush=True)


def status_of(error: BaseException) -> int:
    """Return the exit status after an error of the library.

    A response that is not a token, such as a web page, means a wrong URL: a person must change it.
    """
    from ..errors import InvalidTokenResponse  # noqa: PLC0415 - no verb that succeeds needs it

    is_permanent = getattr(error, "permanent", True) or isinstance(error, InvalidTokenResponse)
    return NEEDS_A_PERSON if is_permanent else TRY_AGAIN


def painted(text: str, *, good: bool) -> str:
    """Return a word in green or red if stdout is a terminal and ``NO_COLOR`` is not set."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    if plain or not sys.stdout.isatty():
        return text
    return f"{_GREEN if good else _RED}{text}{_PLAIN}"


def safe(text: object) -> str:
    """Return somebody else's words on one line and without what a terminal would obey."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))
    return shown if len(shown) <= LONGEST_TEXT else f"{shown[:LONGEST_TEXT]}…"


def moment(seconds: float) -> str:
    """Return a moment in UTC, such as ``2026-11-26T14:04:18Z``.

    As :func:`requests_cc.errors.moment` does, whose module loads requests: ``decode`` does without.
    """
    try:
        utc = datetime.fromtimestamp(seconds, tz=timezone.utc)
    except (OverflowError, ValueError, OSError):
        return "a time beyond the calendar"
    return f"{utc:%Y-%m-%dT%H:%M:%SZ}"


def duration(seconds: float) -> str:
    """Return a duration in its two largest units, such as ``58m`` or ``1h 30m``."""
    left = round(seconds)
    parts: list[tuple[int, str]] = []
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append((count, unit))
    return " ".join(f"{count}{unit}" for count, unit in parts[:2] if count) or "0s"


def relative(seconds: float, coming: str, gone: str) -> str:
    """Return how far away a moment is.

    :param coming: str, such as ``expires in {}``, used if the moment is ahead.
    :param gone: str, such as ``expired {} ago``.
    """
    distance = seconds - time.time()
    return (coming if distance >= 0 else gone).format(duration(abs(distance)))


def hidden(secret: str) -> str:
    """Return a token as it may be shown: its last four characters."""
    return f"…{secret[-4:]}" if len(secret) >= LEAST_HIDDEN else "…"
