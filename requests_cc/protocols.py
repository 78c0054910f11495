"""The interfaces between the modules, and those that a user's own parts implement."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

import requests

from .access_token import AccessToken
from .events import SourceName

if TYPE_CHECKING:
    from typing import TypeGuard

#: What shapes a token and JSON can hold; two equal parts stand for the same thing.
KeyPart: TypeAlias = "str | int | tuple[KeyPart, ...] | None"

#: A client certificate as in requests: the path of a file that also holds the key, or a pair of
#: paths, (certificate, key).
Cert: TypeAlias = "str | tuple[str, str]"


class TokenStore(Protocol):
    """A place where processes share tokens: Redis, a folder, or a user's own.

    The methods may raise anything: a :class:`~requests_cc.TokenCache` treats an exception as a
    miss. They must be safe to call from several threads. A store may also have:

    ============  ===================  ========================================================
    member        type                 meaning
    ============  ===================  ========================================================
    ``advice``    str                  what to check when the store fails; ends the log's WARNING
    ``encrypts``  bool                 True: ``extra`` of a token is stored too; it can be secret
    ``prepare``   callable, of a key   does slow calculations without I/O; called before the other
                                       methods, in the caller's thread and outside their deadline
    ============  ===================  ========================================================
    """

    def get(self, key: str) -> bytes | None:
        """Return the unexpired value under a key, or None."""

    def set(self, key: str, value: bytes, ttl: float) -> None:
        """Keep a value.

        :param key: str, a digest.
        :param value: bytes.
        :param ttl: float, seconds until the value expires.
        """

    def delete(self, key: str) -> None:
        """Delete the value under a key, if there is one."""

    def lock(self, key: str, timeout: float) -> AbstractContextManager[bool]:
        """Take a lock that one process at a time holds.

        A lock whose holder died must end by itself, after ten seconds or so.

        :param key: str, a digest.
        :param timeout: float, seconds to wait for the lock at the most; 0: do not wait.
        :returns: a context manager that gives whether the lock was obtained, and releases it at
            the end.
        """


@runtime_checkable
class TokenSource(Protocol):
    """An object that can make a token request.

    A :class:`~requests_cc.TokenCache` calls :meth:`request_token` from whichever thread needs a
    token, one call at a time for each ``cache_key``. A source may also have:

    ====================  ======================  ===============================================
    member                type                    meaning; and without it
    ====================  ======================  ===============================================
    ``label``             str                     its name in events and log lines, without a
                                                  secret; the name of its class
    ``client_id``         str                     a part of its name in events; None
    ``server``            AuthorizationServer     its URL is a part of its name in events; None
    ``method``            str                     the HTTP method of its token request, a part of
                                                  its name in events; None
    ``resource_servers``  iterable of URLs        the origins of an adapter without ``origins=``;
                                                  ``audience`` and ``resource``
    ``audience``          str, iterable or None   origins, if they are http(s) URLs
    ``resource``          str, iterable or None   origins, if they are http(s) URLs
    ``cert``              as in requests          the certificate that its tokens are bound to (RFC
                                                  8705 section 3); they are not bound
    ``dpop``              DPoPKey                 the key that its tokens are bound to (RFC 9449);
                                                  they are not bound
    ``revoke``            callable, of a token    revokes a token (RFC 7009);
                                                  :meth:`TokenCache.revoke` raises an error
    ====================  ======================  ===============================================
    """

    @property
    def cache_key(self) -> Hashable:
        """Equal only for sources whose tokens may be used in place of each other.

        Sources of different classes never share a token. A store keeps tokens only for a str; the
        name of a token there is made of that str and the qualified name of the source's class,
        without its module. So the str must tell apart two classes of one name.
        """

    def request_token(self) -> AccessToken:
        """Make one token request."""


def is_source(value: object) -> TypeGuard[TokenSource]:
    """Return whether a value can make a token request."""
    return callable(getattr(value, "request_token", None)) and not isinstance(value, type)


# Everything that reads an optional member of a source:


def name_of(source: TokenSource) -> SourceName:
    """Return a source's name for events and log lines; never its repr, which may hold a secret."""
    label = getattr(source, "label", None)
    client_id = getattr(source, "client_id", None)
    server = getattr(getattr(source, "server", None), "given_url", None)
    method = getattr(source, "method", None)
    return SourceName(
        printable(label if isinstance(label, str) else type(source).__qualname__),
        client_id if isinstance(client_id, str) else None,
        server if isinstance(server, str) else None,
        method if isinstance(method, str) else None,
    )


def printable(text: str) -> str:
    """Return a text with its control characters escaped: it stays on its line of a log."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def resource_servers_of(source: object) -> Iterable[object]:
    """Return what a source names as receivers of its tokens; the entries may not be URLs."""
    named: Iterable[object] | None = getattr(source, "resource_servers", None)
    if named is not None:
        return named
    resource = getattr(source, "resource", None) or ()
    audience = getattr(source, "audience", None)
    return [
        *([audience] if audience is None or isinstance(audience, str) else audience),
        *([resource] if isinstance(resource, str) else resource),
    ]


def certificate_of(source: TokenSource) -> Cert | None:
    """Return the certificate that a source's tokens are bound to (RFC 8705 section 3), or None."""
    cert: Cert | None = getattr(source, "cert", None)
    return cert


