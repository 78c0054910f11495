"""``requests-cc demo``: shows the library's main job on real sockets.

Each line reports an event with measured counts and times: token requests as the server recorded
them, calls as their callers saw them. Each is checked against this library's promises. The checks
compare counts, not durations, so that a busy machine makes the demo slower and not wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from ..testing import LocalServer
from .ageing import Ageing, Pace
from .calls import Call, Caller, all_succeeded, in_words, longest
from .timeline import Timeline, count, milliseconds

TEN = 10
CROWD = 64  # threads that call at the same moment


def demonstrate(out: TextIO, server: LocalServer | None = None, pace: Pace | None = None) -> bool:
    """Run the demo.

    :param out: a text stream that receives the timeline.
    :param server: a :class:`LocalServer` that is not running; None: a new one.
    :param pace: how fast tokens age; None: the whole demo takes about six seconds.
    :returns: bool, whether every check passed.
    """
    pace = pace or Pace()
    with server or LocalServer() as running:
        timeline = Timeline(out)
        _introduce(timeline, running)
        with Caller(running) as caller:
            scenes = _Scenes(running, timeline, caller)
            scenes.first_call()
            scenes.ten_calls()
            scenes.revoked()
        running.token_delay = pace.token_delay
        with Caller(running) as caller:
            scenes = _Scenes(running, timeline, caller)
            scenes.crowd_at_cold_start()
            scenes.crowd_after_revocation()
        with Caller(running) as caller:
            Ageing(running, timeline, caller, pace).run()
        return timeline.end()


def _introduce(timeline: Timeline, server: LocalServer) -> None:
    timeline.paragraph(
        "An authorization server, and an API that accepts its tokens, now run on this machine at "
        f"{server.origin}. The code that calls the API uses requests with one adapter mounted:"
    )
    timeline.paragraph(
        "    credentials = ClientCredentials(token_url, client_id, client_secret)\n"
        "    mount(session, ClientCredentialsAdapter(credentials, origins=api_url))\n"
        "    session.get(api_url)"
    )
    timeline.paragraph(
        "Each line below reports what has just happened. The callers time their calls, the server "
        "counts the token requests, and each line is checked: ok or FAILED."
    )


@dataclass(frozen=True)
class _Scenes:
    """The scenes with single calls, and with many at once."""

    server: LocalServer
    timeline: Timeline
    caller: Caller

    def first_call(self) -> None:
        self.timeline.scene("The first call requests a token")
        calls, requested = self._with_token_requests(lambda: self.caller.calls(1))
        self.timeline.happened(
            f"{in_words(calls)} after {longest(calls)}; {count(requested, 'token request')}",
            held=all_succeeded(calls) and requested == 1,
        )
        self.timeline.end_scene()

    def ten_calls(self) -> None:
        self.timeline.scene("Further calls use the same token")
        calls, requested = self._with_token_requests(lambda: self.caller.calls(TEN))
        average = sum(call.seconds for call in calls) / len(calls)
        self.timeline.happened(
            f"{in_words(calls)}, {milliseconds(average)} each; {count(requested, 'token request')}",
            held=all_succeeded(calls) and requested == 0,
        )
        self.timeline.end_scene()

    def revoked(self) -> None:
        self.timeline.scene("The server revokes all tokens, and the next caller does not notice")
        self.server.revoke_tokens()
        seen = len(self.server.api_requests)
        calls, requested = self._with_token_requests(lambda: self.caller.calls(1))
        call, sent = calls[0], self.server.api_requests[seen:]
        self.timeline.happened(
            f"the API rejected the revoked token with a 401 {count(int(call.resent), 'time')}",
            held=call.resent,
            at=sent[0].received_at if sent else None,
        )
        self.timeline.happened(
            f"the adapter requested a new token: {count(requested, 'token request')}",
            held=requested == 1,
            at=self.server.token_requests[-1].received_at if requested else None,
        )
        tokens = {request.headers["Authorization"] for request in sent}
        self.timeline.happened(
            f"and resent the call: the API received it {count(len(sent), 'time')}, "
            f"with {count(len(tokens), 'token')}",
            held=len(sent) == len(tokens) == 2,  # noqa: PLR2004 - the first, and the resend
            at=sent[-1].received_at if sent else None,
        )
        self.timeline.happened(
            f"{in_words(calls)}, all in {longest(calls)}", held=all_succeeded(calls)
        )
        self.timeline.end_scene()

    def crowd_at_cold_start(self) -> None:
        self.timeline.scene(
            f"{CROWD} threads call at once, each in a new session, with no token yet"
        )
        self._crowd()

    def crowd_after_revocation(self) -> None:
        self.timeline.scene(f"{CROWD} threads call at once, and their token has been revoked")
        self.server.revoke_tokens()
        self._crowd()

    def _crowd(self) -> None:
        calls, requested = self._with_token_requests(lambda: self.caller.calls_at_once(CROWD))
        resent = sum(call.resent for call in calls)
        unseen = f", {resent} resent after a 401 that no caller saw" if resent else ""
        self.timeline.happened(
            f"{in_words(calls)}{unseen}, the slowest after {longest(calls)}; "
            f"{count(requested, 'token request')}",
            held=all_succeeded(calls) and requested == 1,
        )
        self.timeline.end_scene()

    def _with_token_requests(self, act: Callable[[], list[Call]]) -> tuple[list[Call], int]:
        before = len(self.server.token_requests)
        return act(), len(self.server.token_requests) - before
