"""Settings from the environment, and from the files that it names."""

from __future__ import annotations

import os
from collections.abc import Mapping

from .client_secret import SecretFile
from .errors import ConfigurationError


class Environment:
    """The variables that begin with a prefix.

    :param prefix: str, such as ``OAUTH_``.
    :param variables: mapping; None: ``os.environ``.

    ``NAME`` holds a setting; ``NAME_FILE`` names a file that holds it, as Docker and Kubernetes
    mount secrets. White space at the end of a file's text is dropped.
    """

    def __init__(self, prefix: str, variables: Mapping[str, str] | None = None) -> None:
        self.prefix = prefix
        self._variables = os.environ if variables is None else variables

    def text(self, name: str) -> str | None:
        """A setting, or None where it is absent or empty.

        :raises ConfigurationError: when it is given twice, or its file cannot be read.
        """
        value = self._lookup(name)
        return value() if isinstance(value, SecretFile) else value

    def required(self, name: str) -> str:
        """A setting that must be there.

        :raises ConfigurationError: when it is not; the message names it.
        """
        value = self.text(name)
        if value:
            return value
        variable = f"{self.prefix}{name}"
        raise ConfigurationError(
            f"{variable} is missing or empty: set it, or set {variable}_FILE to a file's path"
        )

    def secret(self, name: str) -> str | SecretFile | None:
        """A secret: one in a file is read anew for each token request, so that it can be rotated.

        :raises ConfigurationError: when it is given twice, or its file cannot be read now.
        """
        value = self._lookup(name)
        if isinstance(value, SecretFile) and not value():
            raise ConfigurationError(f"{self.prefix}{name}_FILE names an empty file: {value.path}")
        return value

    def _lookup(self, name: str) -> str | SecretFile | None:
        variable = f"{self.prefix}{name}"
        value = self._variables.get(variable)
        path = self._variables.get(f"{variable}_FILE")
        if value and path:
            raise ConfigurationError(f"{variable} and {variable}_FILE are both set: unset one")
        return SecretFile(path) if path else value or None
