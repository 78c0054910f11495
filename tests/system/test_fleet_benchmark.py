"""The simulation of a fleet: its calls, its store, and what it counts."""

from __future__ import annotations

import random
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from requests_cc import TokenEndpointUnreachable

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import fleet  # noqa: E402
from fleet_policies import OURS, PEERS, POLICIES, Alone, Named, OneFile  # noqa: E402
from fleet_world import Settings, SimulatedClock, SimulatedStore, TokenEndpoint  # noqa: E402

SMALL = Settings(workers=20, failures=0.0)  # 2.1 hours: two renewals of a token of one hour
SHARED, UNSHARED = OURS
PEERS_ALONE = [named for named in PEERS if "file" not in named.name]


def ids(named: Named) -> str:
    return named.name


# The calls.


def test_each_worker_calls_when_it_starts_and_then_as_often_as_set() -> None:
    settings = replace(SMALL, workers=50, hours=1.0, spread=60.0)
    calls = list(fleet.calls(settings))
    assert calls == sorted(calls)
    first = {worker: at for at, worker in reversed(calls)}
    assert sorted(first) == list(range(50))
    assert 0 <= min(first.values()) < 10
    assert 50 < max(first.values()) <= 60
    of_each = Counter(worker for _, worker in calls)
    assert calls[-1][0] < 3600
    assert sum(of_each.values()) == pytest.approx(50 * 6 * 60, rel=0.05)
    assert min(of_each.values()) > 250  # 360, give or take 19


def test_workers_that_start_together_call_at_once() -> None:
    calls = list(fleet.calls(SMALL))
    assert calls[:20] == [(0.0, worker) for worker in range(20)]


# The policies.


def test_workers_that_share_a_store_make_one_token_request_for_each_lifetime() -> None:
    tally = fleet.simulate(SHARED, SMALL)
    assert tally.arrivals.total() == 3
    assert tally.at_start == 1
    assert tally.an_hour == pytest.approx(2 / (2.1 - 300 / 3600))
    start, *renewals = sorted(tally.arrivals)
    assert start == 0
    # 60 s before expiry, 12 s sooner or later, in the first call of any worker after that.
    assert 3600 - 72 <= renewals[0] <= 3600 - 40
    assert tally.failed == 0
    assert tally.store_operations is not None
    assert tally.store_operations > 3 * 20


def test_workers_without_a_store_make_one_each_and_not_in_one_second() -> None:
    tally = fleet.simulate(UNSHARED, SMALL)
    assert tally.arrivals.total() == 3 * 20
    assert tally.worst_second(at_start=True) == 20
    assert tally.worst_second(at_start=False) < 10
    assert tally.store_operations is None


@pytest.mark.parametrize("named", OURS, ids=ids)
def test_our_calls_wait_at_the_start_only(named: Named) -> None:
    tally = fleet.simulate(named, SMALL)
    in_the_first_second = sum(at < 1.0 for at, _ in fleet.calls(SMALL))
    assert 20 <= tally.waited <= in_the_first_second
    assert tally.longest_wait == pytest.approx(0.3, abs=0.3)
    assert tally.longest_wait >= 0.3


@pytest.mark.parametrize("named", PEERS_ALONE, ids=ids)
def test_workers_of_peers_make_one_each_in_the_call_that_needs_it(named: Named) -> None:
    tally = fleet.simulate(named, SMALL)
    assert tally.arrivals.total() == 3 * 20
    assert tally.waited >= 3 * 20
    assert tally.longest_wait == pytest.approx(0.3)


@pytest.mark.parametrize("early", [0.0, 225.0])
def test_a_fixed_time_before_expiry_means_the_first_call_after_it(early: float) -> None:
    calls = [at for at, worker in fleet.calls(SMALL) if worker == 7]
    expected = [0.0]
    while due := [at for at in calls if at >= expected[-1] + 3600 - early]:
        expected.append(due[0])
    requested = []

    class Watched(Alone):
        def call(self, worker: int) -> bool:
            began = self._clock.now
            waited = super().call(worker)
            if waited and worker == 7:
                requested.append(began)
            return waited

    def make(clock: SimulatedClock, endpoint: TokenEndpoint, settings: Settings) -> Alone:
        return Watched(clock, endpoint, settings, early=early)

    fleet.simulate(Named("watched", make), SMALL)
    assert requested == expected


