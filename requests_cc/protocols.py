"""What the rooms ask of each other, and what a user's own parts must bring."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, runtime_checkable

import requests

from .access_token import AccessToken

#: What shapes a token and JSON can hold; two that are equal stand for the same thing.
KeyPart: TypeAlias = "str | int | tuple[KeyPart, ...] | None"

#: A client certificate as in requests: the path of a file with the key in it, or a pair of paths,
#: (certificate, key).
Cert: TypeAlias = "str | tuple[str, str]"


class TokenStore(Protocol):
    """Where processes share tokens: Redis, a folder, or a user's own.

    Its methods may raise anything: a :class:`~requests_cc.TokenCache` takes that for a miss. It
    must be safe to call from several threads.
    """

    def get(self, key: str) -> bytes | None:
        """What was set under a key and has not expired, or None."""

    def set(self, key: str, value: bytes, ttl: float) -> None:
        """Keeps a value.

        :param key: str, a digest.
        :param value: bytes.
        :param ttl: float, seconds until it expires.
        """

    def delete(self, key: str) -> None:
        """Forgets what is under a key, if anything is."""

    def lock(self, key: str, timeout: float) -> AbstractContextManager[bool]:
        """A lock that one process at a time holds; one that died holds it for its lease at most.

        :param key: str, a digest.
        :param timeout: float, seconds to wait for it at the most; 0: not at all.
        :returns: a context manager that gives whether it was obtained, and releases it at the end.
        """


@runtime_checkable
class TokenSource(Protocol):
    """Anything that can make a token request.

    A :class:`~requests_cc.TokenCache` calls :meth:`request_token` from whichever thread needs a
    token, one call at a time for each ``cache_key``.

    A source may also have ``resource_servers``, whose URLs are the origins of an adapter without
    ``origins=``; one that has not is asked for ``audience`` and ``resource``. Its tokens are bound
    to its ``cert`` and its ``dpop``, if there are any.
    """

    @property
    def cache_key(self) -> Hashable:
        """Equal only for sources whose tokens may be exchanged for each other.

        A str may name the token in a shared store; anything else stays in this process.
        """

    def request_token(self) -> AccessToken:
        """Makes one token request."""


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """Who authenticates, and to whom.

    :param client_id: str.
    :param client_secret: str or None, the one to use in this request.
    :param token_endpoint: str, its URL.
    :param issuer: str or None, the authorization server's issuer identifier (RFC 8414 §2).
    """

    client_id: str
    client_secret: str | None = field(repr=False)
    token_endpoint: str = field(repr=False)
    issuer: str | None = None

    # Not the generated one: pytest shows the fields of a dataclass that has that, secrets too.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClientIdentity) and (
            (self.client_id, self.client_secret, self.token_endpoint, self.issuer)
            == (other.client_id, other.client_secret, other.token_endpoint, other.issuer)
        )

    def __hash__(self) -> int:
        return hash((self.client_id, self.client_secret))


@dataclass(frozen=True, slots=True)
class Authentication:
    """What client authentication adds to one request.

    :param params: mapping, parameters for the body.
    :param auth: a requests auth object that is applied to the prepared request, or None.
    :param cert: as in requests: the client certificate of the connection, or None.
    :param secrets: tuple of str, what must never appear in a message about this request.
    """

    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth: requests.auth.AuthBase | None = field(default=None, repr=False)
    cert: Cert | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    # Not the generated one: pytest shows the fields of a dataclass that has that, secrets too.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Authentication) and (
            (self.params, self.auth, self.cert, self.secrets)
            == (other.params, other.auth, other.cert, other.secrets)
        )

    def __hash__(self) -> int:
        return hash((self.cert, self.secrets))


class ClientAuthentication(Protocol):
    """How a client proves who it is at the token endpoint (RFC 6749 §2.3).

    Called once for each attempt, so that what may be used only once is made anew. Must be safe to
    call from several threads.
    """

    @property
    def method(self) -> str:
        """Its name in the IANA registry of token endpoint authentication methods."""

    @property
    def needs_secret(self) -> bool:
        """Whether it cannot do without a ``client_secret``."""

    @property
    def key_part(self) -> Hashable:
        """What of it shapes the token: a :data:`KeyPart`, or a hashable that is opaque."""

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        """Makes what one request needs."""


class ProofKey(Protocol):
    """A key that tokens are bound to (RFC 9449): a :class:`~requests_cc.DPoPKey`."""

    @property
    def thumbprint(self) -> str:
        """The thumbprint of the public key (RFC 7638)."""

    def proof(self, method: str, url: str, access_token: str | None = None) -> str:
        """A proof for one request, and for the token that is sent along."""

    def take_nonce(self, url: str, headers: Mapping[str, str]) -> bool:
        """Keeps the nonce of an answer for the next proof; whether there was one."""


class Clock(Protocol):
    """Both clocks, in seconds: the module :mod:`time`, or a test's own."""

    def time(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds since some moment, never set back."""
