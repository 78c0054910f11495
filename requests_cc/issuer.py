"""Who the authorization server is: known already, or named by a protected resource (RFC 9728)."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

from .endpoint_url import check_url, without_query
from .error_response import LONGEST_TEXT
from .errors import ConfigurationError, InvalidTokenResponse
from .well_known import LookUp, is_same_issuer, readable_list, resource_metadata


class FindIssuer(Protocol):
    """Finds out, by looking it up or otherwise, who the authorization server is."""

    @property
    def key_part(self) -> Hashable:
        """Equal only for those that find the same."""

    def __call__(self, url: str, look_up: LookUp) -> str:
        """The URL of the issuer.

        :param url: str, what the server is looked up with.
        :param look_up: how documents are fetched.
        """


@dataclass(frozen=True)
class SameIssuer:
    """For those who know the issuer."""

    @property
    def key_part(self) -> Hashable:
        return "issuer"

    def __call__(self, url: str, look_up: LookUp) -> str:
        return url


same_issuer = SameIssuer()


@dataclass(frozen=True)
class IssuerOfResource:
    """Finds the authorization server of a protected resource (RFC 9728 §2).

    :param trusted: tuple of str, the issuers that may be chosen, or None for any. The resource's
        own order decides.
    """

    trusted: tuple[str, ...] | None

    @property
    def key_part(self) -> Hashable:
        return ("resource", self.trusted)

    def __call__(self, url: str, look_up: LookUp) -> str:
        document = resource_metadata(url, look_up)
        servers = document.get("authorization_servers")
        named = (
            [one for one in servers if isinstance(one, str)] if isinstance(servers, list) else []
        )
        for issuer in named:
            if self.trusted is None:
                return self._checked(issuer, url, look_up)
            for one in self.trusted:
                if is_same_issuer(one, issuer):
                    return one
        whom = "" if self.trusted is None else " that issuers= trusts"
        raise InvalidTokenResponse(
            f"the metadata of the resource {without_query(url)} names no authorization server"
            f"{whom}; it has {readable_list(named) or 'none'}"
        )

    def _checked(self, issuer: str, url: str, look_up: LookUp) -> str:
        """An issuer that only the resource vouches for."""
        try:
            check_url(issuer, "the authorization server", allow_http=look_up.reach.allow_http)
        except ConfigurationError as error:
            reason = str(error)[:LONGEST_TEXT]
        else:
            return issuer
        raise InvalidTokenResponse(
            f"the metadata of the resource {without_query(url)} cannot be used: {reason}"
        )
