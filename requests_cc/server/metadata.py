"""The metadata document of an authorization server: what of it is believed (RFC 8414 §2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConfigurationError, InvalidTokenResponse
from ..url import check_url
from .error_response import LONGEST_TEXT

LONGEST_URL = 2000  # characters of an endpoint that a server's metadata names


@dataclass(frozen=True)
class ServerDocument:
    """What an authorization server says about itself.

    A member is checked when it is asked for: what is wrong in another hinders nobody.

    :param members: mapping, the document; its ``issuer`` is the one that was asked for, and of the
        rest nothing has been checked.
    :param given_url: str, the URL that it was looked up with, which names it in messages.
    :param allow_http: bool, whether an endpoint may be asked over plain http beyond loopback.
    """

    members: Mapping[str, Any] = field(repr=False)  # the URLs in it can hold keys
    given_url: str
    allow_http: bool

    @property
    def issuer(self) -> str:
        """The issuer identifier, as the server writes it."""
        return str(self.members["issuer"])

    @property
    def mtls_endpoint_aliases(self) -> Mapping[str, str] | None:
        """What stands there (RFC 8705 §5); :meth:`endpoint` checks the one that is needed."""
        aliases = self.members.get("mtls_endpoint_aliases")
        return aliases if isinstance(aliases, dict) else None

    @property
    def auth_methods(self) -> tuple[str, ...]:
        """The client authentication methods that the token endpoint accepts."""
        methods = self.members.get("token_endpoint_auth_methods_supported")
        # "If omitted, the default is client_secret_basic" (RFC 8414 §2).
        named = methods if isinstance(methods, list) else ["client_secret_basic"]
        return tuple(method for method in named if isinstance(method, str))

    def endpoint(self, name: str, *, mutual_tls: bool = False) -> str | None:
        """An endpoint's URL, held to the same rules as one that is written down.

        :param name: str, as in RFC 8414 §2.
        :param mutual_tls: bool, whether the client presents a certificate (RFC 8705 §5).
        :returns: None where the document names none.
        :raises InvalidTokenResponse: when what it names cannot be used.
        """
        alias = self._url(self.mtls_endpoint_aliases or {}, name) if mutual_tls else None
        return alias or self._url(self.members, name)

    def _url(self, members: Mapping[str, Any], name: str) -> str | None:
        url = members.get(name)
        if url is None:
            return None
        try:
            check_url(url, name, allow_http=self.allow_http)
        except ConfigurationError as error:
            reason = str(error)[:LONGEST_TEXT]
        else:
            if len(str(url)) <= LONGEST_URL:
                return str(url)
            reason = f"{name} has more than {LONGEST_URL} characters"
        raise InvalidTokenResponse(f"the metadata of {self.given_url} cannot be used: {reason}")
