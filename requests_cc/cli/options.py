"""The settings that every verb takes: each one's option, variable and meaning, in one table."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

SECRET_REFUSED = (
    "a secret in an argument shows in the list of processes and in the shell's history: pass "
    "--client-secret-file FILE (- reads standard input), or set OAUTH_CLIENT_SECRET"
)


class Setting(NamedTuple):
    """One setting of a client.

    :param name: str, of its variable, without the prefix.
    :param option: str, of the command line.
    :param metavar: str, what the option takes; empty for a switch.
    :param help: str.
    :param example: str, a value.
    :param repeated: bool, whether the option can be given again for more.
    """

    name: str
    option: str
    metavar: str
    help: str
    example: str
    repeated: bool = False


SERVER = "the authorization server: one of the first two"
CLIENT = "the client, and one thing that proves who it is"
REQUEST = "what the token is for"
REACH = "how the authorization server is reached"

#: By heading, in the order of ``--help`` and of the template that ``requests-cc env`` prints.
SETTINGS: dict[str, tuple[Setting, ...]] = {
    SERVER: (
        Setting(
            "TOKEN_URL",
            "--token-url",
            "URL",
            "the token endpoint",
            "https://auth.example.com/oauth/token",
        ),
        Setting(
            "ISSUER",
            "--issuer",
            "URL",
            "the server's issuer identifier: its endpoints are looked up",
            "https://auth.example.com",
        ),
    ),
    CLIENT: (
        Setting("CLIENT_ID", "--client-id", "ID", "the client's id", "billing"),
        Setting(
            "CLIENT_SECRET_FILE",
            "--client-secret-file",
            "FILE",
            "a file that holds the secret; - reads one line of standard input",
            "/run/secrets/client_secret",
        ),
        Setting(
            "PRIVATE_KEY_FILE",
            "--private-key-file",
            "FILE",
            "a private key, PEM or JWK, that signs an assertion (private_key_jwt)",
            "/run/secrets/client_key.pem",
        ),
        Setting("KEY_ID", "--key-id", "KID", "the private key's id at the server", "2026-11"),
        Setting(
            "CERTIFICATE_FILE",
            "--cert",
            "FILE",
            "a client certificate, PEM (tls_client_auth)",
            "/run/secrets/client.pem",
        ),
        Setting(
            "CERTIFICATE_KEY_FILE",
            "--key",
            "FILE",
            "the certificate's key, if another file holds it",
            "/run/secrets/client.key",
        ),
        Setting(
            "CLIENT_ASSERTION_FILE",
            "--client-assertion-file",
            "FILE",
            "a JWT that something else keeps fresh",
            "/var/run/secrets/tokens/client",
        ),
        Setting(
            "AUTH",
            "--auth",
            "METHOD",
            "where the secret goes: client_secret_basic, client_secret_post, client_secret_jwt; "
            "none for a public client",
            "client_secret_post",
        ),
    ),
    REQUEST: (
        Setting("SCOPE", "--scope", "SCOPE", "scope; again for more", "read write", True),
        Setting(
            "AUDIENCE",
            "--audience",
            "AUDIENCE",
            "the parameter audience",
            "https://api.example.com",
        ),
        Setting(
            "RESOURCE",
            "--resource",
            "URI",
            "the parameter resource (RFC 8707); again for more",
            "https://api.example.com",
            True,
        ),
        Setting(
            "PARAM_<name>",
            "--param",
            "NAME=VALUE",
            "any other parameter; again for more",
            "value",
            True,
        ),
    ),
    REACH: (
        Setting(
            "CA_BUNDLE", "--cacert", "FILE", "the CA certificates to trust, PEM", "/etc/ca.pem"
        ),
        Setting(
            "TIMEOUT",
            "--timeout",
            "SECONDS",
            'seconds, or "5 30": to connect, and to wait for a response',
            "5 30",
        ),
        Setting(
            "ALLOW_HTTP",
            "--allow-http",
            "",
            "allow plain http beyond this machine, on a trusted network",
            "1",
        ),
    ),
}


def each_setting() -> list[Setting]:
    """Return the settings without their headings."""
    return [setting for settings in SETTINGS.values() for setting in settings]


def destination(setting: Setting) -> str:
    """Return the name under which argparse keeps an option's value."""
    return setting.option.removeprefix("--").replace("-", "_")


def add_client_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say who the client is and what it asks for."""
    for heading, settings in SETTINGS.items():
        group = parser.add_argument_group(heading)
        for setting in settings:
            if not setting.metavar:
                group.add_argument(
                    setting.option, action="store_const", const="1", help=setting.help
                )
                continue
            group.add_argument(
                setting.option,
                metavar=setting.metavar,
                help=setting.help,
                action="append" if setting.repeated else "store",
            )
        if heading is CLIENT:
            group.add_argument(
                "--client-secret", action=_RefusedSecret, nargs="?", help=argparse.SUPPRESS
            )
    parser.add_argument(
        "--prefix", default="OAUTH_", help="of the variables to read (default: OAUTH_)"
    )
    add_verbose_option(parser)


def add_verbose_option(parser: argparse.ArgumentParser) -> None:
    """Add ``-v``."""
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="show each request and response on stderr, without secrets",
    )


def add_store_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--store``, for the verbs that keep a token for the next run."""
    parser.add_argument(
        "--store",
        metavar="FOLDER",
        help="keep the token in this folder of yours for the next run (needs requests_cc[file])",
    )


class _RefusedSecret(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> NoReturn:
        parser.error(SECRET_REFUSED)
