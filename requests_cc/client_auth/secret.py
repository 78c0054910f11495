"""The client secret: a text, a callable, or several that are tried in turn."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Hashable, Iterator, Sequence
from os import PathLike
from typing import TypeAlias, TypeVar

from ..errors import ConfigurationError, TokenRequestError
from ..settings import contents, required_line, required_path

T = TypeVar("T")
Secret: TypeAlias = "str | Callable[[], str]"


LARGEST_FILE = 1024 * 1024  # bytes of a secret


class SecretFile:
    """A callable that reads a secret from a file, each time it is called.

    :param path: str or path of a regular file, such as a mounted Docker or Kubernetes secret. Its
        text is cleaned: see :func:`cleaned`.
    :param variable: str, the environment variable that names the file. Messages and ``repr`` then
        name the variable and not the path: by mistake, it may hold the secret itself.

    Two are equal if they read the same path. Safe to share between threads.
    """

    __slots__ = ("_absolute", "path", "variable")

    def __init__(self, path: str | PathLike[str], variable: str | None = None) -> None:
        self.path = path
        self.variable = variable
        # Kept, so that a later chdir does not make another client's file of a relative path.
        self._absolute = os.path.abspath(path)

    @property
    def cache_key(self) -> Hashable:
        """The file's absolute path: a new secret in the file keeps the key."""
        return ("file", self._absolute)

    def __call__(self) -> str:
        try:
            content = contents(self._absolute, LARGEST_FILE + 1)
            text = content.decode("utf-8")
        except OSError as error:
            reason = error.strerror or type(error).__name__
        except UnicodeDecodeError:
            reason = "it is not UTF-8 text"
        except ValueError:  # a NUL in the path
            reason = "it is not a valid path"
        else:
            if len(content) <= LARGEST_FILE:
                return cleaned(text)
            reason = f"it is larger than {LARGEST_FILE} bytes"
        raise ConfigurationError(self._problem(reason))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretFile) and self._absolute == other._absolute

    def __hash__(self) -> int:
        return hash(self._absolute)

    def __repr__(self) -> str:
        shown = (
            f"path={str(self.path)!r}" if self.variable is None else f"variable={self.variable!r}"
        )
        return f"SecretFile({shown})"

    @property
    def subject(self) -> str:
        """The name of the text in the file, for a message."""
        return f"the text in {f'the file {self.path}' if self.variable is None else self.variable}"

    def _problem(self, reason: str) -> str:
        if self.variable is None:
            required_path(self.path, "path")
            return f"the file {self.path} cannot be read: {reason}"
        name = self.variable.removesuffix("_FILE")
        direct = "" if name == self.variable else f", or {name} to what the file should hold"
        return (
            f"the file that {self.variable} names cannot be read: {reason}; set {self.variable} to "
            f"a path{direct}"
        )


class Candidate:
    """One of a client's secrets, in an object whose ``repr`` does not show it in a traceback.

    :param number: int, its position among the secrets.
    :param secret: str; None if the client has none.
    """

    __slots__ = ("number", "secret")

    def __init__(self, number: int, secret: str | None) -> None:
        self.number = number
        self.secret = secret

    def __repr__(self) -> str:
        return f"Candidate({self.number})"


class ClientSecret:
    """The setting ``client_secret``; remembers which of several secrets was accepted last.

    :param setting: str, callable returning str, a sequence of those, or None for no secret.
    :raises ConfigurationError: if it is none of these, or empty.

    Safe to share between threads.
    """

    def __init__(self, setting: Secret | Sequence[Secret] | None) -> None:
        self._secrets = _as_tuple(setting)
        self._last_accepted = 0
        for secret in self._secrets:
            if not callable(secret):
                required_line(secret, "client_secret")

    def candidates(self) -> Iterator[Candidate]:
        """Yield each secret, the one that was accepted last before the others.

        :raises ConfigurationError: if a callable returns a value that is not a secret.
        """
        if not self._secrets:
            yield Candidate(0, None)
        first = self._last_accepted
        for number in sorted(range(len(self._secrets)), key=lambda number: number != first):
            yield Candidate(number, _current(self._secrets[number]))

    def accepted(self, candidate: Candidate) -> None:
        """Remember which secret the server accepted."""
        self._last_accepted = candidate.number

    @property
    def key_part(self) -> Hashable:
        """A digest of each literal; for a callable see :func:`callable_key_part`."""
        return tuple(callable_key_part(s) if callable(s) else digest(s) for s in self._secrets)

    def __repr__(self) -> str:
        return f"ClientSecret(<{len(self._secrets)} hidden>)"


