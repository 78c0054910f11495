"""What a program does that uses one library, whichever that is."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import metadata
from typing import Any, NamedTuple

import requests
from requests.adapters import BaseAdapter

CLIENT = ("benchmark", "secret")
GRANT = {"grant_type": "client_credentials"}
LIFETIME = 3600  # seconds
Call = Callable[[int, str], requests.Response]  # of the client with this number, to this URL
MakeAdapter = Callable[[], BaseAdapter]


class Situation(NamedTuple):
    """What a scenario lets a program know.

    :param origin: of the API and the token endpoint.
    :param number: one for each program that lives in the same process.
    :param timeout: seconds that a token request may take.
    :param leeway: seconds before expiry at which a token is renewed; None: the library's default.
    :param folder: where processes may share tokens.
    """

    origin: str
    number: int = 0
    timeout: float = 10.0
    leeway: float | None = None
    folder: str | None = None

    @property
    def token_url(self) -> str:
        return f"{self.origin}/token?program={self.number}"


class Peer:
    """A program that uses one library.

    :cvar statement: the import that the program begins with.
    :cvar way: how the program uses the library, for the page.
    """

    name = ""
    distribution = ""
    statement = ""
    way = ""

    def __init__(self, situation: Situation) -> None:
        self.situation = situation

    @classmethod
    def version(cls) -> str | None:
        """Return the installed version, or None."""
        try:
            return metadata.version(cls.distribution)
        except metadata.PackageNotFoundError:
            return None

    def session(self) -> requests.Session:
        """Return the session that one thread of the program uses."""
        raise NotImplementedError

    def many(self, count: int, transport: MakeAdapter) -> Call:
        """Return a call by any of so many clients, each with a valid token, without I/O.

        :param transport: makes an adapter: one for each session that the program needs.
        """
        raise NotImplementedError

    def hint(self) -> None:
        """Ignore what only the control may know: a new token is needed now."""


def authorized_by(auth: requests.auth.AuthBase) -> requests.Session:
    """Return a session with an auth object."""
    session = requests.Session()
    session.auth = auth
    return session


def mounted(session: requests.Session, adapter: BaseAdapter) -> requests.Session:
    """Return the session, with an adapter for https."""
    session.mount("https://", adapter)
    return session


def client_origin(number: int) -> str:
    """Return the origin of the API of one of many clients."""
    return f"https://api{number}.example.com"


def token_of(number: int) -> dict[str, Any]:
    """Return the token of one of many clients, as a token endpoint writes it."""
    return {
        "access_token": f"{number:043x}",
        "token_type": "Bearer",
        "expires_in": LIFETIME,
        "expires_at": time.time() + LIFETIME,
    }
