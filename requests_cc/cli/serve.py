"""``requests-cc serve``: a :class:`~requests_cc.testing.LocalServer` for other processes."""

from __future__ import annotations

import argparse
import sys

from ..testing import LocalServer
from ..testing.serve import DESCRIPTION, add_options, serve, server_of
from .output import INTERRUPTED, TRY_AGAIN, UsageError, note

_HIGHEST_PORT = 65_535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    parser.description = DESCRIPTION
    add_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C.

    :raises UsageError: if an option is not valid, or a package that it needs is missing.
    """
    server = _server(arguments)
    try:
        server.start()
    except OSError as error:
        note(f"requests-cc serve: port {arguments.port} cannot be used: {error.strerror}")
        return TRY_AGAIN
    with server:
        client_id = (arguments.client or ["demo"])[0].partition(":")[0]
        note(
            f"in another terminal:\n"
            f"  export OAUTH_TOKEN_URL={server.token_url} OAUTH_CLIENT_ID={client_id}\n"
            f"  requests-cc check --client-secret-file -   # and type its secret\n"
            f"Ctrl-C stops it\n"
        )
        serve(server, sys.stdout)
    return INTERRUPTED


def _server(arguments: argparse.Namespace) -> LocalServer:
    if not 0 <= arguments.port <= _HIGHEST_PORT:
        raise UsageError(f"--port must be from 0 to {_HIGHEST_PORT}")
    if any(not client.partition(":")[0] for client in arguments.client or ()):
        raise UsageError("--client takes ID:SECRET")
    try:
        return server_of(arguments)
    except (ValueError, RuntimeError) as error:  # RuntimeError: a package is missing
        problem = str(error)
    raise UsageError(problem)
