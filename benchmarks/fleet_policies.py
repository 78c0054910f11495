"""When the workers of ``fleet.py`` request tokens: this library's own code, and others' rules.

The rules are those that the projects' own code and documentation state, and no more: a worker that
follows one makes one token request at a time, in the call that needs it; a call whose token request
fails fails, and the next one tries again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, Protocol
from unittest.mock import patch

from fleet_world import EPOCH, Settings, SimulatedClock, SimulatedStore, TokenEndpoint

import requests_cc.cache.stores.bounded
import requests_cc.cache.stores.sharing
from requests_cc import TokenCache
from requests_cc.cache.stores.guard import Breaker
from requests_cc.events import Event, TokenRequested, TokenShared

PATIENCE = 600.0  # real seconds: what a busy machine delays is no slow store


class Policy(Protocol):
    """What all workers do for a call of the API."""

    def call(self, worker: int) -> bool:
        """Has a token for one call of a worker, now; the clock says when it had it.

        :returns: whether the call waited for it.
        :raises requests.RequestException: when it has none.
        """


class Named(NamedTuple):
    """A policy, and whose it is."""

    name: str
    make: Callable[[SimulatedClock, TokenEndpoint, Settings], Policy]


class OurCaches:
    """A ``TokenCache`` for each worker."""

    def __init__(self, clock: SimulatedClock, endpoint: TokenEndpoint, settings: Settings) -> None:
        self._endpoint = endpoint
        self._reason: str | None = None
        store = self.store(clock, settings)
        # Nothing runs beside a call here. The call that renews ahead does not count as waiting:
        # with background=True, the default, it would not.
        self._caches = [
            TokenCache(
                store,
                leeway=settings.leeway,
                background=False,
                observers=[self._observe],
                clock=clock,
            )
            for _ in range(settings.workers)
        ]

    def store(self, clock: SimulatedClock, settings: Settings) -> SimulatedStore | None:
        return None

    def call(self, worker: int) -> bool:
        self._reason = None
        self._caches[worker].token(self._endpoint)
        return self._reason == "missing"

    def _observe(self, event: Event) -> None:
        if isinstance(event, (TokenRequested, TokenShared)):
            self._reason = event.reason


class OurSharedCaches(OurCaches):
    """They share a store."""

    def store(self, clock: SimulatedClock, settings: Settings) -> SimulatedStore:
        self.shared = SimulatedStore(clock, settings.store_latency)
        return self.shared


class Alone:
    """Each worker renews in the first call that comes later than a fixed time before expiry.

    :param early: seconds before expiry.
    """

    def __init__(
        self, clock: SimulatedClock, endpoint: TokenEndpoint, settings: Settings, *, early: float
    ) -> None:
        self._clock = clock
        self._endpoint = endpoint
        self._early = early
        self._renew_at = [0.0] * settings.workers

    def call(self, worker: int) -> bool:
        if self._clock.now < self._renew_at[worker]:
            return False
        expires_at = self._endpoint.request_token().expires_at
        assert expires_at is not None
        self._renew_at[worker] = expires_at - EPOCH - self._early
        return True


class OneFile:
    """As :class:`Alone`, but a file has the latest token of all, and no lock."""

    def __init__(
        self, clock: SimulatedClock, endpoint: TokenEndpoint, settings: Settings, *, early: float
    ) -> None:
        self._clock = clock
        self._endpoint = endpoint
        self._early = early
        self._written: list[tuple[float, float]] = []  # since when, and until when it is used

    def call(self, worker: int) -> bool:
        now = self._clock.now
        if any(since <= now < until for since, until in self._written):
            return False
        expires_at = self._endpoint.request_token().expires_at
        assert expires_at is not None
        until = expires_at - EPOCH - self._early
        self._written = [entry for entry in self._written if entry[1] > now]
        if len(self._written) < 2:  # more of one moment would make no difference
            self._written.append((self._clock.now, until))
        return True


@contextmanager
def simulated(clock: SimulatedClock, seed: int) -> Iterator[None]:
    """Makes of this library what cannot be injected part of the simulation.

    The guard around a store runs it in threads and watches them with the real clock; jitter is
    drawn from the global generator.
    """
    patient = partial(Breaker, deadline=PATIENCE)
    state = random.getstate()
    random.seed(seed)
    try:
        with (
            patch.object(requests_cc.cache.stores.bounded, "time", clock),
            patch.object(requests_cc.cache.stores.sharing, "Breaker", patient),
        ):
            yield
    finally:
        random.setstate(state)


OURS = (
    Named("requests_cc, a shared store", OurSharedCaches),
    Named("requests_cc, no store", OurCaches),
)
# requests-oauthlib: OAuth2Session raises TokenExpiredError from expiry on, and the program requests
# another. Authlib: OAuth2Client(leeway=60). requests_oauth2client: OAuth2ClientCredentialsAuth(
# leeway=20). google-auth: _helpers.REFRESH_THRESHOLD, 3 min 45 s. requests-auth: early_expiry=30
# of get_token(), and JsonTokenFileCache, which reads the file when it has changed.
PEERS = (
    Named("when expired (requests-oauthlib)", partial(Alone, early=0.0)),
    Named("20 s before (requests_oauth2client)", partial(Alone, early=20.0)),
    Named("60 s before (Authlib)", partial(Alone, early=60.0)),
    Named("225 s before (google-auth)", partial(Alone, early=225.0)),
    Named("30 s before, one file (requests-auth)", partial(OneFile, early=30.0)),
)
POLICIES = OURS + PEERS
