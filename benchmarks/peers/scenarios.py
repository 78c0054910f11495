"""The scenarios in the order of the page: what is done, which figures matter, what the ideal is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Value = float | str | None


class Row(NamedTuple):
    """One figure of a scenario.

    :param show: a format, or a function.
    :param ideal: whether the control's figure is what it should be.
    :param exact: whether that holds on a busy machine and in a quick run too.
    :param none: what is shown if there is no figure; None: what the calls came to.
    :param log: whether a plot of it has a logarithmic scale.
    """

    key: str
    label: str
    show: str
    ideal: Callable[[Any], bool]
    exact: bool = True
    none: str | None = None
    log: bool = False

    def text(self, found: dict[str, Any]) -> str:
        """Return the figure as the table has it."""
        value = found[self.key]
        if value is None:
            return self.none or str(found["calls"])
        return self.show.format(value)


class Scenario(NamedTuple):
    """One situation in which the libraries are compared.

    :param name: of its measurement and its plot.
    :param text: what is done, for the page.
    :param plotted: the keys of the rows that the plot shows.
    """

    name: str
    title: str
    text: str
    rows: tuple[Row, ...]
    plotted: tuple[str, ...]


def zero(value: float) -> bool:
    return value == 0


def one(value: float) -> bool:
    return value == 1


COUNT = "{:,.0f}"
SCENARIOS = (
    Scenario(
        "imports",
        "Import",
        "The time that a program's import of the library adds to ``import requests``: the median "
        "of fresh interpreters, with compiled modules.",
        (Row("milliseconds", "import", "{:.1f} ms", lambda took: took < 1, exact=False),),
        ("milliseconds",),
    ),
    Scenario(
        "warm_call",
        "A warm call",
        "One thread, a valid token. The CPU time of a call, in turns with a session that has a "
        "static header: over a socket that accepts everything and responds at once, and over a "
        "kept-alive loopback connection (the static header's CPU time divided by the library's: "
        "1 is no cost, less is slower).",
        (
            Row(
                "microseconds",
                "added to a call",
                "{:+.1f} µs",
                lambda more: abs(more) < 3,
                exact=False,
            ),
            Row(
                "ratio",
                "CPU time, plain's to its",
                "{:.3f}",
                lambda ratio: abs(ratio - 1) < 0.03,
                exact=False,
            ),
        ),
        ("microseconds", "ratio"),
    ),
    Scenario(
        "cold_start",
        "A cold start",
        "The token has expired, and threads call at the same moment. A token request takes 50 "
        "ms. A thread that waits for {patience:g} s has failed.",
        (
            Row("few", "token requests, {few} threads", COUNT, one),
            Row("many", "token requests, {many} threads", COUNT, one, log=True),
            Row("failed", "calls that fail", COUNT, zero),
            Row(
                "seconds",
                "until all have a response",
                "{:.2f} s",
                lambda took: took < 3,
                exact=False,
                none="over {patience:g} s",
            ),
        ),
        ("many", "failed"),
    ),
    Scenario(
        "revocation",
        "A revoked token",
        "The token is revoked, and {threads} threads call three times each. A token request "
        "takes 50 ms.",
        (
            Row("requests", "token requests", COUNT, one),
            Row("rejected", "401s that callers see", COUNT, zero),
        ),
        ("requests", "rejected"),
    ),
    Scenario(
        "short_tokens",
        "Short tokens under load",
        "Tokens live for 2 s, a token request takes 300 ms, and 16 threads call all the time, in "
        "turns plainly and with the library. A call that took more than 150 ms has waited for a "
        "token. The leeway is 0.5 s in libraries that let us set it.",
        (
            Row("milliseconds", "99th percentile", "{:.1f} ms", lambda _: True, log=True),
            Row(
                "ratio",
                "99th percentile to plain's",
                "{:.1f}",
                lambda ratio: ratio < 1.3,
                exact=False,
            ),
            Row("waited", "calls that wait for a token", COUNT, zero, exact=False),
            Row("failed", "calls that fail", COUNT, zero),
            Row("requests", "token requests", COUNT, lambda count: count <= 6),
        ),
        ("milliseconds", "waited", "failed"),
    ),
    Scenario(
        "failing",
        "A token endpoint that fails",
        "The token has expired, and the token endpoint responds 503 for {outage:g} s while 16 "
        "threads call all the time. Then it works again.",
        (
            Row("requests", "token requests meanwhile", COUNT, one, log=True),
            Row(
                "seconds",
                "until all calls succeed again",
                "{:.2f} s",
                lambda took: took < 1,
                exact=False,
                none="never",
            ),
        ),
        ("requests", "seconds"),
    ),
    Scenario(
        "hanging",
        "A token endpoint that hangs",
        "The token has expired, and {threads} threads call at the same moment. A token request "
        "gets no response; its timeout is 1 s.",
        (
            Row(
                "seconds",
                "until all have the error",
                "{:.2f} s",
                lambda took: took < 1.5,
                exact=False,
            ),
            Row("requests", "token requests", COUNT, one),
        ),
        ("seconds", "requests"),
    ),
    Scenario(
        "body_replay",
        "A body, and a revoked token",
        "A POST of bytes, of a file and of a generator, each with a token that was just revoked. "
        "Nobody can send a generator twice: the best outcome is a new token for the next call, "
        "and the 401 for the caller.",
        (
            Row("bytes", "bytes", "{}", lambda what: what == "whole"),
            Row("file", "file", "{}", lambda what: what == "whole"),
            Row("generator", "generator", "{}", lambda what: what == "whole"),
        ),
        ("whole", "cut"),
    ),
    Scenario(
        "many_clients",
        "{keys:,} clients in one process",
        "The memory that a program needs for each client with a valid token, and the time that a "
        "call by one of them, in random order, adds to a call with a header from a dict.",
        (
            Row("bytes", "memory of a client", "{:,.0f} B", lambda kept: kept < 500),
            Row(
                "microseconds",
                "added to a call",
                "{:+.1f} µs",
                lambda more: abs(more) < 6,
                exact=False,
            ),
        ),
        ("bytes", "microseconds"),
    ),
    Scenario(
        "fleet",
        "A fleet",
        "{processes} processes on one machine, with the library's shared store, if it has one. "
        "Half of them start at once, the others when the first half has a token. A token request "
        "takes 300 ms. :doc:`sharing` has a simulation of thousands of workers.",
        (
            Row("at_once", "token requests of the first half", COUNT, one),
            Row("later", "token requests of the second half", COUNT, zero),
        ),
        ("at_once", "later"),
    ),
)
PLOTTED_LABELS = {"whole": "bodies delivered whole, of 3", "cut": "bodies cut short, of 3"}