def test_a_file_without_a_lock_is_found_by_those_who_come_after_it_was_written() -> None:
    clock = SimulatedClock()
    endpoint = TokenEndpoint(clock, SMALL)
    policy = OneFile(clock, endpoint, SMALL, early=30.0)
    waited = []
    for worker, at in enumerate([0.0, 0.1, 0.29, 0.31, 3569.9, 3570.2]):
        clock.now = at
        waited.append(policy.call(worker))
    assert waited == [True, True, True, False, False, True]


@pytest.mark.parametrize("named", POLICIES, ids=ids)
def test_the_same_seed_gives_the_same_result(named: Named) -> None:
    settings = replace(SMALL, hours=1.1, failures=0.2)
    jitter = random.getstate()
    first = fleet.simulate(named, settings)
    assert random.getstate() == jitter
    random.random()
    assert fleet.simulate(named, settings) == first
    assert fleet.simulate(named, replace(settings, seed=2)).calls != first.calls


def test_from_a_server_that_fails_our_workers_request_less_than_they_call() -> None:
    settings = replace(SMALL, hours=0.2, failures=1.0)
    tallies = [fleet.simulate(named, settings) for named in (UNSHARED, PEERS[0])]
    for tally in tallies:
        assert tally.failed == tally.calls
        assert tally.failed_requests == tally.arrivals.total()
    ours, peers = (tally.arrivals.total() for tally in tallies)
    assert ours < peers / 2
    assert peers > 0.9 * tallies[1].calls


# What is counted.


class FirstCallIsSlow:
    """It takes ten seconds; what comes of it and whether that is waiting, a test says."""

    def __init__(self, clock: SimulatedClock, *, waits: bool, fails: bool) -> None:
        self.clock = clock
        self.waits = waits
        self.fails = fails
        self.began = False

    def call(self, worker: int) -> bool:
        if self.began:
            return False
        self.began = True
        self.clock.now += 10.0
        if self.fails:
            raise TokenEndpointUnreachable("simulated")
        return self.waits


@pytest.mark.parametrize(
    ("waits", "fails"), [(True, True), (True, False), (False, False)], ids=["fail", "wait", "ahead"]
)
def test_calls_share_what_comes_of_the_request_that_is_under_way(waits: bool, fails: bool) -> None:
    settings = Settings(workers=1, calls=60.0, hours=0.1)
    within = sum(at < 10.0 for at, _ in fleet.calls(settings))
    assert within > 3
    named = Named("slow", lambda clock, *_: FirstCallIsSlow(clock, waits=waits, fails=fails))
    tally = fleet.simulate(named, settings)
    assert tally.waited == (within if waits else 0)
    assert tally.failed == (within if fails else 0)
    assert tally.longest_wait == (10.0 if waits else 0.0)


