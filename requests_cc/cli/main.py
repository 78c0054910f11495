"""The command line: ``requests-cc``, or ``python -m requests_cc``.

A verb's module is imported when that verb is used. It has ``add_arguments(parser)`` and
``run(arguments)``, which returns the exit status.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

from .. import __version__
from .output import (
    INTERRUPTED,
    NEEDS_A_PERSON,
    READER_GONE,
    TRY_AGAIN,
    WRONG_USAGE,
    UsageError,
    note,
)

DOCS = "https://requests-cc.readthedocs.io/page/command_line.html"
ERRORS = "https://requests-cc.readthedocs.io/page/troubleshooting.html"


class Verb(NamedTuple):
    """A verb, before its module is imported.

    :param module: str, its name in this package.
    :param help: str, its line in ``requests-cc --help``.
    :param example: str, shown by ``requests-cc VERB --help``.
    :param usage: str, what stands behind the verb.
    """

    module: str
    help: str
    example: str
    usage: str = "[OPTION]..."


VERBS = {
    "token": Verb(
        "get_token",
        "print a token",
        'curl -H "Authorization: Bearer $(requests-cc token)" https://api.example.com/orders',
    ),
    "check": Verb(
        "check",
        "try each step from the settings to the API, and say what to change",
        "requests-cc check --url https://api.example.com/orders",
    ),
    "decode": Verb(
        "decode",
        "show what a JWT says, offline",
        "requests-cc token | requests-cc decode",
        "[TOKEN|-]",
    ),
    "introspect": Verb(
        "introspect",
        "ask the authorization server about a token",
        "requests-cc token | requests-cc introspect",
        "[TOKEN|-] [OPTION]...",
    ),
    "revoke": Verb(
        "introspect",
        "have the authorization server revoke a token",
        "requests-cc revoke < token.txt",
        "[TOKEN|-] [OPTION]...",
    ),
    "discover": Verb(
        "discover",
        "show what an authorization server publishes about itself",
        "requests-cc discover https://auth.example.com",
        "ISSUER|URL [OPTION]...",
    ),
    "call": Verb(
        "call",
        "send a request to an API, with a token",
        "requests-cc call https://api.example.com/orders -d '{\"item\": 7}'",
        "URL [-X METHOD] [-d DATA|@FILE] [-H NAME:VALUE]... [OPTION]...",
    ),
    "serve": Verb(
        "serve",
        "run an authorization server and an API on this machine, to try things",
        "requests-cc serve --port 8080 --client billing:s3cret",
    ),
    "env": Verb(
        "env", "print a template of every variable", "requests-cc env --prefix BILLING_ > .env"
    ),
    "demo": Verb(
        "run_demo",
        "show on this machine, in a few seconds, what the adapter does",
        "requests-cc demo",
        "",
    ),
}

_DESCRIPTION = "Get, see and check an OAuth 2.0 access token without writing a program."
_EPILOG = f"""\
settings come from options, and else from variables (requests-cc env lists them):
  export OAUTH_TOKEN_URL=https://auth.example.com/oauth/token OAUTH_CLIENT_ID=billing
  export OAUTH_CLIENT_SECRET_FILE=/run/secrets/client_secret
  requests-cc check

to try it without a provider, in two terminals:
  requests-cc serve --port 8080 --client demo:s3cret
  echo s3cret | requests-cc token --token-url http://127.0.0.1:8080/oauth/token \\
      --client-id demo --client-secret-file -

exit status: 0 done; 2 wrong usage; 75 try again later; 78 a person must change something

requests-cc VERB --help has the options of a verb
{DOCS}
errors by their text: {ERRORS}"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    :param argv: the arguments after the program's name; None: those of this process.
    :returns: int, the exit status.
    :raises SystemExit: as :mod:`argparse` does, after ``--help``, ``--version`` or wrong usage.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that cannot show a letter gets its number
            stream.reconfigure(errors="backslashreplace")
    parser, verbs = _parsers(next((word for word in given if not word.startswith("-")), None))
    arguments = parser.parse_args(given)
    if arguments.verb is None:
        parser.print_help(sys.stderr)
        return WRONG_USAGE
    return _run(arguments, verbs[arguments.verb])


def _run(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    try:
        status = int(arguments.run(arguments))
        sys.stdout.flush()
    except UsageError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone, as in `requests-cc demo | head -3`. The interpreter
        # flushes stdout once more when it ends, and must find something that can be written to.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return READER_GONE
    except _expected_errors() as error:  # evaluated only if there is an error
        note(f"{parser.prog}: {error}")
        return NEEDS_A_PERSON if getattr(error, "permanent", True) else TRY_AGAIN
    return status


def _expected_errors() -> tuple[type[BaseException], ...]:
    from ..errors import ClientCredentialsError  # noqa: PLC0415 - no verb that succeeds needs it

    return (ClientCredentialsError,)


def _parsers(
    wanted: str | None,
) -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    formatter: Any = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="requests-cc",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=formatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="verbs", dest="verb", metavar="VERB")
    verbs = {}
    for name, verb in VERBS.items():
        verbs[name] = commands.add_parser(
            name,
            usage=f"requests-cc {name}{' ' * bool(verb.usage)}{verb.usage}",
            help=verb.help,
            description=f"{verb.help[0].upper()}{verb.help[1:]}.",
            epilog=f"example:\n  {verb.example}\n\nmore: {DOCS}",
            formatter_class=formatter,
            allow_abbrev=False,
        )
    if wanted in VERBS:
        module = import_module(f".{VERBS[wanted].module}", __package__)
        module.add_arguments(verbs[wanted])
        verbs[wanted].set_defaults(run=module.run)
    return parser, verbs
