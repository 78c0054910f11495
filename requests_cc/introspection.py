"""Asking the authorization server about a token (RFC 7662)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .authenticated_request import AuthenticatedRequest
from .client_secret import ClientSecret
from .errors import InvalidTokenResponse


@dataclass(frozen=True, slots=True)
class Introspection:
    """What the authorization server says of a token.

    :param active: bool; False is an answer and no error: expired, revoked, or not for you to know.
    :param scope: str or None.
    :param client_id: str or None, whom the token was issued to.
    :param exp: int or None, seconds since the epoch.
    :param aud: str or list of str, as the server wrote it, or None: whom the token is for.
    :param extra: mapping, the other members, and those of the above that are not of their form.

    Frozen: safe to share between threads. RFC 7662 §2.2.
    """

    active: bool
    scope: str | None = None
    client_id: str | None = None
    exp: int | None = None
    aud: str | list[str] | None = field(default=None, hash=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)


def introspect(request: AuthenticatedRequest, secret: ClientSecret) -> Introspection:
    """Makes one introspection request, in a few attempts at the most.

    :param request: the request, which names the token.
    :param secret: the client's secret or secrets.
    :returns: an :class:`Introspection`.
    :raises InvalidTokenResponse: when the answer is no introspection response.
    :raises TokenRequestError: when there is no answer.
    """
    answer = request.send(secret)
    members = answer.json_object() or {}
    if not isinstance(members.get("active"), bool):
        request.server.look_up_again()  # perhaps the endpoint has moved
        raise InvalidTokenResponse(
            f"the introspection endpoint of {request.server.given_url} answered "
            f'{answer.status_code} without the boolean "active" (RFC 7662 §2.2): check '
            f"introspection_endpoint"
        )
    known = {name: read(members.get(name)) for name, read in _READ.items()}
    # What is not of its form is kept all the same: it may tell a person something.
    extra = {name: value for name, value in members.items() if known.get(name) is None}
    return Introspection(**known, extra=extra)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _seconds(value: object) -> int | None:
    if isinstance(value, float):
        # JSON, as Python reads it, knows numbers that are not finite: they have no int.
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
