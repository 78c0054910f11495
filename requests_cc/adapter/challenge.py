"""The challenges of a ``WWW-Authenticate`` header: what a server says about its 401."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

# RFC 9110 section 11.6.1:  WWW-Authenticate = #challenge
#               11.3:       challenge = auth-scheme [ 1*SP ( token68 / #auth-param ) ]
#               11.2:       auth-param = token BWS "=" BWS ( token / quoted-string )
# An auth-param and a challenge are both elements of comma-separated lists: what tells them apart is
# the "=" after a parameter's name. Servers also send what the grammar forbids (a value that is no
# token, a quote that is never closed, a missing comma, a folded line), so the pattern is wider
# than the grammar. Each alternative starts where the one before ended, and the last one takes what
# the others refuse, a quoted string always as a whole: nothing inside it passes for a parameter.
# No repetition is ambiguous, so that the time is linear.
_TCHAR = r"[!\#$%&'*+\-.^_`|~0-9A-Za-z]"
_QUOTED = r'"(?P<{}> [^"\\]* (?: \\. [^"\\]* )* ) "?'
_ITEM = re.compile(
    rf"""
    (?: \A | \s*, ) [\s,]* (?P<scheme> {_TCHAR}+ ) (?! [^\s,] ) (?! \s*= )
        (?: \s+ (?P<token68> [A-Za-z0-9\-._~+/]+ =* ) (?= \s* (?: , | \Z ) ) )?
    | (?P<name> {_TCHAR}+ ) \s* = \s* (?: {_QUOTED.format("quoted")} | (?P<bare> [^\s,"]* ) )
    | {_QUOTED.format("stray")} | [^\s,"]+ | [\s,]+
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
LONGEST = 8192  # characters; a server may send a hundred headers of 64 KiB
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)


class Challenge(NamedTuple):
    """One challenge of a ``WWW-Authenticate`` header (RFC 9110 section 11.3).

    Immutable, so safe to share between threads.

    :param scheme: in lower case: ``bearer`` (RFC 6750 section 3), ``dpop`` (RFC 9449 section 7.1).
    :param parameters: values without their quotes, by the names in lower case.
    :param token68: what some schemes send instead of parameters.
    """

    scheme: str
    parameters: Mapping[str, str]
    token68: str | None = None

    @classmethod
    def parse(cls, header: str) -> tuple[Challenge, ...]:
        """Read the challenges of a header, in its order.

        Never raises: of a malformed header it returns what can be read. A parameter that appears
        twice in one challenge keeps its first value. An unclosed quoted string ends with the
        header. Only its first 8 KiB are read.

        :param header: the header's value; several headers joined with ``", "``.
        :returns: no challenge for an empty header.
        """
        challenges: list[Challenge] = []
        parameters: dict[str, str] = {}  # those before the first scheme belong to no challenge
        for item in _ITEM.finditer(header[:LONGEST]):
            if item["scheme"]:
                parameters = {}
                view = MappingProxyType(parameters)
                challenges.append(cls(item["scheme"].lower(), view, item["token68"]))
            elif item["name"]:
                quoted = item["quoted"]
                value = item["bare"] if quoted is None else _QUOTED_PAIR.sub(r"\1", quoted)
                parameters.setdefault(item["name"].lower(), value)
        return tuple(challenges)
