"""A local server for other processes and languages: ``python -m requests_cc.testing``."""

from __future__ import annotations

import argparse
import json
import queue
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import TextIO

from requests_cc.testing.local_server import LocalServer
from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.response import Response

DESCRIPTION = (
    "Runs an OAuth 2.0 authorization server and a protected API on 127.0.0.1 until Ctrl-C: its "
    "URLs first, then one line for each request. For tests only."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of :func:`server_of` to a parser."""
    parser.add_argument("--port", type=int, default=0, metavar="N", help="default: a free one")
    parser.add_argument(
        "--client",
        action="append",
        metavar="ID:SECRET",
        help="a known client, again for another secret or client; ID alone is a public client; "
        "default: every client is accepted",
    )
    parser.add_argument("--scope", action="append", help="an allowed scope, again for more")
    parser.add_argument("--lifetime", type=float, default=3600.0, metavar="S", help="of a token")
    parser.add_argument("--delay", type=float, default=0.0, metavar="S", help="of a token request")
    parser.add_argument("--jwt", action="store_true", help="issue JWT access tokens")
    parser.add_argument("--tls", action="store_true", help="serve https, with a CA of its own")


def server_of(options: argparse.Namespace) -> LocalServer:
    """Return the server that the options describe; it is not running yet."""
    clients: dict[str, list[str]] = {}
    for client in options.client or ():
        client_id, colon, secret = client.partition(":")
        clients.setdefault(client_id, []).extend([secret] if colon else [])
    server = LocalServer(
        clients or None, port=options.port, tls=options.tls, jwt=options.jwt, scopes=options.scope
    )
    server.token_lifetime = options.lifetime
    server.token_delay = options.delay
    return server


def serve(server: LocalServer, out: TextIO) -> None:
    """Run the server until KeyboardInterrupt, and report to a text stream."""
    arrived = exchanges(server)
    with suppress(KeyboardInterrupt), server:
        print(*urls(server), sep="\n", file=out, flush=True)
        for request, response in arrived:
            print(exchange_line(request, response), file=out, flush=True)


def exchanges(server: LocalServer) -> Iterator[tuple[RecordedRequest, Response | None]]:
    """Return an endless iterator over the requests from now on, each with its response.

    It waits for the next request. It uses the server's ``on_response``; a response of None is a
    dropped connection.
    """
    waiting: queue.SimpleQueue[tuple[RecordedRequest, Response | None]] = queue.SimpleQueue()
    server.on_response = lambda request, response: waiting.put((request, response))
    return iter(waiting.get, None)


def urls(server: LocalServer) -> list[str]:
    """Return lines that name the server's URLs and, with TLS, its CA."""
    shown = {
        "issuer": server.issuer,
        "token endpoint": server.token_url,
        "introspection": server.introspection_url,
        "revocation": server.revocation_url,
        "API": server.api_url,
    }
    if server.origin.startswith("https:"):
        shown["CA to trust"] = server.ca_bundle
    return [f"{name + ':':16}{value}" for name, value in shown.items()]


def exchange_line(request: RecordedRequest, response: Response | None) -> str:
    """Return a line about a request and its response; it shows no secret and no token."""
    clock = time.strftime("%H:%M:%S", time.localtime(request.received_at))
    start = f"{clock} {request.method} {request.path.partition('?')[0]}"
    if response is None:
        return f"{start} dropped"
    return f"{start} {response.status:d}{_reason(response)}"


def _reason(response: Response) -> str:
    if response.status < HTTPStatus.BAD_REQUEST:
        return ""
    try:
        content = json.loads(response.body)
        return f" {content['error']}: {content['error_description']}"
    except (ValueError, TypeError, KeyError):
        return ""  # a response of the test's own


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command.

    :param arguments: the arguments after the program's name; None: those of this process.
    """
    parser = argparse.ArgumentParser(prog="python -m requests_cc.testing", description=DESCRIPTION)
    add_options(parser)
    serve(server_of(parser.parse_args(arguments)), sys.stdout)
