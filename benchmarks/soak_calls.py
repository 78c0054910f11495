"""The calls of a soak: when each was made, whether it failed, and whether a token was there."""

from __future__ import annotations

import time
from dataclasses import dataclass

import requests

SPAN = tuple[float, float]


@dataclass(frozen=True)
class Call:
    """One call: when it was made, and whether it was answered 200."""

    span: SPAN
    failure: str | None

    @property
    def seconds(self) -> float:
        return self.span[1] - self.span[0]


def timed_call(session: requests.Session, url: str) -> Call:
    began, failure = time.monotonic(), None
    try:
        status = session.get(url, timeout=30).status_code
        if status != 200:
            failure = f"answered {status}"
    except requests.RequestException as error:
        failure = type(error).__name__
    return Call((began, time.monotonic()), failure)


def throughout(span: SPAN, good: list[SPAN]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in good)


def kinds(calls: list[Call]) -> str:
    kinds = [call.failure or "" for call in calls]
    return ", ".join(f"{kind}: {kinds.count(kind)}" for kind in sorted(set(kinds)))
