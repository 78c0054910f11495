"""The introspection response (RFC 7662 §2.2)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidTokenResponse
from ..http.exchange import Response
from ..server.error_response import in_brackets
from .authenticated_request import AuthenticatedRequest


@dataclass(frozen=True, slots=True)
class Introspection:
    """The authorization server's statement about a token.

    :param active: bool; False is not an error: the token expired, was revoked, or is not for this
        client to know.
    :param scope: str or None.
    :param client_id: str or None, the client that the token was issued to.
    :param exp: int or None, seconds since the epoch.
    :param aud: str or list of str, as the server wrote it, or None: the audience of the token.
    :param extra: mapping, the other members, and those of the above that have another type.

    Frozen: safe to share between threads. Its ``repr`` leaves out ``extra``. RFC 7662 §2.2.
    """

    active: bool
    scope: str | None = None
    client_id: str | None = None
    exp: int | None = None
    aud: str | list[str] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    # Not the generated one: pytest shows the fields of a dataclass that has that, extra too.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Introspection) and self._members == other._members

    def __hash__(self) -> int:
        return hash((self.active, self.client_id, self.scope, self.exp))

    @property
    def _members(self) -> tuple[Any, ...]:
        return (self.active, self.scope, self.client_id, self.exp, self.aud, self.extra)


def introspection_in(response: Response, request: AuthenticatedRequest) -> Introspection:
    """Return the introspection in a response.

    :param response: the authorization server's response, which reports success.
    :raises InvalidTokenResponse: if it is not an introspection response.
    """
    members = response.json_object() or {}
    if not isinstance(members.get("active"), bool):
        request.server.look_up_again()  # the endpoint may have moved
        raise InvalidTokenResponse(
            f"the introspection endpoint of {request.server.given_url} returned "
            f'{response.status_code} without the boolean "active" (RFC 7662 §2.2)'
            f"{in_brackets(response.words)}: check introspection_endpoint"
        )
    known = {name: read(members.get(name)) for name, read in _READ.items()}
    # A member of another type is kept all the same: a person may understand it.
    extra = {name: value for name, value in members.items() if known.get(name) is None}
    return Introspection(**known, extra=extra)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _seconds(value: object) -> int | None:
    if isinstance(value, float):
        # JSON, as Python reads it, has numbers that are not finite: int() refuses them.
        return int(value) if math.isfinite(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _audience(value: object) -> str | list[str] | None:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return value
    return _text(value)


_READ: dict[str, Callable[[Any], Any]] = {
    "active": bool,
    "scope": _text,
    "client_id": _text,
    "exp": _seconds,
    "aud": _audience,
}
