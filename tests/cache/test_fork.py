"""A child process works at once, whatever its parent's threads did; a pickle has no token."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import threading
import warnings

import pytest
import requests

from requests_cc import AccessToken, ClientCredentials, ClientCredentialsAdapter, TokenCache
from requests_cc.testing import LocalServer
from requests_cc.threads import ForkSafeLock
from tests.support.forked_child import in_child, needs_fork
from tests.support.sources import PATIENCE, ManualClock, Source, in_thread, renewals_end


@pytest.mark.rule(15)
@needs_fork
def test_a_child_requests_what_its_parent_was_requesting(
    cache: TokenCache, clock: ManualClock
) -> None:
    source = Source(clock)
    source.gate = threading.Event()
    parents = in_thread(lambda: cache.token(source))
    assert source.reached.wait(PATIENCE)

    def child() -> str:
        source.gate = None
        return cache.token(source).value

    assert in_child(child) == "key-2"
    source.gate.set()
    assert isinstance(parents(), AccessToken)


@pytest.mark.rule(15)
@needs_fork
def test_a_child_has_no_ghost_of_its_parents_renewals(
    cache: TokenCache, clock: ManualClock
) -> None:
    gate = threading.Event()
    sources = [Source(clock, key=f"k{number}") for number in range(16)]
    for source in sources:
        cache.token(source)
        source.gate = gate
    clock.forward(3595)
    for source in sources:
        cache.token(source)  # as many renewals as there may be at one time

    def child() -> list[str]:
        for source in sources:
            source.gate = None
        values = [cache.token(source).value for source in sources]
        clock.forward(1.1)
        for source in sources:
            cache.token(source)
        renewals_end()
        assert values == [f"k{number}-1" for number in range(16)]
        return sorted({cache.token(source).value.split("-")[1] for source in sources})

    said = in_child(child)
    gate.set()
    renewals_end()
    assert said in ("['3']", "['2', '3']")  # the parent's threads may not have begun theirs


@pytest.mark.rule(15)
@needs_fork
def test_a_child_works_though_a_thread_of_its_parent_held_the_lock(
    cache: TokenCache, clock: ManualClock
) -> None:
    source, held, done = Source(clock), threading.Event(), threading.Event()

    def hold() -> None:
        with cache._flights._lock._lock, cache._journal._lock._lock:
            held.set()
            assert done.wait(PATIENCE)

    outcome = in_thread(hold)
    assert held.wait(PATIENCE)
    said = in_child(lambda: (cache.token(source).value, cache.stats().tokens))
    done.set()
    outcome()
    assert said == "('key-1', 1)"


@pytest.mark.rule(15)
@needs_fork
def test_a_request_that_forks_ends_in_both_processes(cache: TokenCache, clock: ManualClock) -> None:
    said: list[str] = []

    def answer() -> AccessToken:
        said.append(in_child(child_lands))
        return source.mint()

    def child_lands() -> str:
        flight = cache._find((Source, "key"))
        assert flight is not None
        assert flight.flight is None
        return cache.token(Source(clock)).value

    source = Source(clock, answer=answer)
    assert cache.token(source).value == "key-1"
    assert said == ["key-1"]


@pytest.mark.rule(15)
@needs_fork
def test_a_request_begun_in_the_parent_may_end_in_the_child(
    cache: TokenCache, clock: ManualClock
) -> None:
    """As where a source's own code forks, and the child goes on in its place."""
    read, write = os.pipe()

    def answer() -> AccessToken:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pids.append(os.fork())
        return source.mint()

    pids: list[int] = []
    source = Source(clock, answer=answer)
    value = cache.token(source).value
    if pids[-1] == 0:
        source.mend()
        os.write(write, f"{value} {cache.token(source).value}".encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer_of_child:
        assert answer_of_child.read() == "key-1 key-2"
    os.waitpid(pids[-1], 0)
    assert cache.token(source).value == "key-1"


@pytest.mark.rule(15)
@needs_fork
def test_a_lock_that_the_forking_thread_holds_itself_is_let_go_of_in_the_child() -> None:
    lock = ForkSafeLock()

    assert lock.run(lambda: in_child(lambda: lock.run(lambda: True))) == "True"


@pytest.mark.rule(15)
def test_a_lock_that_is_used_no_more_is_not_watched() -> None:
    from requests_cc.threads import _forkables  # noqa: PLC0415

    gc.collect()
    before = len(_forkables)
    lock = ForkSafeLock()
    assert len(_forkables) == before + 1
    del lock
    gc.collect()
    assert len(_forkables) == before


def call(session: requests.Session, url: str) -> int:
    return session.get(url).status_code


@pytest.mark.rule(15)
@pytest.mark.parametrize(
    "method", [m for m in ("fork", "spawn") if m in multiprocessing.get_all_start_methods()]
)
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_session_works_in_a_worker_process(method: str) -> None:
    with LocalServer() as server:
        credentials = ClientCredentials(server.token_url, "me", "a secret")
        session = requests.Session()
        session.mount(server.api_url, ClientCredentialsAdapter(credentials, origins=server.api_url))
        assert call(session, server.api_url) == 200
        with multiprocessing.get_context(method).Pool(1) as pool:
            assert pool.apply_async(call, (session, server.api_url)).get(PATIENCE) == 200


@pytest.mark.rule(15)
def test_a_pickled_session_carries_no_token() -> None:
    with LocalServer() as server:
        credentials = ClientCredentials(server.token_url, "me", "a secret")
        cache, session = TokenCache(), requests.Session()
        adapter = ClientCredentialsAdapter(credentials, origins=server.api_url, cache=cache)
        session.mount(server.api_url, adapter)
        assert call(session, server.api_url) == 200
        pickled = pickle.dumps(session)
        assert cache.token(credentials).value.encode() not in pickled
        assert call(pickle.loads(pickled), server.api_url) == 200
        assert len(server.token_requests) == 2
