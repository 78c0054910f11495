"""``requests-cc demo``; apart from the demo itself, so that its ``--help`` loads no server."""

from __future__ import annotations

import argparse
import sys

from .output import DONE

DID_NOT_HOLD = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the demo does."""
    parser.description = (
        "Starts an authorization server and an API on 127.0.0.1, calls the API, and shows what "
        "happens as it does: the first token, revoked tokens, many threads, renewal under load, an "
        "outage.\nEach line is checked; the exit status is 1 if any line did not hold. Nothing "
        "beyond this machine is contacted."
    )


def run(_: argparse.Namespace) -> int:
    """Run the demo."""
    from .demo import demonstrate  # noqa: PLC0415 - no help needs a server

    return DONE if demonstrate(sys.stdout) else DID_NOT_HOLD
