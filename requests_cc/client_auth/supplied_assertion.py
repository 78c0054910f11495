"""Client authentication by an assertion that something else signs (RFC 7523 §2.2)."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from os import PathLike

from ..access_token import VISIBLE_ASCII
from ..errors import ConfigurationError
from ..protocols import Authentication, ClientIdentity, TokenSource, is_source
from ..settings import required_path, required_text
from ..value import Value
from .assertion import JWT_BEARER, audience_of, authentication_by
from .secret import EqualObject, SecretFile, callable_key_part, supplied


class ClientAssertion(Value):
    """A JWT that something else signs.

    :param get: a callable: ``get(audience)`` returns the assertion as a str, and is called for each
        attempt; or a source of tokens, whose token is the assertion, such as a managed identity
        that a directory trusts as a federated credential.
    :param assertion_type: str, the ``client_assertion_type``.
    :raises ConfigurationError: if a setting is not valid; for a token request, if it gives no
        assertion.

    As safe to share between threads as ``get`` is. Tokens stay in this process, unless a callable
    has a ``cache_key`` (a str) of its own. An assertion that has not changed is not sent in a
    second attempt: it may be good once. Needs no extra. RFC 7523 §2.2.
    """

    get: Callable[[str], str] | TokenSource
    assertion_type: str
    method = "private_key_jwt"
    needs_secret = False

    def __init__(
        self, get: Callable[[str], str] | TokenSource, *, assertion_type: str = JWT_BEARER
    ) -> None:
        if isinstance(get, type) or not (callable(get) or is_source(get)):
            raise ConfigurationError(
                "ClientAssertion takes a callable, get(audience), or a source of tokens, not "
                f"{'a class' if isinstance(get, type) else type(get).__name__}"
            )
        required_text(assertion_type, "assertion_type")
        self._set(get=get, assertion_type=assertion_type)

    @property
    def key_part(self) -> Hashable:
        get = self.get
        if not is_source(get):
            return (self.method, callable_key_part(get), self.assertion_type)
        key = get.cache_key
        readable = key if isinstance(key, str) else EqualObject(key)
        return (self.method, "source", type(get).__qualname__, readable, self.assertion_type)

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        assertion = self._assertion(audience_of(identity, None)[0])
        # A key has spaces and lines: it must not be sent by mistake.
        if not (isinstance(assertion, str) and assertion and VISIBLE_ASCII.issuperset(assertion)):
            found = (
                "a value that is not an assertion, one word of ASCII" if assertion else "nothing"
            )
            raise ConfigurationError(f"{self._found} {found}")
        return authentication_by(identity, assertion, self.assertion_type)

    _found = "the get of ClientAssertion returned"

    def _assertion(self, audience: str) -> object:
        get = self.get
        if not is_source(get):
            return get(audience)  # type: ignore[operator] # a callable
        return supplied(get.request_token).value

    def __repr__(self) -> str:
        return f"ClientAssertion({type(self.get).__qualname__})"


class AssertionFile(ClientAssertion):
    """A JWT in a file that another program keeps fresh: Kubernetes, SPIFFE, a cloud's identity.

    :param path: str or path; the file is read for each token request. White space around its text
        is dropped.
    :param assertion_type: str, the ``client_assertion_type``.
    :raises ConfigurationError: if a setting is not valid; for a token request, if the file cannot
        be read or holds no assertion.

    Safe to share between threads. An assertion that has not changed is not sent in a second
    attempt: it may be good once. Needs no extra. RFC 7523 §2.2.
    """

    path: str

    def __init__(self, path: str | PathLike[str], *, assertion_type: str = JWT_BEARER) -> None:
        absolute = os.path.abspath(required_path(path, "path"))
        required_text(assertion_type, "assertion_type")
        self._set(path=absolute, assertion_type=assertion_type)

    @property
    def key_part(self) -> Hashable:
        return (self.method, self.path, self.assertion_type)

    @property
    def _found(self) -> str:  # type: ignore[override] # a text
        return f"the assertion file {self.path} holds"

    def _assertion(self, audience: str) -> str:
        return SecretFile(self.path)()

    def __repr__(self) -> str:
        return f"AssertionFile(path={self.path!r}, assertion_type={self.assertion_type!r})"
