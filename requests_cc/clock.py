"""Both clocks: expiry runs on the wall's, pauses on the monotonic one."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Clock(Protocol):
    """Both clocks, in seconds: the module :mod:`time`, or a test's own."""

    def time(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds since some moment, never set back."""


class Now(NamedTuple):
    """One moment on two clocks, seconds: since the epoch, and monotonic."""

    wall: float
    monotonic: float

    @classmethod
    def read(cls, clock: Clock) -> Now:
        """This moment."""
        return cls(clock.time(), clock.monotonic())
