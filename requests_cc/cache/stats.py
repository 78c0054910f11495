"""The contents of a cache, and its counts.

It stands alone since few programs ask for them: the others do not load it.
"""

from __future__ import annotations

from typing import NamedTuple


class CacheStats(NamedTuple):
    """The contents of a :class:`~requests_cc.TokenCache` now, and its counts since it was made.

    :param tokens: int, usable tokens in memory.
    :param cooling_down: int, keys that make no token request for now.
    :param held: int, keys for which a rejection causes no renewal for now.
    :param hits: int, tokens handed out without waiting.
    :param requests: int, token requests begun.
    :param successes: int, of these, those that brought a token.
    :param failures: int, of these, those that failed.
    :param shared: int, tokens from the store that another process had requested.
    :param rejections: int, rejections by an API that asked for a renewal.
    :param holds: int, renewals after a rejection that did not help.
    :param last_latency: float or None, seconds that the last token request took.
    """

    tokens: int
    cooling_down: int
    held: int
    hits: int
    requests: int
    successes: int
    failures: int
    shared: int
    rejections: int
    holds: int
    last_latency: float | None


class SourceStats(NamedTuple):
    """The state of one source in a :class:`~requests_cc.TokenCache` now, and its counts.

    The counts begin when the source is first used, and again after its key was evicted or cleared.
    The fields mean what those of :class:`CacheStats` do; the first three are 0 or 1.
    """

    tokens: int
    cooling_down: int
    held: int
    requests: int
    successes: int
    failures: int
    shared: int
    rejections: int
    holds: int
