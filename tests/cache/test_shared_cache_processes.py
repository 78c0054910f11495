"""Real processes that share a folder: what a fleet of workers asks of the server."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import requests

from requests_cc import ClientCredentials, ClientCredentialsAdapter, TokenCache
from requests_cc.cache.stores.file import FileTokenStore
from requests_cc.protocols import TokenStore
from requests_cc.testing import LocalServer
from tests.support.forked_child import in_child, needs_fork
from tests.support.fresh_interpreter import PATCHED, needs_gevent, printed_by, run
from tests.support.plain_stores import FolderStore, be_patient
from tests.support.sources import PATIENCE, ManualClock, Source, in_thread
from tests.support.workers import Workers

PROCESSES, THREADS = 8, 32
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("fcntl") is None, reason="FolderStore locks with fcntl"
)


def session_on(token_url: str, store: TokenStore, url: str) -> requests.Session:
    """What a worker has: credentials, and a cache on the store."""
    be_patient()
    session = requests.Session()
    adapter = ClientCredentialsAdapter(
        ClientCredentials(token_url, "me", "a secret"),
        origins=url,
        cache=TokenCache(store),
        pool_maxsize=THREADS,
    )
    session.mount(url, adapter)
    return session


def folder_store(path: Path) -> TokenStore:
    return FolderStore(path)


def file_store(path: Path) -> TokenStore:
    pytest.importorskip("filelock")
    return FileTokenStore(path / "tokens")


def encrypted_file_store(path: Path) -> TokenStore:
    pytest.importorskip("filelock")
    fernet = pytest.importorskip("cryptography.fernet")
    return FileTokenStore(path / "tokens", encryption_key=fernet.Fernet.generate_key())


@pytest.mark.slow
@pytest.mark.rule(10)
@pytest.mark.parametrize("store", [folder_store, file_store, encrypted_file_store])
def test_eight_processes_with_32_threads_each_cause_one_token_request_and_revoked_one_more(
    tmp_path: Path, store: Callable[[Path], TokenStore]
) -> None:
    with LocalServer() as server:
        server.token_delay = 0.3
        session = partial(session_on, server.token_url, store(tmp_path), server.api_url)
        with Workers(PROCESSES, THREADS, session, server.api_url) as workers:
            for token_requests in (1, 2, 3):
                workers.call()
                assert len(server.token_requests) == token_requests
                server.revoke_tokens()


CRON = """
import sys
from pathlib import Path
from tests.support.plain_stores import FolderStore
from tests.cache.test_shared_cache_processes import session_on

token_url, api_url, folder = sys.argv[1:]
print(session_on(token_url, FolderStore(Path(folder)), api_url).get(api_url).status_code)
"""


def test_a_script_that_runs_again_and_again_makes_one_token_request(tmp_path: Path) -> None:
    with LocalServer() as server:
        for _ in range(5):
            assert printed_by(CRON, server.token_url, server.api_url, str(tmp_path)) == "200"
        assert len(server.token_requests) == 1


def hold_on(token_url: str, folder: Path) -> None:
    """Takes the lock, makes a token request, and waits for an answer."""
    TokenCache(FolderStore(folder)).token(ClientCredentials(token_url, "me", "a secret"))


def test_a_process_killed_while_it_requests_delays_the_others_no_longer(tmp_path: Path) -> None:
    with LocalServer() as server:
        server.token_delay = 2 * PATIENCE
        holder = multiprocessing.get_context("spawn").Process(
            target=hold_on, args=(server.token_url, tmp_path)
        )
        holder.start()
        assert until(lambda: locked(tmp_path))
        server.token_delay = 0.0
        cache = TokenCache(FolderStore(tmp_path))
        outcome = in_thread(
            lambda: cache.token(ClientCredentials(server.token_url, "me", "a secret"))
        )
        os.kill(holder.pid or 0, signal.SIGKILL)
        holder.join(PATIENCE)
        token = outcome()
        assert (
            getattr(token, "value", token)
            == cache.token(ClientCredentials(server.token_url, "me", "a secret")).value
        )
        assert cache.stats().requests == 1


def until(condition: object) -> bool:
    """Waits until a condition holds."""
    assert callable(condition)
    event = threading.Event()
    return any(condition() or event.wait(0.02) for _ in range(int(PATIENCE / 0.02)))


def locked(folder: Path) -> bool:
    store = FolderStore(folder)
    for path in folder.glob("*.lock"):
        with store.lock(path.stem, 0) as obtained:
            return not obtained
    return False


@needs_fork
def test_a_child_takes_the_token_of_its_parent_from_the_store(tmp_path: Path) -> None:
    clock = RealClock()
    parent, source = TokenCache(FolderStore(tmp_path)), Source(clock)
    parent.token(source)
    parent.clear()

    def child() -> tuple[str, int]:
        return parent.token(source).value, parent.stats().shared

    assert in_child(child) == "('key-1', 1)"


@needs_fork
def test_a_child_forked_while_its_parent_requests_shares_what_comes_of_it(tmp_path: Path) -> None:
    cache, source = TokenCache(FolderStore(tmp_path)), Source(RealClock())
    gate = source.gate = threading.Event()
    parents = in_thread(lambda: cache.token(source))
    assert source.reached.wait(PATIENCE)
    threading.Timer(0.5, gate.set).start()

    def child() -> str:
        source.gate = None
        return cache.token(source).value

    said = in_child(child)
    assert getattr(parents(), "value", None) == "key-1"
    assert said == "key-1"


class RealClock(ManualClock):
    """A store in a folder lives by the system's clock."""

    def time(self) -> float:
        import time  # noqa: PLC0415

        return time.time()


SHARED = """
from tests.support.plain_stores import DictStore

clock = ManualClock()
store, source = DictStore(clock), Source(clock)
caches = [TokenCache(store, clock=clock) for _ in range(4)]
cache = caches[0]
"""


@needs_gevent
def test_greenlets_of_several_caches_share_one_request() -> None:
    program = """
    source.answer = lambda: (gevent.sleep(0.05), source.mint())[1]
    jobs = [gevent.spawn(one.token, source) for one in caches for _ in range(10)]
    gevent.joinall(jobs)
    print({job.value.value for job in jobs}, source.requests, store.locked)
    """
    assert run(program_of(program), before=PATCHED) == "{'key-1'} 1 False"


@needs_gevent
def test_a_gevent_timeout_in_the_requesting_greenlet_releases_the_store() -> None:
    program = """
    from tests.support.cut_short import give_up_in_the_first_greenlet

    tokens = give_up_in_the_first_greenlet(source, caches, seconds=0.3)
    print(tokens, source.requests, store.locked)
    """
    assert run(program_of(program), before=PATCHED) == "{'key-2'} 2 False"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to one's own process")
def test_ctrl_c_at_any_moment_leaves_the_store_unlocked_and_the_cache_working() -> None:
    program = """
    import logging
    from tests.support.cut_short import interrupt_at_any_moment

    logging.disable()

    class Plain:  # without an Event, whose lock an interruption can leave held
        cache_key = "plain"

        def request_token(self):
            return AccessToken("plain", expires_at=clock.time() + 3600)

    plain = Plain()
    interruptions = interrupt_at_any_moment(cache, plain, after=(0.0002, 0.003))
    clock.forward(3601)
    outcome = in_thread(lambda: cache.token(plain))()
    until(lambda: not store.locked)
    print(type(outcome).__name__, interruptions > 0)
    """
    assert run(program_of(program), measured=False) == "AccessToken True"


def program_of(program: str) -> str:
    import textwrap  # noqa: PLC0415

    return SHARED + textwrap.dedent(program)
