"""The header that carries the token: ``Authorization``, unless an API wants another one."""

from __future__ import annotations

import string

from ..access_token import AccessToken, HeaderValue
from ..errors import ConfigurationError
from ..protocols import TokenSource, name_of

AUTHORIZATION = "Authorization"  # RFC 6750 section 2.1
_TCHAR = frozenset("!#$%&'*+-.^_`|~" + string.digits + string.ascii_letters)  # RFC 9110 §5.6.2
# Where a message ends and whom it is for; and what a proxy reads, which must see no token.
_RESERVED = {
    *("connection", "content-encoding", "content-length", "content-type", "cookie", "dpop", "host"),
    *("proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"),
}


class TokenHeader:
    """The place of the token in a request.

    :param name: str, the name of a header.
    :param scheme: str, what stands before the token; ``""`` sends it bare. None: the token's type.
    :raises ConfigurationError: if either cannot be sent in a header, or has a meaning in HTTP that
        the token would overwrite.

    ``key`` is the name in lower case. Immutable, so safe to share between threads.
    """

    __slots__ = ("key", "name", "scheme")

    def __init__(self, name: str = AUTHORIZATION, scheme: str | None = None) -> None:
        if not isinstance(name, str) or not name or not _TCHAR.issuperset(name):
            raise ConfigurationError(
                'header must be the name of a header; pass header="X-Access-Token", for example'
            )
        if name.lower() in _RESERVED:
            raise ConfigurationError(
                f"header is {name}, which has a meaning of its own in HTTP; pass the header in "
                f"which the API expects the token"
            )
        if scheme is not None and (not isinstance(scheme, str) or not _TCHAR.issuperset(scheme)):
            raise ConfigurationError(
                'scheme must be one word such as "Bearer"; pass scheme="" to send the token alone, '
                "or None for the token's own type"
            )
        self.name = name
        self.key = name.lower()
        self.scheme = scheme

    @property
    def is_usual(self) -> bool:
        """True if this is ``Authorization`` with the token's own type."""
        return self.key == AUTHORIZATION.lower() and self.scheme is None

    def value(self, token: AccessToken) -> str:
        """Return the header's value, which shows itself masked."""
        if self.scheme is None:
            return token.authorization
        return HeaderValue(f"{self.scheme} {token.value}" if self.scheme else token.value)

    def __repr__(self) -> str:
        return f"TokenHeader({self.name!r}, {self.scheme!r})"


def check_unbound(token: AccessToken, source: TokenSource) -> None:
    """Check that a token needs no proof that nobody can make.

    :raises ConfigurationError: if it is bound to a key that its source does not have.
    """
    if token.token_type == "DPoP":
        raise ConfigurationError(
            f"{name_of(source)} returned a token that is bound to a key (DPoP), and has no key: "
            f"the API would refuse the token. Set its attribute dpop to the DPoPKey"
        )