class SupplyFailedError(Exception):
    """A supplier raised ``error``, which the caller of the outer request gets as it is.

    Not a :class:`~requests_cc.TokenRequestError`: the outer request would take that for a failure
    of its own server, and retry.
    """

    def __init__(self, error: TokenRequestError) -> None:
        super().__init__()
        self.error = error


def supplied(get: Callable[[], T]) -> T:
    """Return what a callable or another source supplies for a request.

    :raises SupplyFailedError: if it raises a :class:`~requests_cc.TokenRequestError`. Whatever else
        it raises is passed on.
    """
    try:
        return get()
    except TokenRequestError as error:
        failed = SupplyFailedError(error.with_traceback(None))
    raise failed


class SameObject:
    """Equal only for the same object, which it keeps alive, so that its id is not used again."""

    __slots__ = ("_kept",)

    def __init__(self, kept: object) -> None:
        self._kept = kept

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SameObject) and self._kept is other._kept

    def __hash__(self) -> int:
        return id(self._kept)

    def __repr__(self) -> str:
        return f"SameObject({type(self._kept).__qualname__})"


class EqualObject:
    """Equal for two objects of one type that are equal. JSON cannot encode it."""

    __slots__ = ("_hash", "_kept")

    def __init__(self, kept: object) -> None:
        self._kept = kept
        self._hash = hash(kept)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, EqualObject)
            and type(self._kept) is type(other._kept)
            and bool(self._kept == other._kept)
        )

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"EqualObject({type(self._kept).__qualname__})"


def callable_key_part(get: object) -> Hashable:
    """Return the part of a cache key for a callable, which is never called for it.

    :returns: its ``cache_key``, if it has one; else an :class:`EqualObject`, or a
        :class:`SameObject` if it cannot be hashed: those are meaningful in this process only.
    :raises ConfigurationError: if its ``cache_key`` cannot be hashed.
    """
    key = getattr(get, "cache_key", None)
    try:
        if key is not None:
            hash(key)
            return ("callable", key)
        return EqualObject(get)
    except TypeError:
        pass
    if key is None:
        return SameObject(get)
    raise ConfigurationError(
        f"the cache_key of a {type(get).__qualname__} must be a str, or a tuple of those, not "
        f"{type(key).__name__}"
    )


def cleaned(text: str) -> str:
    """Drop what editors and shells leave around a setting: a byte-order mark and white space."""
    return text.strip().strip("\ufeff").strip()


def digest(secret: str | bytes) -> str:
    """Return SHA-256 in hex, which stands for a secret in comparisons and keys."""
    data = secret.encode("utf-8", "surrogatepass") if isinstance(secret, str) else secret
    return hashlib.sha256(data).hexdigest()


def as_secrets(setting: Secret | Sequence[Secret] | None) -> Secret | Sequence[Secret] | None:
    """Return the setting ``client_secret`` as a value that does not change."""
    several = isinstance(setting, Sequence) and not isinstance(setting, (str, bytes, bytearray))
    return tuple(setting) if several else setting  # type: ignore[arg-type] # a sequence


def _current(secret: Secret) -> str:
    if isinstance(secret, SecretFile):
        return required_line(secret(), secret.subject)
    if callable(secret):
        return required_line(secret(), "the value that the client_secret callable returned")
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
        raise ConfigurationError("client_secret is an empty sequence: pass at least one secret")
    return tuple(setting)
