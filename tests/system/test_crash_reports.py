"""No token, secret or fast hash of one in what a crash reporter shows of an exception's frames."""

from __future__ import annotations

import hashlib

import pytest
import requests

from requests_cc import AccessToken, ClientCredentials, TokenCache
from requests_cc.http.exchange import Response
from tests.support.crash_report import crash_report, texts_of
from tests.support.fresh_interpreter import run
from tests.support.plain_stores import DictStore, Patient
from tests.support.scripts import answer
from tests.support.server import Server
from tests.support.sources import ManualClock, Source

SECRET = "s3cret-s3cret-s3cret"
TOKEN = "t0ken-t0ken-t0ken"


def test_a_response_shows_nothing_however_it_is_walked() -> None:
    response = Response(200, {"X": TOKEN}, TOKEN.encode(), 0.0, (SECRET,))
    assert list(texts_of(response)) == ["<Response [200]>"]


@pytest.mark.parametrize("body", [{}, {"access_token": TOKEN}, {"active": TOKEN}])
@pytest.mark.parametrize("method", ["request_token", "introspect", "revoke"])
def test_an_error_of_a_token_request_shows_nothing_of_its_response(
    body: dict[str, str], method: str
) -> None:
    with Server(answer(body, "400 Bad")) as server:
        credentials = ClientCredentials(server.url, "me", SECRET)
        with pytest.raises(requests.RequestException) as raised:
            getattr(credentials, method)(*([] if method == "request_token" else [TOKEN]))
    report = crash_report(raised.value)
    assert TOKEN not in report
    assert SECRET not in report


@pytest.mark.parametrize("killer", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_while_a_token_is_shared_shows_neither_the_old_one_nor_the_key(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch, killer: type[BaseException]
) -> None:
    """As a worker's time limit raises it, in the middle of a token request that takes long."""
    monkeypatch.setattr("requests_cc.cache.stores.sharing.Breaker", Patient)
    source = Source(clock, key="a-digest-of-a-secret")
    source.label = "it"
    cache = TokenCache(DictStore(clock), clock=clock)
    source.answer = lambda: AccessToken(TOKEN, expires_at=clock.time() + 3600)
    rejected = cache.token(source)
    source.fail(killer())
    with pytest.raises(killer) as raised:
        cache.renew(source, rejected)
    report = crash_report(raised.value)
    assert "_find_or_request, wanted: <" in report
    assert TOKEN not in report
    assert "a-digest" not in report
    assert hashlib.sha256(b"Source:a-digest-of-a-secret").hexdigest() not in report


def test_an_interrupt_while_a_store_writes_shows_no_token() -> None:
    program = f"""
        import _thread
        from tests.support.crash_report import crash_report
        from tests.support.plain_stores import DictStore

        ended = threading.Event()

        class Slow(DictStore):
            def set(self, key, value, ttl):
                _thread.interrupt_main()  # the caller waits for this thread
                ended.wait(0.9)

        source.answer = lambda: AccessToken("{TOKEN}")
        source.cache_key = "a-digest-of-a-secret"
        try:
            TokenCache(Slow(clock), clock=clock).token(source)
        except KeyboardInterrupt as error:
            ended.set()
            report = crash_report(error)
            print("set, key: '***'" in report, "{TOKEN}" in report)
    """
    assert run(program, measured=False) == "True False"
