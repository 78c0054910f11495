"""Whether to ask something that fails, or to leave it alone for a while: pure, without threads."""

from __future__ import annotations

FIRST_PAUSE = 5.0  # seconds without a try, after the first failure
LONGEST_PAUSE = 60.0
CERTAIN = "set"  # the operation whose success proves that all the others work as well


class Circuit:
    """Closed while all goes well; opened by a failure, for a pause that grows with each.

    After the pause one try is let through and the others wait for what it finds. Whoever calls
    brings the time (seconds, monotonic) and holds a lock.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._until = 0.0
        self._failed: str | None = None  # which operation opened it; None: all do alike

    @property
    def closed(self) -> bool:
        """Whether nothing is known to fail."""
        return self._failures == 0

    def admits(self, operation: str, now: float) -> bool:
        """Whether an operation may be tried now."""
        if self.closed:
            return True
        if now < self._until:
            return False
        # Only what failed is a test of it: the lock that comes before a failed set is no reason
        # to leave out the set.
        if self._failed in (None, operation):
            self._until = now + self.pause
        return True

    def succeeded(self, operation: str) -> None:
        """Closes it, if the operation shows that what failed works again."""
        if self._failed in (None, operation) or operation == CERTAIN:
            self._failures, self._failed = 0, None

    def failed(self, now: float, operation: str | None = None) -> None:
        """Opens it, or keeps it open for longer.

        :param operation: which one failed, where the others may still work; None: any would fail.
        """
        self._failures += 1
        self._failed = operation
        self._until = now + self.pause

    @property
    def pause(self) -> float:
        """The seconds without a try after the last failure."""
        return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._failures - 1, 8)))
