"""Settings from the environment, and from the files that it names."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ..client_auth.secret import SecretFile
from ..errors import ConfigurationError
from ..url import check_url
from .auth_setting import method_named


class Environment:
    """The variables that begin with a prefix.

    :param prefix: str, such as ``OAUTH_``.
    :param variables: mapping; None: ``os.environ``.
    :raises ConfigurationError: when the prefix is no str, or lacks the ``_`` at its end.

    ``NAME`` holds a setting; ``NAME_FILE`` names a file that holds it, as Docker and Kubernetes
    mount secrets. White space at the end of a file's text is dropped. No message shows what a
    variable holds that may be a secret.
    """

    def __init__(self, prefix: str, variables: Mapping[str, str] | None = None) -> None:
        self.prefix = prefix
        self._variables = os.environ if variables is None else variables
        self._check_prefix(prefix)

    def text(self, name: str) -> str | None:
        """A setting, or None where it is absent or empty.

        :raises ConfigurationError: when it is given twice, its file cannot be read, or it is a URL
            or a method of client authentication that cannot be used.
        """
        value = self._lookup(name)
        text = value() if isinstance(value, SecretFile) else value
        if text:
            _check(name, text, self.prefix + name)
        return text

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

        :returns: the secret, or None for a public client, whose ``AUTH`` is ``none``.
        :raises ConfigurationError: when it is missing, given twice, or its file cannot be read now.
        """
        value, variable = self._lookup(name), self.prefix + name
        if isinstance(value, SecretFile) and not value():
            raise ConfigurationError(f"{variable}_FILE names an empty file: {value.path}")
        self._check_presence(variable, is_there=value is not None)
        return value

    def _check_presence(self, variable: str, *, is_there: bool) -> None:
        is_public = self.text("AUTH") == "none"
        if is_there and is_public:
            raise ConfigurationError(
                f"{self.prefix}AUTH=none sends no {variable}: unset one of them"
            )
        if not is_there and not is_public:
            raise ConfigurationError(
                f"{variable} is missing: set it, or {variable}_FILE; a public client sets "
                f"{self.prefix}AUTH=none"
            )

    def _lookup(self, name: str) -> str | SecretFile | None:
        variable = f"{self.prefix}{name}"
        value = self._variables.get(variable)
        path = self._variables.get(f"{variable}_FILE")
        if value and path:
            raise ConfigurationError(f"{variable} and {variable}_FILE are both set: unset one")
        return SecretFile(path, f"{variable}_FILE") if path else value or None

    def _check_prefix(self, prefix: object) -> None:
        if not isinstance(prefix, str):
            raise ConfigurationError(
                f'prefix must be a str such as "OAUTH_", not {type(prefix).__name__}'
            )
        if not prefix or prefix.endswith("_"):
            return
        url, issuer = f"{prefix}TOKEN_URL", f"{prefix}ISSUER"
        named = (url, issuer, f"{url}_FILE", f"{issuer}_FILE")
        if not any(self._variables.get(variable) for variable in named):
            raise ConfigurationError(
                f"{url} (or {issuer}) is missing or empty: prefix {prefix!r} does not end in "
                f'"_", write "{prefix}_"'
            )


def _check(name: str, text: str, variable: str) -> None:
    """Checks here what would be called by another name where it is checked again."""
    if name == "AUTH":
        method_named(text, variable)
    elif name in ("TOKEN_URL", "ISSUER"):
        check_url(text, variable, allow_http=False)
