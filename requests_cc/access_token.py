"""The access token: a value that hides its secret (RFC 6749 §1.4, §5.1)."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .errors import InvalidTokenResponse
from .settings import is_number
from .value import Value

# RFC 6749 A.12: access-token = 1*VSCHAR; VSCHAR is %x20-7E. The space is left out, since in an
# Authorization header it would end the token.
VISIBLE_ASCII = frozenset(map(chr, range(0x21, 0x7F)))
# Compiled when it is first used: few servers send their numbers as texts.
_NUMERIC = r"-?[0-9]{1,300}(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,3})?"
# Types that are not sent as Bearer (RFC 8693 §2.2.1 for N_A). All others are: servers write
# "BearerToken", "JWT", "Application Access Token" or nothing at all.
_OTHER_SCHEMES = {"mac", "pop", "n_a", "hmac", "hawk"}
_LAST_MOMENT = 1e10  # seconds since the epoch: the year 2286; a larger number is not in seconds


# One for all: an empty dict for each would be a tenth of what a cache keeps for a token.
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class AccessToken(Value):
    """An access token, with its type, its expiry and its scope.

    :param value: str, the token itself: visible ASCII, at least one character.
    :param token_type: str, ``DPoP`` or ``Bearer``; kept as one of these. None and any type that is
        not known to need another scheme count as ``Bearer``.
    :param expires_at: float or None, seconds since the epoch; None: until an API rejects it.
    :param issued_at: float or None, seconds since the epoch: when it was requested.
    :param scope: str or None, the granted scope, which may differ from the requested one.
    :param extra: mapping, the other members of the token response; they may hold secrets.
    :raises InvalidTokenResponse: if a value is not valid.

    ``authorization`` is the value of an ``Authorization`` header (RFC 6750 §2.1, RFC 9449 §7.1).

    Frozen: safe to share between threads. Its ``repr`` shows the type, the time left and the scope,
    and neither the value nor ``extra``.
    RFC 6749 §5.1, RFC 6750 §2.1.
    """

    __slots__ = (
        "authorization", "expires_at", "extra", "issued_at", "scope", "token_type", "value",
    )  # fmt: skip
    value: str
    token_type: str
    expires_at: float | None
    issued_at: float | None
    scope: str | None
    extra: Mapping[str, Any]
    authorization: str  # made once, and not by a property: every request needs it

    def __init__(
        self,
        value: str,
        token_type: str = "Bearer",  # noqa: S107 - a type, not a token
        expires_at: float | None = None,
        issued_at: float | None = None,
        scope: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(value, str) or not value or not VISIBLE_ASCII.issuperset(value):
            raise InvalidTokenResponse(
                "access_token must be a string of visible ASCII characters without a space "
                "(RFC 6749 A.12): this one cannot be sent in a header"
            )
        token_type = _token_type(token_type)
        for name, moment in (("expires_at", expires_at), ("issued_at", issued_at)):
            if moment is not None and not is_number(moment):
                raise InvalidTokenResponse(f"{name} must be seconds since the epoch, or None")
            if moment is not None and moment >= _LAST_MOMENT:
                raise InvalidTokenResponse(
                    f"{name} is beyond the year 2286: it must be seconds since the epoch, not "
                    f"milliseconds"
                )
        self._set(
            value=value,
            token_type=token_type,
            expires_at=expires_at,
            issued_at=issued_at,
            scope=scope,
            extra=extra or _NOTHING,
            authorization=HeaderValue(f"{token_type} {value}"),
        )

    @classmethod
    def from_response(cls, members: Mapping[str, Any], requested_at: float) -> AccessToken:
        """Return the token in the JSON object of a successful token response.

        :param members: mapping, the parsed JSON object. Without ``expires_in``, ``expires_on``
            counts (seconds since the epoch). An expiry that is a text which cannot be read leaves
            the token without one.
        :param requested_at: float, seconds since the epoch, read before the request was sent, so
            that no delay makes a token look younger than it is.
        :returns: an :class:`AccessToken`.
        :raises InvalidTokenResponse: if it is not a token response.

        RFC 6749 §5.1.
        """
        extra = dict(members)
        value = extra.pop("access_token", None)
        if value is None:
            raise InvalidTokenResponse("the token response has no access_token")
        token_type = extra.pop("token_type", None)
        expiry = Expiry.of(members, requested_at)
        extra.pop("expires_in", None)
        return cls(
            value,
            token_type=token_type,
            expires_at=expiry.at,
            issued_at=requested_at,
            scope=_scope(extra.pop("scope", None)),
            extra=extra,
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AccessToken:
        """Return the token that :meth:`to_dict` was called on.

        :param data: mapping; unknown members are ignored.
        :returns: an :class:`AccessToken`.
        :raises InvalidTokenResponse: if ``data`` is not such a dict.
        """
        if not isinstance(data, Mapping) or "access_token" not in data:
            raise InvalidTokenResponse(
                "a token's dict must have the member access_token: see to_dict()"
            )
        extra = data.get("extra") or {}
        if not isinstance(extra, Mapping):
            raise InvalidTokenResponse("the member extra of a token's dict must be a mapping")
        return cls(
            data["access_token"],
            token_type=data.get("token_type", "Bearer"),
            expires_at=data.get("expires_at"),
            issued_at=data.get("issued_at"),
            scope=_scope(data.get("scope")),
            extra=dict(extra),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return a dict that JSON can hold, to keep a token elsewhere. It holds the secret.

        :returns: dict with ``access_token``, ``token_type``, ``expires_at``, ``issued_at``,
            ``scope`` and ``extra``.
        """
        return {
            "access_token": self.value,
            "token_type": self.token_type,
            "expires_at": self.expires_at,
            "issued_at": self.issued_at,
            "scope": self.scope,
            "extra": dict(self.extra),
        }

    def expired(self, leeway: float = 0) -> bool:
        """Return whether it has expired, or will within ``leeway``.

        :param leeway: float, seconds.
        :returns: bool; False for a token without an expiry.
        """
        return self.expires_at is not None and time.time() >= self.expires_at - leeway

    @property
    def expires_in(self) -> float | None:
        """The seconds until it expires: 0.0 once expired, None without an expiry."""
        return None if self.expires_at is None else max(0.0, self.expires_at - time.time())

    def _given(self) -> dict[str, Any]:
        return {**super()._given(), "extra": dict(self.extra)}  # which a pickle can hold

    def __hash__(self) -> int:
        return hash(self.authorization)

    def __repr__(self) -> str:
        left = self.expires_in
        lasts = "no expiry" if left is None else f"{left:.0f} s left" if left else "expired"
        scope = "" if self.scope is None else f", scope={self.scope!r}"
        return f"AccessToken({self.token_type}, {lasts}{scope})"


