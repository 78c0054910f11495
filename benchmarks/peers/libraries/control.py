"""The ideal that each scenario must allow somebody to reach."""

from __future__ import annotations

import requests

from peers.libraries.plain import Plain
from peers.libraries.program import Situation


class Control(Plain):
    """Reaches the ideal, since each scenario says to it what a program cannot know."""

    name = "control"
    way = "the ideal: as requests by hand, but the scenario says when a new token is needed."

    def __init__(self, situation: Situation) -> None:
        super().__init__(situation)
        self._sessions: list[requests.Session] = []

    def session(self) -> requests.Session:
        session = super().session()
        self._sessions.append(session)
        return session

    def hint(self) -> None:
        try:
            self.token = self.request_token()
        except requests.RequestException as error:
            for session in self._sessions:
                session.auth = Failed(error)
            return
        for session in self._sessions:
            session.headers["Authorization"] = f"Bearer {self.token}"
            session.auth = None


class Failed(requests.auth.AuthBase):
    """Raises what the control's token request raised."""

    def __init__(self, error: requests.RequestException) -> None:
        self._error = error

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        raise requests.ConnectionError(str(self._error))
