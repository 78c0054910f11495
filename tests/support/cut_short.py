"""Token requests that end before their time: by Ctrl-C, or by a timeout of gevent.

Called in an interpreter of their own: they change what the whole process does with signals.
"""

from __future__ import annotations

import random
import signal
import sys
import time

from requests_cc import AccessToken, TokenCache
from requests_cc.protocols import TokenSource
from tests.support.sources import Source


def interrupt_at_any_moment(
    cache: TokenCache, source: TokenSource, after: tuple[float, float]
) -> int:
    """How often KeyboardInterrupt came while tokens were requested, within two seconds.

    :param after: the shortest and the longest time until it comes, in seconds.
    """

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, interrupt)
    sys.unraisablehook = lambda *_: None
    end, interruptions = time.monotonic() + 2, 0

    def calls() -> None:
        # Not for ever: what is raised in a destructor, Python prints and passes over.
        too_late = time.monotonic() + 10 * after[1]
        signal.setitimer(signal.ITIMER_REAL, random.uniform(*after))
        while time.monotonic() < too_late:
            cache.invalidate(source)
            cache.token(source)
        signal.setitimer(signal.ITIMER_REAL, 0)

    while time.monotonic() < end:
        try:
            calls()
        except KeyboardInterrupt:  # noqa: PERF203 - what it interrupts is the loop in calls()
            interruptions += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    return interruptions


def give_up_in_the_first_greenlet(
    source: Source, caches: list[TokenCache], seconds: float
) -> set[str]:
    """The tokens that the other greenlets get where the first gives its own request up.

    :param caches: the first greenlet asks the first of them, and then one greenlet asks each.
    :param seconds: after which the first greenlet gives up.
    """
    import gevent  # noqa: PLC0415 - optional, and imported only where the modules are patched

    def answer() -> AccessToken:
        if source.requests == 1:
            gevent.sleep(60)
        return source.mint()

    def impatient() -> None:
        with gevent.Timeout(seconds, False):
            caches[0].token(source)
            raise AssertionError("it was not given up")  # on stderr, where a test sees it

    source.answer = answer
    first = gevent.spawn(impatient)
    source.reached.wait()
    others = [gevent.spawn(cache.token, source) for cache in caches]
    gevent.joinall([first, *others])
    return {other.value.value for other in others}
