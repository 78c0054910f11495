from __future__ import annotations

import io
import logging
import re

import pytest

from requests_cc.cli.ageing import Pace, comes_true
from requests_cc.cli.calls import Call, Caller, all_succeeded, in_words, longest
from requests_cc.cli.demo import demonstrate
from requests_cc.cli.output import silent_log
from requests_cc.cli.timeline import WIDTH, Timeline, count, milliseconds
from requests_cc.testing import LocalServer

QUICK = Pace(token_lifetime=0.4, token_delay=0.0)


class ServerWithTokensThatDoNotExpire(LocalServer):
    """A server whose tokens need no renewal."""

    def __setattr__(self, name, value):
        super().__setattr__(name, None if name == "token_lifetime" else value)


def played(server=None, pace=None):
    out = io.StringIO()
    held = demonstrate(out, server, pace)
    return held, out.getvalue()


@pytest.fixture(scope="module")
def demo():
    return played()


def marked(text, mark):
    return re.findall(rf"^ *[0-9.]+ s  {mark} +(.*)$", text, re.MULTILINE)


def test_the_demo_holds(demo):
    held, text = demo
    assert held, text
    assert not marked(text, "FAILED")
    assert re.search(r"^All 14 checks passed, in [0-9.]+ s\.$", text, re.MULTILINE)


def test_the_demo_shows_each_part_of_the_main_job(demo):
    _, text = demo
    unwrapped = " ".join(text.split())
    for fact in (
        r"the call returned 200 after [0-9.]+ ms; 1 token request ",
        r"10 of 10 calls returned 200, [0-9.]+ ms each; 0 token requests",
        r"the API rejected the revoked token with a 401 1 time ",
        r"the API received it 2 times, with 2 tokens",
        r"64 of 64 calls returned 200, the slowest after [0-9.]+ ms; 1 token request ",
        r"64 of 64 calls returned 200, \d+ resent after a 401 that no caller saw",
        r"renewal began 0\.\d+ s before expiry and took [0-9.]+ ms; 1 token request ",
        r"renewal was tried 0\.\d+ s before expiry and failed after",
        r"the log warns: demo at http://127\.0\.0\.1:\d+/oauth/token: token requests fail: ",
        r"(\d+) of \1 calls returned 200, 0 waited for a token",
    ):
        assert re.search(fact, unwrapped), fact


def test_the_demo_reads_well_on_80_columns_of_ascii(demo):
    _, text = demo
    assert text.isascii()
    assert max(len(line) for line in text.splitlines()) <= WIDTH


def test_the_demo_fails_when_the_token_endpoint_refuses_the_client():
    server = LocalServer({"demo": "another secret"})
    held, text = played(server)
    assert not held
    assert "the call raised InvalidClient: " in text
    assert re.search(r"^\d+ of 9 checks FAILED, in [0-9.]+ s\.$", text, re.MULTILINE)


def test_the_demo_fails_when_the_api_fails():
    server = LocalServer()
    server.fail_next(1_000_000, status=500, at="api")
    held, text = played(server)
    assert not held
    assert "0 of 10 calls returned 200 (one of the others returned 500)" in text


def test_the_demo_fails_when_tokens_do_not_last():
    server = LocalServer()
    server.token_lifetime = 0
    held, text = played(server, QUICK)
    assert not held
    assert "0 of 10 calls returned 200 (one of the others returned 401)" in text


def test_the_demo_fails_when_no_renewal_is_seen():
    held, text = played(ServerWithTokensThatDoNotExpire(), QUICK)
    assert not held
    (line,) = marked(text, "FAILED")
    assert line.startswith("renewal began never")


def test_the_demo_uses_no_proxy_of_the_environment(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with LocalServer() as server, Caller(server) as caller:
        assert all_succeeded(caller.calls(1))


def test_load_stops_when_its_block_raises():
    with LocalServer() as server, Caller(server) as caller:
        with pytest.raises(ZeroDivisionError), caller.load(2):
            raise ZeroDivisionError
        seen = len(server.api_requests)
        assert not comes_true(lambda: len(server.api_requests) > seen, 0.1)


def test_a_line_says_when_it_happened_and_whether_it_held():
    out = io.StringIO()
    timeline = Timeline(out)
    assert timeline.happened("a thing", held=True)
    assert not timeline.happened("another", held=False)
    assert not timeline.end()
    first, second, last = out.getvalue().splitlines()
    assert re.fullmatch(r" +[0-9.]+ s  ok      a thing", first)
    assert re.fullmatch(r" +[0-9.]+ s  FAILED  another", second)
    assert last.startswith("1 of 2 checks FAILED")


def test_a_long_line_goes_on_below_its_text_and_keeps_numbers_with_their_units():
    out = io.StringIO()
    Timeline(out).happened(f"{'x' * 54} {milliseconds(0.25)}", held=True)
    assert out.getvalue().splitlines()[1] == " " * 20 + "250 ms"


def test_an_empty_list_of_calls_is_not_a_success():
    assert not all_succeeded([])
    assert longest([]) == "0.0\xa0ms"
    assert in_words([Call("returned 200", 0.1, resent=False)] * 2) == "2 of 2 calls returned 200"


@pytest.mark.parametrize(("number", "words"), [(0, "0\xa0calls"), (1, "1\xa0call")])
def test_nouns_agree_with_their_number(number, words):
    assert count(number, "call") == words


def test_warnings_are_collected_and_then_go_where_they_went(caplog):
    logger = logging.getLogger("requests_cc")
    with silent_log() as warnings:
        logger.warning("one")
        logger.info("not this")
    assert [warning.getMessage() for warning in warnings] == ["one"]
    assert caplog.messages == []
    logger.warning("two")
    assert caplog.messages == ["two"]
    assert len(warnings) == 1
