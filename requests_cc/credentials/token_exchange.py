"""One token for another (RFC 8693)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from requests.auth import AuthBase

from ..access_token import AccessToken
from ..client_auth.secret import Secret, as_secrets
from ..errors import ConfigurationError
from ..protocols import ClientAuthentication, ClientIdentity
from ..server.authorization_server import AuthorizationServer
from ..settings import required_text
from .optional_client import GrantSource
from .parameters import Params, audiences, further_params, pairs, resource_uris, scope_text
from .source import server_of
from .supplied_token import Supplied, SuppliedToken
from .token_response import jwt_expiry
from .tracebacks import guarded_constructor

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"
_SHORT_NAMES = ("access_token", "refresh_token", "id_token", "saml1", "saml2", "jwt")
_OWN = {
    "subject_token": "subject",
    "subject_token_type": "subject_type",
    "actor_token": "actor",
    "actor_token_type": "actor_type",
    "requested_token_type": "requested_type",
}


@guarded_constructor
@dataclass(frozen=True, repr=False, eq=False)
class TokenExchange(GrantSource):
    """A source of tokens that are exchanged for another token: a user's, a workload's.

    :param server: str, the token endpoint's URL; or an :class:`AuthorizationServer`. Kept as an
        :class:`AuthorizationServer`.
    :param client_id: str; None: the exchange names no client.
    :param client_secret: as for :class:`ClientCredentials`; None without ``auth``: the client does
        not authenticate.
    :param subject: the token to exchange: a str; a callable that returns it; or any source, such as
        :class:`TokenFile`. A callable and a source are read anew for each attempt. They stand for
        one subject, whose tokens a cache keeps: for several users pass the token of each.
    :param subject_type: str, the type of the subject: ``"access_token"``, ``"refresh_token"``,
        ``"id_token"``, ``"saml1"``, ``"saml2"``, ``"jwt"``, or a URI.
    :param actor: the token of the party that acts for the subject, given as ``subject`` is; or
        None.
    :param actor_type: str, as ``subject_type``; sent with an ``actor`` only.
    :param audience: str or iterable of str, sent once each.
    :param resource: str or iterable of str: absolute URIs, sent once each.
    :param scope: str, or iterable of str that are joined with a space.
    :param requested_type: str, as ``subject_type``; None: the server chooses.
    :param auth: as for :class:`ClientCredentials`.
    :param params: mapping, further parameters, as for :class:`ClientCredentials`.
    :raises ConfigurationError: if a setting is wrong or missing.

    A ``token_type`` of ``N_A`` is accepted beside an ``issued_token_type``, which is in the token's
    ``extra``: the token is sent as Bearer.

    Frozen: as safe to share between threads as its callables and sources are. Its ``repr`` shows
    neither token; a pickle holds those that are literals. RFC 8693 section 2.
    """

    server: AuthorizationServer | str
    client_id: str | None = None
    client_secret: Secret | Sequence[Secret] | None = field(default=None, hash=False)
    subject: Supplied = field(kw_only=True, hash=False)
    subject_type: str = field(default="access_token", kw_only=True)
    actor: Supplied | None = field(default=None, kw_only=True, hash=False)
    actor_type: str = field(default="access_token", kw_only=True)
    audience: str | Iterable[str] | None = field(default=None, kw_only=True)
    resource: str | Iterable[str] | None = field(default=None, kw_only=True)
    scope: str | Iterable[str] | None = field(default=None, kw_only=True)
    requested_type: str | None = field(default=None, kw_only=True)
    auth: str | ClientAuthentication | AuthBase | None = field(
        default=None, kw_only=True, hash=False
    )
    params: Params | None = field(default=None, kw_only=True, hash=False)

    _kind = "token_exchange"

    def __post_init__(self) -> None:
        wanted = self.requested_type
        self._set(
            server=server_of(self.server),
            client_secret=as_secrets(self.client_secret),
            subject_type=_token_type(self.subject_type, "subject_type"),
            actor_type=_token_type(self.actor_type, "actor_type"),
            audience=audiences(self.audience),
            resource=resource_uris(self.resource),
            scope=scope_text(self.scope),
            requested_type=None if wanted is None else _token_type(wanted, "requested_type"),
            params=further_params(self.params, _OWN),
        )
        subject = SuppliedToken(self.subject, "subject")
        actor = None if self.actor is None else SuppliedToken(self.actor, "actor")
        params = {
            "grant_type": GRANT_TYPE,
            "resource": self.resource,
            "audience": self.audience,
            "scope": self.scope,
            "requested_token_type": self.requested_type,
            "subject_token_type": self.subject_type,
            "actor_token_type": None if actor is None else self.actor_type,
            **(self.params or {}),
        }
        self._ask_with(_Tokens(subject, actor), pairs(params))

    @property
    def label(self) -> str:
        """The client and its server, as log lines and events name them."""
        return f"{self.client_id or 'token exchange'} at {self._request.server.given_url}"

    def _token_of(self, members: Mapping[str, Any], requested_at: float) -> AccessToken:
        kind, issued = members.get("token_type"), members.get("issued_token_type")
        # What is issued need not be an access token (RFC 8693 section 2.2.1).
        if isinstance(kind, str) and kind.upper() == "N_A" and isinstance(issued, str):
            members = {**members, "token_type": "Bearer"}
            # "RECOMMENDED" only; a JWT says it itself.
            expiry = jwt_expiry(str(members.get("access_token")))
            if members.get("expires_in") is None and expiry is not None:
                members["expires_in"] = expiry - requested_at
        return super()._token_of(members, requested_at)

    def __repr__(self) -> str:
        names = ("client_id", "subject_type", "audience", "resource", "scope", "requested_type")
        settings = ", ".join(f"{n}={getattr(self, n)!r}" for n in names if getattr(self, n))
        return f"TokenExchange({self._request.server.given_url!r}, {settings})"


class _Tokens:
    """The subject and the actor."""

    def __init__(self, subject: SuppliedToken, actor: SuppliedToken | None) -> None:
        self._subject = subject
        self._actor = actor

    @property
    def key_part(self) -> Hashable:
        return (self._subject.key_part, self._actor and self._actor.key_part)

    def params(self, identity: ClientIdentity) -> Mapping[str, str]:
        tokens = {"subject_token": self._subject.read()}
        if self._actor is not None:
            tokens["actor_token"] = self._actor.read()
        return tokens


def _token_type(value: object, setting: str) -> str:
    """Return a token type as a URI (RFC 8693 section 3)."""
    name = required_text(value, setting)
    if name in _SHORT_NAMES:
        return TOKEN_TYPE + name
    if ":" not in name:
        raise ConfigurationError(
            f"{setting} is not a known token type: use one of {', '.join(_SHORT_NAMES)}, or a URI"
        )
    return name
