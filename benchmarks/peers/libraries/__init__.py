"""How a program that follows each library's documentation has its requests authorized.

One file for each library, so that one can be measured without the others; ``program.py`` has what
they share.
"""

from __future__ import annotations

from importlib import import_module

from peers.libraries.program import Peer

CLASSES = {
    "control": "control:Control",
    "ours": "ours:Ours",
    "plain": "plain:Plain",
    "requests-oauthlib": "requests_oauthlib:RequestsOAuthlib",
    "Authlib": "authlib:Authlib",
    "requests_oauth2client": "requests_oauth2client:RequestsOAuth2Client",
    "requests-auth": "requests_auth:RequestsAuth",
    "google-auth": "google_auth:GoogleAuth",
}


def peer_named(name: str) -> type[Peer]:
    """Return the program of a library.

    :raises ImportError: if the library is not installed.
    """
    module, _, own = CLASSES[name].partition(":")
    program: type[Peer] = getattr(import_module(f"peers.libraries.{module}"), own)
    return program
