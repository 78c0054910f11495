"""``requests-cc introspect`` and ``revoke``: what the authorization server does with a token."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from ..credentials.client_credentials import ClientCredentials
from .decode import add_token_argument, in_words, token_in
from .get_token import session_for
from .options import add_client_options
from .output import DONE, UsageError, note, result
from .settings import Settings, check_standard_input

_ENDPOINTS = {"introspect": "introspection_endpoint", "revoke": "revocation_endpoint"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the argument and the options of these verbs."""
    add_token_argument(parser)
    parser.add_argument(
        "--endpoint", metavar="URL", help="the endpoint's URL; with --issuer it is looked up"
    )
    add_client_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Introspect or revoke a token."""
    if arguments.token == "-":
        check_standard_input(arguments)
    settings = Settings(arguments)
    credentials = _with_endpoint(settings, arguments)
    token = token_in(arguments)
    if arguments.verb == "revoke":
        credentials.revoke(token)
        note("revoked")
        return DONE
    members = dataclasses.asdict(credentials.introspect(token))
    extra = members.pop("extra")
    known = {name: value for name, value in members.items() if value is not None}
    _print({**known, **extra})
    return DONE


def _with_endpoint(settings: Settings, arguments: argparse.Namespace) -> ClientCredentials:
    credentials, name = settings.client(session_for(arguments)), _ENDPOINTS[arguments.verb]
    if arguments.endpoint is not None:
        server = dataclasses.replace(credentials.server, **{name: arguments.endpoint})
        return dataclasses.replace(credentials, server=server)
    if settings.value("ISSUER") is None and settings.value("ISSUER_FILE") is None:
        raise UsageError(
            f"the URL of the {name.replace('_', ' ')} is missing: pass --endpoint URL, or --issuer "
            f"URL in place of --token-url, and it is looked up"
        )
    return credentials


def _print(members: dict[str, Any]) -> None:
    width = max(map(len, members))
    for name, value in members.items():
        result(f"{name:<{width}}  {in_words(name, value)}")
