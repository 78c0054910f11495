"""A service binding or service key of SAP BTP: where its server is, and the certificate in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from ..url import check_url

# Identity Authentication has another path than XSUAA.
_IDENTITY = r".*\.(?:accounts[0-9]*\.ondemand\.com|accounts[0-9]*\.cloud\.sap)"


class SapBinding(NamedTuple):
    """The authorization server and the client of a binding.

    :param url: str, the server's URL.
    :param path: str, the path of its token endpoint.
    :param pem: str or None, certificate and key, if the binding is of the kind ``x509``.
    """

    url: str
    path: str
    pem: str | None

    @classmethod
    def of(cls, binding: object) -> SapBinding:
        """Read a binding.

        :raises ConfigurationError: if it is not a binding with the credentials of a client. The
            message shows nothing of it.
        """
        members = _members(binding)
        pem = None
        if "certificate" in members and "key" in members:
            pem = f"{members['certificate']}\n{members['key']}\n"
        url = members.get("certurl", members["url"]) if pem else members["url"]
        check_url(url, "the url in binding", allow_http=False)
        host = urlsplit(url).hostname or ""
        path = "/oauth2/token" if re.fullmatch(_IDENTITY, host) else "/oauth/token"
        return cls(url.rstrip("/"), path, pem)

    def __repr__(self) -> str:
        return f"SapBinding({self.url!r})"  # the key is a secret


def _members(binding: object) -> Mapping[str, str]:
    """Return the members of a binding that hold a client's credentials."""
    members: Any = binding
    for name in ("credentials", "uaa"):
        inner = members.get(name) if isinstance(members, Mapping) else None
        members = inner if isinstance(inner, Mapping) else members
    if not isinstance(members, Mapping):
        raise ConfigurationError(
            f"binding must be a service binding as a dict, not {type(binding).__name__}"
        )
    needed = ["url", "clientid"]
    if members.get("credential-type") == "x509" or "certurl" in members:
        needed += ["certificate", "key"]
    missing = [name for name in needed if not isinstance(members.get(name), str)]
    if missing:
        raise ConfigurationError(
            f"binding is not a service binding of SAP: it has no {' and no '.join(missing)}"
        )
    return members
