"""The part of a source of tokens that does not depend on its grant."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ..access_token import AccessToken
from ..client_auth.secret import ClientSecret
from ..server.authorization_server import AuthorizationServer
from ..settings import required_text
from .authenticated_request import AuthenticatedRequest
from .token_response import token_in
from .tracebacks import entry_point

if TYPE_CHECKING:
    from dataclasses import Field


class Source:
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
        :raises TokenRequestError: if no token can be obtained.
        """
        return token_in(self._request.send(self._secret), self._request)

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
    return AuthorizationServer(required_text(setting, "server"))