class HeaderValue(str):
    """A header's value that holds a secret: a str whose ``repr`` is masked.

    Crash reporters, ``pytest --showlocals`` and debuggers show the variables of each frame by
    their ``repr``. In all else it is the text; a copy or a pickle is a plain str.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> HeaderValue:  # noqa: PYI034 - typing.Self is new in Python 3.11
        _register_with_yaml()
        return super().__new__(cls, text)

    def __repr__(self) -> str:
        return "'***'"

    def __copy__(self) -> str:
        return str(self)

    def __deepcopy__(self, memo: object) -> str:
        return str(self)

    def __reduce_ex__(self, protocol: object) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)


def _register_with_yaml() -> None:
    """Have YAML, with which recorders write cassettes, write a header's value as plain text."""
    yaml: Any = sys.modules.get("yaml")
    for kind in ("SafeRepresenter", "Representer"):
        representer = getattr(getattr(yaml, "representer", None), kind, None)
        if representer is not None and HeaderValue not in representer.yaml_representers:
            representer.add_representer(
                HeaderValue, lambda dumper, value: dumper.represent_str(str(value))
            )


class Expiry:
    """When a token expires, by its response.

    :param at: float or None, seconds since the epoch.
    :param unreadable: str or None, the name of the member that says so in an unknown form.
    """

    __slots__ = ("at", "unreadable")

    def __init__(self, at: float | None, unreadable: str | None = None) -> None:
        self.at = at
        self.unreadable = unreadable

    @classmethod
    def of(cls, members: Mapping[str, Any], requested_at: float) -> Expiry:
        """Read the expiry from a token response.

        :param members: mapping, the parsed JSON object.
        :param requested_at: float, seconds since the epoch.
        :raises InvalidTokenResponse: if ``expires_in`` is neither a number nor a text.
        """
        written = members.get("expires_in")
        if written is not None:
            seconds = _number(written)
            if seconds is not None:
                at = requested_at + seconds
                return cls(at) if at < _LAST_MOMENT else cls(None, "expires_in")
            if isinstance(written, str):
                return cls(None, "expires_in")
            raise InvalidTokenResponse("expires_in must be a number of seconds")
        written = members.get("expires_on")
        if written is None:
            return cls(None)
        moment = _number(written)
        readable = moment is not None and moment < _LAST_MOMENT
        return cls(moment) if readable else cls(None, "expires_on")


def _token_type(value: object) -> str:
    """Return the token type as it is sent; letter case does not count (RFC 6749 §7.1)."""
    if value is None:
        return "Bearer"
    if not isinstance(value, str):
        raise InvalidTokenResponse(
            f"token_type must be a string such as Bearer, not {type(value).__name__}"
        )
    name = value.strip().lower()
    if name == "dpop":
        return "DPoP"
    if name not in _OTHER_SCHEMES:
        return "Bearer"
    raise InvalidTokenResponse(
        f"token_type {value.strip()} names a token that is not sent as Bearer or DPoP; this "
        f"library cannot use it"
    )


def _number(value: object) -> float | None:
    """Return a number, or a text that is one, as a float; None for anything else."""
    if isinstance(value, str) and re.fullmatch(_NUMERIC, value.strip()):
        value = float(value)
    return float(value) if is_number(value) else None


def _scope(value: object) -> str | None:
    """Return the scope as one string (RFC 6749 §3.3); some servers send a list."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return " ".join(value)
    return value if isinstance(value, str) else None
