"""From options and variables to a client: options go first, and each setting knows its origin."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..client_auth.secret import cleaned
from ..credentials.client_credentials import ClientCredentials
from ..credentials.environment import Environment
from ..credentials.from_environment import BELONGS, METHODS, client_arguments
from ..errors import ConfigurationError
from ..url import without_query
from .options import Setting, destination, each_setting
from .output import UsageError, safe

if TYPE_CHECKING:  # imported when it is needed
    import requests

    from ..cache.token_cache import TokenCache

_SERVER = ("TOKEN_URL", "ISSUER")
_LABELS = {"TOKEN_URL": "token URL", "CLIENT_ID": "client id", "CA_BUNDLE": "CA bundle"}
_SECRETS = ("CLIENT_SECRET", "PRIVATE_KEY")


class Shown(NamedTuple):
    """A setting as ``check`` shows it.

    :param label: str, such as ``client id``.
    :param value: str; of a secret only how long it is.
    :param origin: str, the option or variable that it comes from.
    """

    label: str
    value: str
    origin: str


class Settings:
    """The settings of one run.

    :param options: what argparse read.
    :param variables: mapping; None: ``os.environ``.
    """

    def __init__(
        self, options: argparse.Namespace, variables: Mapping[str, str] | None = None
    ) -> None:
        self._prefix: str = options.prefix
        environment = os.environ if variables is None else variables
        prefix = self._prefix
        self._variables = {name: v for name, v in environment.items() if name.startswith(prefix)}
        self._names: dict[str, str] = {}  # from a variable to the option that set it
        given = {s: getattr(options, destination(s)) for s in each_setting()}
        self._given = {setting: value for setting, value in given.items() if value}
        self._drop_what_options_replace()
        for setting, value in self._given.items():
            self._lay(setting, value)

    def named(self, name: str) -> str:
        """Return the option that gave a setting, or else its variable.

        :param name: str, without the prefix.
        """
        variable = f"{self._prefix}{name}"
        in_a_file = f"{variable}_FILE"
        if variable in self._names or not self._variables.get(in_a_file):
            return self._names.get(variable, variable)
        return self._names.get(in_a_file, in_a_file)

    def variable(self, name: str) -> str:
        """Return a setting's variable, whether it is set or not.

        :param name: str, without the prefix.
        """
        return f"{self._prefix}{name}"

    def value(self, name: str) -> str | None:
        """Return a setting that is not secret; None if it is absent or in a file.

        :param name: str, without the prefix.
        """
        return cleaned(self._variables.get(f"{self._prefix}{name}", "")) or None

    def shown(self) -> list[Shown]:
        """Return each setting that is there, without a secret."""
        start = len(self._prefix)
        return [
            self._shown(variable[start:], variable)
            for variable in sorted(self._variables, key=self._place)
            if self._place(variable) < len(each_setting()) and cleaned(self._variables[variable])
        ]

    def client(self, session: requests.Session | None = None) -> ClientCredentials:
        """Return the client that the settings describe.

        :param session: a session for the requests to the authorization server; None: a new one
            for each.
        :raises ConfigurationError: if a setting is wrong or missing.
        """
        environment = Environment(self._prefix, self._variables, self._names)
        self._check_presence()
        return ClientCredentials(**client_arguments(environment, session))

    def _check_presence(self) -> None:
        """Name the option as well as the variable if something is missing."""
        p = self._prefix
        if not any(self._has(name) for name in _SERVER):
            raise ConfigurationError(
                f"no authorization server is set: pass --token-url URL or --issuer URL, or set "
                f"{p}TOKEN_URL or {p}ISSUER"
            )
        if not self._has("CLIENT_ID"):
            raise ConfigurationError(
                f"no client id is set: pass --client-id ID, or set {p}CLIENT_ID"
            )
        proofs = [name.removesuffix("_FILE") for name in METHODS]
        wanted = self.value("AUTH") in (None, *METHODS["CLIENT_SECRET"])
        if wanted and not any(map(self._has, proofs)):
            raise ConfigurationError(
                f"no client secret is set: pass --client-secret-file FILE (- reads standard "
                f"input), or set {p}CLIENT_SECRET or {p}CLIENT_SECRET_FILE; a public client "
                f"passes --auth none"
            )

    def _has(self, name: str) -> bool:
        return bool(self.value(name) or self.value(f"{name}_FILE"))

    def _drop_what_options_replace(self) -> None:
        """Drop the variables that options replace, and those of what the options exclude."""
        given = {setting.name for setting in self._given}
        if given & set(_SERVER):
            self._drop(*_SERVER)
        if "none" in [v for setting, v in self._given.items() if setting.name == "AUTH"]:
            self._drop(*METHODS, *BELONGS)
        for name, methods in METHODS.items():
            if given & {name, f"{name}_FILE"}:
                belonging = {part for part, owner in BELONGS.items() if owner == name}
                self._drop(*({*METHODS, *BELONGS} - belonging))
                if self.value("AUTH") not in methods:
                    self._drop("AUTH")

    def _drop(self, *names: str) -> None:
        for name in names:
            for form in (name.removesuffix("_FILE"), f"{name.removesuffix('_FILE')}_FILE"):
                self._variables.pop(f"{self._prefix}{form}", None)

    def _lay(self, setting: Setting, value: str | list[str]) -> None:
        if setting.option == "--param":
            for pair in value:
                name, equals, text = pair.partition("=")
                if not equals or not name:
                    raise UsageError("--param takes NAME=VALUE")
                self._set(f"PARAM_{name}", text, setting.option)
        elif setting.option == "--client-secret-file" and value == "-":
            self._set("CLIENT_SECRET", _typed_secret(), setting.option)
        elif setting.option == "--client-secret-file" and Path(str(value)).is_fifo():
            # What the shell's <(...) passes can be read only once.
            self._set("CLIENT_SECRET", _first_line(str(value)), setting.option)
        else:
            text = value if isinstance(value, str) else " ".join(value)
            self._set(setting.name, text, setting.option)

    def _set(self, name: str, value: str, option: str) -> None:
        self._drop(name)
        self._variables[f"{self._prefix}{name}"] = value
        self._names[f"{self._prefix}{name}"] = option

    def _place(self, variable: str) -> int:
        """Return where a variable stands in the table; behind its end: nowhere."""
        name = variable[len(self._prefix) :]
        names = [setting.name.removesuffix("_FILE") for setting in each_setting()]
        if name.startswith("PARAM_"):
            return names.index("PARAM_<name>")
        bare = name.removesuffix("_FILE")
        return names.index(bare) if bare in names else len(names)

    def _shown(self, name: str, variable: str) -> Shown:
        bare, value = name.removesuffix("_FILE"), cleaned(self._variables[variable])
        label = _LABELS.get(bare, bare.lower().replace("_", " "))
        origin = self._names.get(variable, variable)
        if name.startswith("PARAM_"):
            return Shown(f"parameter {name.removeprefix('PARAM_')}", _length(value), origin)
        if bare in _SECRETS:
            return Shown(
                label, _length(value) if name == bare else self._secret_file(value), origin
            )
        if bare in _SERVER:
            value = without_query(value)
        return Shown(label, safe(value), origin)

    def _secret_file(self, path: str) -> str:
        from ..client_auth.secret import SecretFile  # noqa: PLC0415 - for `check` alone

        try:
            return f"{_length(SecretFile(path, 'it')())}, in a file"
        except ConfigurationError:
            return "in a file that cannot be read"


def check_standard_input(options: argparse.Namespace) -> None:
    """Check that standard input is not wanted for the secret, if it is for something else.

    :raises UsageError: if it is.
    """
    if options.client_secret_file == "-":
        raise UsageError("standard input cannot hold the secret and something else: use a file")


def _typed_secret() -> str:
    """Read the first line of standard input; a terminal does not show what is typed."""
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    from getpass import getpass  # noqa: PLC0415 - for terminals alone

    return getpass("client secret: ", stream=sys.stderr)


def _first_line(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.readline()


def _length(secret: str) -> str:
    return f"set, {len(secret)} characters"


def cache_for(store: str | None) -> TokenCache:
    """Return the cache of one run.

    :param store: str, the folder that keeps tokens for the next run, or None.
    :raises ConfigurationError: if the extra for it is missing.
    """
    from ..cache.token_cache import TokenCache  # noqa: PLC0415 - `token` does without

    # The process ends at once: renewal in the background would be cut off.
    if store is None:
        return TokenCache(background=False)
    from ..cache.stores.file import FileTokenStore  # noqa: PLC0415 - an extra

    return TokenCache(FileTokenStore(store), background=False)
