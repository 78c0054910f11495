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
    READER_GONE,
    TRY_AGAIN,
    WRONG_USAGE,
    UsageError,
    note,
    status_of,
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
    _replace_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that cannot show a letter gets its number
            stream.reconfigure(errors="backslashreplace")
    wanted = next((word for word in given if not word.startswith("-")), None)
    parser, verbs = _parsers(wanted)
    if wanted not in (None, *VERBS) and wanted != given[0]:  # argparse would repeat a secret
        parser.error("the verb comes first: requests-cc VERB [OPTION]...")
    arguments, unknown = parser.parse_known_args(given)
    if unknown:
        words = " ".join(map(_without_value, unknown))
        verbs.get(arguments.verb, parser).error(f"unrecognized arguments: {words}")
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
    except BrokenPipeError:  # whoever read the output has gone: `requests-cc demo | head -3`
        _discard_output()
        return READER_GONE
    except _expected_errors() as error:  # evaluated only if there is an error
        note(f"{parser.prog}: {error}")
        return status_of(error)
    except OSError as error:  # the output cannot be written: the disk is full
        _discard_output()
        note(f"{parser.prog}: {error.strerror or type(error).__name__}")
        return TRY_AGAIN
    return status


def _replace_closed_streams() -> None:
    """Read nothing and write nowhere, as if a stream that was closed were the null device."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(null, mode, encoding="utf-8", closefd=False))


def _discard_output() -> None:
    """Let the interpreter flush stdout once more when it ends, without another error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _without_value(word: str) -> str:
    """Return an argument as a message shows it: its value may be a secret or a token."""
    if word.startswith("--"):
        return word.partition("=")[0]
    return word[:2] if word.startswith("-") else "..."


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
