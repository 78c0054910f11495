"""A token that somebody else supplies: a text, a callable, or another source.

The subject of a token exchange, an assertion that another server issued, the password in a login:
each is read anew for each attempt, and no message, key or ``repr`` shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeAlias

from ..client_auth.secret import EqualObject, callable_key_part, digest, supplied
from ..errors import ConfigurationError
from ..protocols import TokenSource, is_source
from ..settings import required_text

Supplied: TypeAlias = "str | Callable[[], str] | TokenSource"


class SuppliedToken:
    """A setting that is a text, a callable that returns one, or a source of tokens.

    :param given: the setting.
    :param setting: str, its name in messages.
    :raises ConfigurationError: if it is none of these.

    As safe to share between threads as the callable or the source is.
    """

    __slots__ = ("_given", "_setting")

    def __init__(self, given: object, setting: str) -> None:
        if isinstance(given, str):
            required_text(given, setting)
        elif isinstance(given, type) or not (is_source(given) or callable(given)):
            kind = f"the class {given.__name__}" if isinstance(given, type) else _kind(given)
            raise ConfigurationError(
                f"{setting} must be a str, a callable that returns one, or a source of tokens such "
                f"as TokenFile(path), not {kind}"
            )
        self._given = given
        self._setting = setting

    def read(self) -> str:
        """Return the current token.

        :raises SupplyFailedError: if the source or the callable raises a
            :class:`~requests_cc.TokenRequestError`. Whatever else it raises is passed on.
        :raises ConfigurationError: if the callable returns no text.
        """
        given = self._given
        if isinstance(given, str):
            return given
        if is_source(given):
            value: object = supplied(given.request_token).value
        else:
            value = supplied(given)  # type: ignore[arg-type] # __init__ made sure
        return required_text(value, f"the value that {self._setting} returned")

    @property
    def key_part(self) -> Hashable:
        """The part of a cache key: a digest, a file's path, or what a callable or source is."""
        given = self._given
        if isinstance(given, str):
            return digest(given)
        if not is_source(given):
            return callable_key_part(given)
        key = getattr(given, "key_part", None) or given.cache_key
        kind = type(given).__qualname__
        # A store takes the tokens of a source with a str alone.
        readable = isinstance(key, str) or hasattr(given, "key_part")
        return ("source", kind, key if readable else EqualObject(key))

    def __repr__(self) -> str:
        return f"SuppliedToken({self._setting})"


def _kind(value: object) -> str:
    return "None" if value is None else type(value).__name__
