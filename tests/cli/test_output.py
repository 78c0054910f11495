from __future__ import annotations

import io
import time

import pytest

from requests_cc.cli.output import duration, hidden, moment, painted, relative, safe


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((0, "0s"), (0.4, "0s"), (59, "59s"), (60, "1m"), (3480, "58m"), (3600, "1h")),
        *((5400, "1h 30m"), (86_400, "1d"), (90_061, "1d 1h"), (3601, "1h")),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds, words):
    assert duration(seconds) == words


def test_a_moment_is_in_utc_whatever_its_size():
    assert moment(0) == "1970-01-01T00:00:00Z"
    assert moment(1e300) == "a time beyond the calendar"


def test_a_moment_is_ahead_or_gone():
    assert relative(time.time() + 3600.4, "in {}", "{} ago") == "in 1h"
    assert relative(time.time() - 60, "in {}", "{} ago") == "1m ago"


def test_colour_is_for_terminals_alone(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert painted("ok", good=True) == "ok"
    monkeypatch.setattr("sys.stdout", Terminal())
    assert painted("ok", good=True) == "\033[32mok\033[0m"
    assert painted("no", good=False) == "\033[31mno\033[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert painted("ok", good=True) == "ok"


def test_somebody_elses_words_cannot_move_the_cursor():
    assert safe("a\033[2Jb\nc") == "a\ufffd[2Jb\ufffdc"
    assert safe("x" * 301) == "x" * 300 + "…"


def test_a_token_shows_its_end_if_it_is_long_enough():
    assert hidden("0123456789abcdef") == "…cdef"
    assert hidden("short") == "…"
