"""Read settings from environment variables, and from the files that they name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from ..client_auth.secret import SecretFile, cleaned
from ..errors import ConfigurationError
from ..server.reach import LONGEST_TIMEOUT
from ..settings import required_path
from .near_misses import near_misses

_SWITCH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
_FILE = "_FILE"


class Environment:
    """The variables that begin with a prefix.

    :param prefix: str, such as ``OAUTH_``.
    :param variables: mapping; None: ``os.environ``.
    :param names: mapping from a variable to what a message calls it; others are called by their
        own name.
    :raises ConfigurationError: if the prefix is not a str, or lacks the ``_`` at its end.

    ``NAME`` holds a setting; ``NAME_FILE`` names a file that holds it, as Docker and Kubernetes
    mount secrets. A byte-order mark and white space at both ends are dropped, of a path too. No
    message shows the value of a variable that may hold a secret.
    """

    def __init__(
        self,
        prefix: str,
        variables: Mapping[str, str] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.prefix = prefix
        self._variables = os.environ if variables is None else variables
        self._names = names or {}
        self._check_prefix(prefix)

    def named(self, name: str) -> str:
        """Return what a message calls a setting."""
        variable = f"{self.prefix}{name}"
        return self._names.get(variable, variable)

    def named_as_set(self, name: str) -> str:
        """Return what a message calls a setting, with ``_FILE`` if a file holds it."""
        return self.named(name + _FILE if self._value(name + _FILE) else name)

    def has(self, name: str) -> bool:
        """Return whether a setting is there, by itself or in a file.

        :raises ConfigurationError: if it is given twice.
        """
        return self._lookup(name) is not None

    def text(self, name: str) -> str | None:
        """Return a setting, or None if it is absent or empty.

        :raises ConfigurationError: if it is given twice, or its file cannot be read.
        """
        value = self._lookup(name)
        return (value() or None) if isinstance(value, SecretFile) else value

    def required(self, name: str) -> str:
        """Return a setting that must be there.

        :raises ConfigurationError: if it is not; the message names it.
        """
        value = self.text(name)
        if value:
            return value
        raise ConfigurationError(
            f"{self.named(name)} is missing or empty: set it, or set {self.named(name + _FILE)} "
            f"to a file's path"
        )

    def secret(self, name: str) -> str | SecretFile | None:
        """Return a secret: one in a file is read again for each token request.

        :returns: None if it is absent.
        :raises ConfigurationError: if it is given twice, or its file cannot be read now.
        """
        value = self._lookup(name)
        if isinstance(value, SecretFile) and not value():
            raise ConfigurationError(
                f"{self.named(name + _FILE)} names an empty file: {value.path}"
            )
        return value

    def path(self, name: str) -> str | None:
        """Return the path of an existing file, or None if the variable is not set.

        :param name: str, of the variable that holds the path.
        :raises ConfigurationError: if there is no such file.
        """
        path = self._value(name)
        if path is None:
            return None
        required_path(path, self.named(name))
        if not os.path.exists(path):
            raise ConfigurationError(f"{self.named(name)} names {path}, which is not there")
        return path

    def switch(self, name: str) -> bool:
        """Return a setting that is on or off; absent or empty is off.

        :raises ConfigurationError: if it is neither.
        """
        value = self.text(name)
        if value is None:
            return False
        if value.lower() not in _SWITCH:
            raise ConfigurationError(
                f"{self.named(name)} is neither on nor off: set it to 1 or 0, true or false"
            )
        return _SWITCH[value.lower()]

    def seconds(self, name: str) -> tuple[float, ...] | None:
        """Return one or two numbers of seconds, or None if the setting is absent or empty.

        :raises ConfigurationError: if it is anything else.
        """
        value = self.text(name)
        if value is None:
            return None
        try:
            numbers = tuple(float(part) for part in value.replace(",", " ").split())
        except ValueError:
            numbers = ()
        valid = all(0 < number <= LONGEST_TIMEOUT for number in numbers)
        if valid and len(numbers) in (1, 2):
            return numbers
        raise ConfigurationError(
            f"{self.named(name)} is not a valid timeout: set it to seconds, at most a day, or to "
            f'two such numbers, "5 30", to connect and to wait for a response'
        )

    def several(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield the settings of which only the beginning of the name is known.

        :param name: str, such as ``PARAM_``.
        :returns: pairs of the rest of the name, and the value.
        :raises ConfigurationError: if one is given twice, or its file cannot be read.
        """
        start = f"{self.prefix}{name}"
        rests = [v[len(start) :] for v in self._variables if v.startswith(start)]
        for rest in sorted({rest.removesuffix(_FILE) for rest in rests} - {""}):
            value = self.text(f"{name}{rest}")
            if value is not None:
                yield rest, value

    def hint(self) -> str:
        """Return a sentence about variables that nearly fit, or an empty text."""
        found = near_misses(self._variables, self.prefix).items()
        return "; ".join(f"{variable} is not read: do you mean {name}?" for variable, name in found)

    def _value(self, name: str) -> str | None:
        return cleaned(self._variables.get(f"{self.prefix}{name}", "")) or None

    def _lookup(self, name: str) -> str | SecretFile | None:
        value, path = self._value(name), self._value(name + _FILE)
        if value and path:
            names = f"{self.named(name)} and {self.named(name + _FILE)}"
            raise ConfigurationError(f"{names} are both set: unset one")
        return SecretFile(path, self.named(name + _FILE)) if path else value

    def _check_prefix(self, prefix: object) -> None:
        if not isinstance(prefix, str):
            raise ConfigurationError(
                f'prefix must be a str such as "OAUTH_", not {type(prefix).__name__}'
            )
        if not prefix or prefix.endswith("_"):
            return
        named = ("TOKEN_URL", "ISSUER", "TOKEN_URL_FILE", "ISSUER_FILE")
        if not any(self._value(name) for name in named):
            raise ConfigurationError(
                f"{prefix}TOKEN_URL (or {prefix}ISSUER) is missing or empty: prefix {prefix!r} "
                f'does not end in "_"; pass "{prefix}_"'
            )
