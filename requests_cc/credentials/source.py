"""The part of a source of tokens that does not depend on its grant."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from ..access_token import AccessToken
from ..client_auth.secret import ClientSecret
from ..server.authorization_server import AuthorizationServer
from ..settings import required_line
from .authenticated_request import AuthenticatedRequest
from .misuse import Misused
from .token_response import token_in
from .tracebacks import entry_point

if TYPE_CHECKING:
    from dataclasses import Field
T = TypeVar("T", bound="Source")


class SourceKey(Generic[T]):
    """A property that is computed once; with a session, again whenever the session has changed.

    Not a data descriptor: once the key is in the source's ``__dict__``, a look-up costs nothing. A
    session's headers can change at any time, and the tokens of one are not those of the other.
    """

    def __init__(self, compute: Callable[[T], Hashable]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, source: None, owner: type[T]) -> SourceKey[T]: ...
    @overload
    def __get__(self, source: T, owner: type[T]) -> Hashable: ...
    def __get__(self, source: T | None, owner: type[T]) -> Hashable:
        if source is None:
            return self
        stamp = source._request.server.reach.stamp  # noqa: SLF001 - of the class below
        if stamp is None:
            key = source.__dict__["cache_key"] = self._compute(source)
            return key
        kept: tuple[Hashable, Hashable] | None = source.__dict__.get("_key_of_session")
        if kept is None or kept[0] != stamp:
            kept = source.__dict__["_key_of_session"] = (stamp, self._compute(source))
        return kept[1]


class Source(Misused):
    """Base class of the frozen values that make token requests.

    A subclass sets ``_request``, the token request, and ``_secret`` when it is made, so that a
    wrong setting raises there. Both are derived from its fields: a pickle and a copy hold the
    fields alone, since ``_request`` may be meaningless in another process.
    """

    _request: AuthenticatedRequest
    _secret: ClientSecret

    @entry_point
    def request_token(self) -> AccessToken:
        """Make one token request; nothing is cached.

        :returns: a new :class:`AccessToken`.
        :raises TokenRequestError: if no token can be obtained; also if another source that this
            one depends on obtains none.
        """
        return token_in(self._request.send(self._secret), self._request, self._token_of)

    def _token_of(self, members: Mapping[str, Any], requested_at: float) -> AccessToken:
        """Return the token in the JSON object of a response."""
        return AccessToken.from_response(members, requested_at)

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    # Not the generated one: pytest shows the fields of a dataclass that has that, secrets too.
    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Source)
            and type(self) is type(other)
            and self._settings == other._settings
        )

    def __hash__(self) -> int:
        # Of the texts alone: an auth object or a callable need not be hashable, as HTTPBasicAuth
        # is not.
        texts = (value for value in self._settings.values() if isinstance(value, str))
        return hash((type(self), *texts))

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), **self._settings), ()

    @property
    def _settings(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in _fields(self)}


def _fields(source: Any) -> tuple[Field[Any], ...]:
    from dataclasses import fields  # noqa: PLC0415 - it costs five milliseconds

    return fields(source)


def server_of(setting: AuthorizationServer | str) -> AuthorizationServer:
    """Return the setting ``server`` as an :class:`AuthorizationServer`.

    :param setting: an :class:`AuthorizationServer`, or the token endpoint's URL.
    :raises ConfigurationError: if it is neither.
    """
    if isinstance(setting, AuthorizationServer):
        return setting
    return AuthorizationServer(required_line(setting, "server"))
