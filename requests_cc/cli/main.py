"""The command line: ``requests-cc``, or ``python -m requests_cc``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from .. import __version__

HELD, DID_NOT_HOLD, WRONG_USAGE = 0, 1, 2  # exit statuses; argparse ends with 2 as well


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    :param argv: the arguments after the program's name; None: those of this process.
    :returns: int, the exit status.
    :raises SystemExit: as :mod:`argparse` does, after ``--help``, ``--version`` or wrong usage.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return WRONG_USAGE
    try:
        return int(arguments.run(arguments))
    except BrokenPipeError:
        # Whoever read the output has gone, as in `requests-cc demo | head -3`. The interpreter
        # flushes stdout once more when it ends, and must find something that can be written to.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return DID_NOT_HOLD


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="requests-cc", description="OAuth 2.0 client credentials for requests."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="show on this machine, in a few seconds, what the adapter does",
        description=(
            "Starts an authorization server and an API on 127.0.0.1, calls the API, and shows "
            "what happens as it does: the first token, revoked tokens, many threads, renewal "
            "under load, an outage. Each line is checked; the exit status is 1 if any line did "
            "not hold. Nothing beyond this machine is contacted."
        ),
    )
    demo.set_defaults(run=_demo)
    return parser


def _demo(_: argparse.Namespace) -> int:
    from .demo import demonstrate  # noqa: PLC0415 - no other command needs a server

    return HELD if demonstrate(sys.stdout) else DID_NOT_HOLD
