"""No token and no secret in log lines, reprs, messages or pickled errors."""

from __future__ import annotations

import logging
import pickle
import traceback
from urllib.parse import quote, quote_plus

import pytest
import requests

from requests_cc import (
    ClientCredentials,
    ClientCredentialsAdapter,
    OriginRouter,
    TokenCache,
    TokenRequestError,
    mount,
)
from requests_cc.testing import LocalServer
from tests.support.api import Api, needs_token
from tests.support.scripts import Reply, Request

SECRET = "s3cret+of/the client"


def forbidden(server: LocalServer, api: Api) -> list[str]:
    """Each spelling of what must not be seen."""
    basic = server.token_requests[0].headers.get("Authorization", "").removeprefix("Basic ")
    spellings = [SECRET, quote(SECRET, safe=""), quote_plus(SECRET), basic, *api.tokens]
    return [word for word in spellings if word]


def everything_about(thing: object) -> str:
    """What a log, a debugger's list or another process could show of it."""
    shown = [repr(thing), str(thing)]
    if isinstance(thing, BaseException):
        shown += traceback.format_exception(type(thing), thing, thing.__traceback__)
        shown += [repr(thing.args), repr(vars(thing))]
        if isinstance(thing, TokenRequestError):  # other frames are urllib3's, with its headers
            frames = traceback.walk_tb(thing.__traceback__)
            shown += [repr(frame.f_locals) for frame, _ in frames if "requests_cc" in str(frame)]
        inner = thing.__cause__ or thing.__context__
        shown += [] if inner is None else [everything_about(inner)]
    return "\n".join(shown)


def call(session: requests.Session, url: str) -> object:
    try:
        return session.get(url, timeout=20)
    except requests.RequestException as error:
        return error


@pytest.mark.parametrize("auth", ["client_secret_basic", "client_secret_post"])
def test_a_run_through_success_401_and_failures_shows_nothing(server, caplog, auth):
    def answer(arrived: Request) -> Reply | None:
        if arrived.target == "/always-401":
            return Reply(401)
        return None if arrived.target == "/drops" else needs_token(arrived)

    caplog.set_level(logging.DEBUG)
    cache = TokenCache(observers=[lambda event: shown.append(repr(event))])
    shown: list[str] = []
    with Api(answer) as api, requests.Session() as session:
        credentials = ClientCredentials(
            server.token_url,
            "client",
            SECRET,
            auth=auth,
            audience=api.origin,
            params={"pin": SECRET},
        )
        adapter = ClientCredentialsAdapter(credentials, cache=cache)
        mount(session, adapter)
        outcomes: list[object] = [
            call(session, api.origin + path) for path in ("/", "/drops", "/always-401")
        ]
        api.revoke()
        outcomes += [call(session, api.origin), call(session, api.origin + "/always-401")]
        cache.invalidate(credentials)
        server.fail_next(20, status=400, error="invalid_client")
        outcomes += [call(session, api.origin), call(session, api.origin)]
        server.stop()
        cache.clear()
        outcomes.append(call(session, api.origin))
        try:
            requests.Response.raise_for_status(outcomes[2])  # type: ignore[arg-type]
        except requests.HTTPError as error:
            outcomes.append(error)
        kinds = [type(outcome) for outcome in outcomes]
        errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        values = [
            credentials,
            adapter,
            cache,
            cache.stats(),
            session,
            OriginRouter({api.origin: adapter}),
        ]
        text = "\n".join(everything_about(thing) for thing in [*outcomes, *values, vars(adapter)])
        answers = [outcome for outcome in outcomes if isinstance(outcome, requests.Response)]
        text += "".join(repr(r.request.headers) for a in answers for r in (a, *a.history))
        own = [r for r in caplog.records if r.name.startswith("requests_cc")]
        text += "\n".join(shown) + "\n".join(f"{r.getMessage()} {r.args}" for r in own)
        pickled = b"".join(pickle.dumps(error) for error in errors)

    assert kinds[0] is requests.Response
    assert len(errors) == 5
    assert sum(isinstance(error, TokenRequestError) for error in errors) == 3
    assert own
    assert "the API rejected the token" in text
    for word in forbidden(server, api):
        assert word not in text
        assert word not in caplog.text
        assert word.encode() not in pickled


@pytest.mark.rule(15)
def test_a_pickled_session_carries_the_secret_and_no_token(server):
    """As requests does with ``auth``; the documentation says so."""
    with Api(needs_token) as api, requests.Session() as session:
        credentials = ClientCredentials(server.token_url, "client", SECRET, audience=api.origin)
        mount(session, ClientCredentialsAdapter(credentials, cache=TokenCache()))
        session.get(api.origin)
        pickled = pickle.dumps(session)
    assert SECRET.encode() in pickled
    assert str(api.tokens[0]).encode() not in pickled