class WaitsOnceThenRenewsAhead:
    """Each of its two token requests takes ten seconds, and only the first is waited for."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock
        self.due = [0.0, 100.0]

    def call(self, worker: int) -> bool:
        if not self.due or self.clock.now < self.due[0]:
            return False
        self.clock.now += 10.0
        return self.due.pop(0) == 0.0


def test_calls_during_a_renewal_ahead_have_not_waited() -> None:
    settings = Settings(workers=1, calls=60.0, hours=0.1)
    within = sum(at < 10.0 for at, _ in fleet.calls(settings))
    named = Named("twice", lambda clock, *_: WaitsOnceThenRenewsAhead(clock))
    assert fleet.simulate(named, settings).waited == within


def test_the_start_is_counted_apart() -> None:
    arrivals = Counter({0: 5, 299: 7, 300: 3, 4000: 2})
    tally = fleet.Tally("counted", hours=2.0, arrivals=arrivals)
    assert tally.at_start == 12
    assert tally.worst_second(at_start=True) == 7
    assert tally.worst_second(at_start=False) == 3
    assert tally.an_hour == pytest.approx(5 / (2.0 - 300 / 3600))
    assert fleet.Tally("empty", hours=1.0).worst_second(at_start=False) == 0


def test_a_bar_shows_the_worst_second_of_its_width() -> None:
    arrivals = {0: 5, 8: 7, 9: 4, 10: 1, 47: 2}
    assert fleet.worst_of_each(10, arrivals) == {0: 7, 10: 1, 40: 2}


# The store in simulated time.


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def store(clock: SimulatedClock) -> SimulatedStore:
    return SimulatedStore(clock, latency=0.0)


def found(store: SimulatedStore, clock: SimulatedClock, at: float) -> bytes | None:
    clock.now = at
    return store.get("key")


def test_a_value_is_seen_from_when_it_was_stored_until_it_expires(
    store: SimulatedStore, clock: SimulatedClock
) -> None:
    clock.now = 5.0
    store.set("key", b"old", 10.0)
    clock.now = 8.0
    store.set("key", b"new", 10.0)
    seen = [found(store, clock, at) for at in (4.9, 5.0, 7.9, 8.0, 17.9, 18.0)]
    assert seen == [None, b"old", b"old", b"new", b"new", None]
    store.delete("key")
    assert found(store, clock, 9.0) is None


def test_a_lock_is_held_until_the_moment_of_its_release(
    store: SimulatedStore, clock: SimulatedClock
) -> None:
    clock.now = 1.0
    with store.lock("key", 0.0) as obtained:
        clock.now = 4.0
    assert obtained
    clock.now = 2.0
    with store.lock("key", 0.0) as obtained:
        assert (obtained, clock.now) == (False, 2.0)
    with store.lock("key", 1.5) as obtained:
        assert (obtained, clock.now) == (False, 3.5)
    with store.lock("another", 0.0) as obtained:
        assert obtained
    with store.lock("key", 1.5) as obtained:
        assert (obtained, clock.now) == (True, 4.0)


def test_each_operation_of_the_store_takes_its_time_and_is_counted(clock: SimulatedClock) -> None:
    store = SimulatedStore(clock, latency=0.25)
    store.set("key", b"value", 10.0)
    store.get("key")
    with store.lock("key", 0.0):
        pass
    store.delete("key")
    assert (clock.now, store.operations) == (5 * 0.25, 5)


# The command.


def test_the_command_prints_a_row_for_each_policy(capsys: pytest.CaptureFixture[str]) -> None:
    assert fleet.main(["--workers", "3", "--hours", "0.1", "--seed", "5"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("workers 3, hours 0.1, lifetime 3,600.0")
    for named in POLICIES:
        assert f"\n{named.name}  " in printed
    assert "requests_cc, a shared store: " in printed.partition("store operations")[0]


@pytest.mark.parametrize("wrong", [["--hours", "0.05"], ["--workers", "0"], ["--calls", "0"]])
def test_settings_that_simulate_nothing_are_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit, match="are needed"):
        fleet.main(wrong)


def test_the_page_on_sharing_shows_the_table_that_is_printed() -> None:
    page = (ROOT / "docs" / "sharing.rst").read_text(encoding="utf-8")
    tallies = [fleet.Tally(named.name, hours=1.0) for named in POLICIES]
    _, *heads = fleet.table(tallies).splitlines()[:3]
    for head in heads:
        assert " ".join(head.split()) in " ".join(page.split())
    for named in POLICIES:
        assert f"\n{named.name}  " in page


@pytest.mark.slow
def test_a_plot_is_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "fleet.svg"
    arguments = ["--workers", "3", "--hours", "1.1", "--plot", str(path)]
    assert fleet.main(arguments) == 0
    picture = path.read_text(encoding="utf-8")
    for named in POLICIES:
        assert named.name in picture
    assert len(picture) < 60_000
