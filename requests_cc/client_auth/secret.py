"""The client secret: a text, a callable, or several that are tried in order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TypeAlias

from ..errors import ConfigurationError
from ..protocols import KeyPart
from ..settings import required_text

Secret: TypeAlias = "str | Callable[[], str]"

# A line's end, a PEM, JSON, a JWT (whose header is JSON too, in base64), or a word that is longer
# than a file's name can be.
_WHAT_A_FILE_HOLDS = re.compile(
    r"[\r\n]|-----BEGIN|^\s*\{|^e(?:y[AJ]|w[0o])[\w-]*\.[\w-]*\.|[^/\\]{256}"
)


@dataclass(frozen=True, repr=False)
class SecretFile:
    """A callable that reads a secret from a file, anew each time.

    :param path: str or path of a file, such as a mounted Docker or Kubernetes secret. Its text is
        cleaned: see :func:`cleaned`.
    :param variable: str, the environment variable that names the file. Messages and ``repr``
        then name it instead of the path: whoever mistook it set it to the secret itself.
    """

    path: str | PathLike[str]
    variable: str | None = field(default=None, compare=False)

    def __call__(self) -> str:
        try:
            text = Path(self.path).read_text(encoding="utf-8")
        except OSError as error:
            reason = error.strerror or type(error).__name__
        except UnicodeDecodeError:
            reason = "it is no UTF-8 text"
        except ValueError:  # a NUL in the path
            reason = "it is no path"
        else:
            return cleaned(text)
        raise ConfigurationError(self._problem(reason))

    def __repr__(self) -> str:
        shown = (
            f"path={str(self.path)!r}" if self.variable is None else f"variable={self.variable!r}"
        )
        return f"SecretFile({shown})"

    def _problem(self, reason: str) -> str:
        if self.variable is None:
            check_path(self.path, "path")
            return f"the file {self.path} cannot be read: {reason}"
        name = self.variable.removesuffix("_FILE")
        direct = "" if name == self.variable else f", or {name} to what the file should hold"
        return (
            f"the file that {self.variable} names cannot be read: {reason}; set {self.variable} to "
            f"a path{direct}"
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of a client's secrets, hidden from the variables that a traceback shows.

    :param number: int, its place among them.
    :param secret: str, or None where the client has none.
    """

    number: int
    secret: str | None = field(repr=False)


class ClientSecret:
    """What ``client_secret`` was set to; it remembers which of several worked last.

    :param setting: str, callable returning str, a sequence of those, or None for no secret.
    :raises ConfigurationError: when it is none of these, or empty.

    Safe to share between threads.
    """

    def __init__(self, setting: Secret | Sequence[Secret] | None) -> None:
        self._secrets = _as_tuple(setting)
        self._last_accepted = 0
        for secret in self._secrets:
            if not callable(secret):
                required_text(secret, "client_secret")

    def candidates(self) -> Iterator[Candidate]:
        """Each secret, the one that was accepted last before the others.

        :raises ConfigurationError: when a callable returns something that is no secret.
        """
        if not self._secrets:
            yield Candidate(0, None)
        first = self._last_accepted
        for number in sorted(range(len(self._secrets)), key=lambda number: number != first):
            yield Candidate(number, _current(self._secrets[number]))

    def accepted(self, candidate: Candidate) -> None:
        """Remembers which secret the server accepted."""
        self._last_accepted = candidate.number

    @property
    def key_part(self) -> KeyPart:
        """A digest of each literal; a callable is just that, so that rotation keeps the key."""
        return tuple("callable" if callable(s) else digest(s) for s in self._secrets)

    def __repr__(self) -> str:
        return f"ClientSecret(<{len(self._secrets)} hidden>)"


def cleaned(text: str) -> str:
    """Drop what editors and shells leave around a setting: a byte-order mark and white space.

    :param text: str, from a file or an environment variable.
    """
    return text.strip().strip("\ufeff").strip()


def check_path(path: object, what: str) -> None:
    """Checks that a path is not what the file should hold: no message may repeat that as a path.

    :param path: what was set.
    :param what: str, its name in the message.
    :raises ConfigurationError: when it is a key, a certificate, JSON or a JWT.
    """
    if _WHAT_A_FILE_HOLDS.search(str(path)):
        raise ConfigurationError(f"{what} is no path but what a file holds: write its path")


def digest(secret: str | bytes) -> str:
    """Stands for a secret where two are compared: SHA-256 in hex."""
    data = secret.encode("utf-8", "surrogatepass") if isinstance(secret, str) else secret
    return hashlib.sha256(data).hexdigest()


def _current(secret: Secret) -> str:
    if callable(secret):
        return required_text(secret(), "the value that the client_secret callable returned")
    return secret


def _as_tuple(setting: Secret | Sequence[Secret] | None) -> tuple[Secret, ...]:
    if setting is None:
        return ()
    if isinstance(setting, str) or callable(setting):
        return (setting,)
    if not isinstance(setting, Sequence) or isinstance(setting, (bytes, bytearray)):
        raise ConfigurationError(
            f"client_secret must be a str, a callable returning one, or a sequence of those, "
            f"not {type(setting).__name__}"
        )
    if not setting:
        raise ConfigurationError("client_secret is an empty sequence: give at least one")
    return tuple(setting)