def proof_key_of(source: TokenSource) -> ProofKey | None:
    """Return the key that a source's tokens are bound to (RFC 9449), or None."""
    key: ProofKey | None = getattr(source, "dpop", None)
    return key


def revocation_of(source: TokenSource) -> Callable[[AccessToken], object] | None:
    """Return a source's method that revokes a token (RFC 7009), or None."""
    revoke = getattr(source, "revoke", None)
    return revoke if callable(revoke) else None


class ClientIdentity:
    """The client that authenticates, and the server.

    :param client_id: str.
    :param client_secret: str or None, the one to use in this request.
    :param token_endpoint: str, its URL.
    :param issuer: str or None, the authorization server's issuer identifier (RFC 8414 section 2).
    :param audience: str or None, the audience of assertions that the provider documents; None: the
        issuer, or the token endpoint if no issuer is known.
    :param algorithms: tuple of str or None, the algorithms of assertions that the server accepts;
        None: not known.

    Its ``repr`` does not show the secret.
    """

    # Plain classes, here and below: a frozen dataclass takes 0.6 ms of each program's start.
    __slots__ = (
        "algorithms", "audience", "client_id", "client_secret", "issuer", "token_endpoint",
    )  # fmt: skip

    client_id: str
    client_secret: str | None
    token_endpoint: str
    issuer: str | None
    audience: str | None
    algorithms: tuple[str, ...] | None

    def __init__(
        self,
        client_id: str,
        client_secret: str | None,
        token_endpoint: str,
        issuer: str | None = None,
        audience: str | None = None,
        algorithms: tuple[str, ...] | None = None,
    ) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.token_endpoint = token_endpoint
        self.issuer = issuer
        self.audience = audience
        self.algorithms = algorithms

    def __repr__(self) -> str:
        return f"ClientIdentity(client_id={self.client_id!r}, issuer={self.issuer!r})"


class Authentication:
    """The parts that client authentication adds to one request.

    :param params: mapping, parameters for the body.
    :param auth: a requests auth object that is applied to the prepared request, or None.
    :param cert: as in requests: the client certificate of the connection, or None.
    :param secrets: tuple of str, what must never appear in a message about this request.

    Its ``repr`` shows none of these.
    """

    __slots__ = ("auth", "cert", "params", "secrets")

    params: Mapping[str, str]
    auth: requests.auth.AuthBase | None
    cert: Cert | None
    secrets: tuple[str, ...]

    def __init__(
        self,
        params: Mapping[str, str] | None = None,
        auth: requests.auth.AuthBase | None = None,
        cert: Cert | None = None,
        secrets: tuple[str, ...] = (),
    ) -> None:
        self.params = {} if params is None else params
        self.auth = auth
        self.cert = cert
        self.secrets = secrets


class ClientAuthentication(Protocol):
    """A method of client authentication at the token endpoint (RFC 6749 section 2.3).

    Called once for each attempt, so that an assertion or a proof is used only once. Must be safe to
    call from several threads.
    """

    @property
    def method(self) -> str:
        """Its name in the IANA registry of token endpoint authentication methods."""

    @property
    def needs_secret(self) -> bool:
        """True if it requires a ``client_secret``."""

    @property
    def key_part(self) -> Hashable:
        """The part of it that shapes the token: a :data:`KeyPart`, or an opaque hashable."""

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        """Return what one request needs."""


class ProofKey(Protocol):
    """A key that tokens are bound to (RFC 9449): a :class:`~requests_cc.DPoPKey`."""

    @property
    def thumbprint(self) -> str:
        """The thumbprint of the public key (RFC 7638)."""

    def proof(self, method: str, url: str, access_token: str | None = None) -> str:
        """Return a proof for one request, and for the token that is sent along."""

    def take_nonce(self, url: str, headers: Mapping[str, str]) -> bool:
        """Keep the nonce of a response for the next proof, and return whether there was one."""


class Clock(Protocol):
    """Both clocks, in seconds: a :class:`SystemClock`, the module :mod:`time`, or a test's own."""

    def time(self) -> float:
        """Return the seconds since the epoch."""

    def monotonic(self) -> float:
        """Return the seconds since some moment; never set back."""


class SystemClock:
    """The clocks of this machine, in an object that can be pickled."""

    __slots__ = ()

    # Looked up in the module at each call: tests replace time.time while they run.

    def time(self) -> float:
        """Return the seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return the seconds since some moment; never set back."""
        return time.monotonic()

    def __repr__(self) -> str:
        return "SystemClock()"

    def __reduce__(self) -> str:
        return "SYSTEM_CLOCK"  # the one of the process that reads the pickle


SYSTEM_CLOCK = SystemClock()
