"""One client for each way to prove who it is, as the server and as the library see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests_cc

from .material import CLIENT_NAME, SIGNING_ALGORITHMS, Material, public_part

SCOPES = ("read", "write")
JWT_RESOURCE = "https://jwt.example/"
OPAQUE_RESOURCE = "https://opaque.example/"
RESOURCES = {JWT_RESOURCE: {"format": "jwt"}, OPAQUE_RESOURCE: {"format": "opaque"}}

#: Every printable ASCII character that RFC 6749 appendix A lets an id and a secret have.
RESERVED = "".join(map(chr, range(0x20, 0x7F)))
LONG_SECRET = "a-secret-of-sixty-four-characters-which-is-enough-for-HS512-too!"


@dataclass(frozen=True)
class Method:
    """A client and its way.

    :param metadata: what the server has on record (RFC 7591 §2).
    :param auth: makes the library's ``auth=`` of the run's keys and certificates.
    :param dpop: whether its tokens are bound to a DPoP key.
    :param cert: makes the library's ``cert=``, if the client presents one beside its secret.
    """

    name: str
    metadata: Callable[[Material], dict[str, Any]] = field(repr=False)
    auth: Callable[[Material], Any] = field(repr=False)
    client_id: str = ""
    client_secret: str | None = field(default=None, repr=False)
    dpop: bool = False
    tls: bool = False
    cert: Callable[[Material], Any] | None = field(default=None, repr=False)

    def registration(self, material: Material) -> dict[str, Any]:
        """The client's metadata for the server."""
        return {
            "client_id": self.client_id or self.name,
            **({"client_secret": self.client_secret} if self.client_secret else {}),
            "grant_types": ["client_credentials"],
            "redirect_uris": [],
            "response_types": [],
            "scope": " ".join(SCOPES),
            "dpop_bound_access_tokens": self.dpop,
            "tls_client_certificate_bound_access_tokens": self.tls,
            **self.metadata(material),
        }

    def credentials(
        self, server: requests_cc.AuthorizationServer, material: Material, **settings: Any
    ) -> requests_cc.ClientCredentials:
        """What an application writes.

        :param settings: more arguments of ``ClientCredentials``, or others in place of these.
        """
        arguments = {
            "client_id": self.client_id or self.name,
            "client_secret": self.client_secret,
            "auth": self.auth(material),
            **({"dpop": requests_cc.DPoPKey.generate()} if self.dpop else {}),
            **({"cert": self.cert(material)} if self.cert else {}),
            **settings,
        }
        return requests_cc.ClientCredentials(server, **arguments)


def _by_name(method: str) -> Callable[[Material], dict[str, Any]]:
    return lambda _material: {"token_endpoint_auth_method": method}


def _private_key_jwt(alg: str) -> Method:
    def metadata(material: Material) -> dict[str, Any]:
        return {
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": alg,
            "jwks": {"keys": [public_part(material.keys[alg])]},
        }

    def auth(material: Material) -> Any:
        key = {name: value for name, value in material.keys[alg].items() if name != "alg"}
        # PS256 must be asked for: an RSA key alone means RS256.
        return requests_cc.PrivateKeyJWT(key, alg="PS256" if alg == "PS256" else None)

    return Method(f"private_key_jwt-{alg}", metadata, auth)


METHODS = {
    method.name: method
    for method in (
        Method(
            "client_secret_basic",
            _by_name("client_secret_basic"),
            lambda _: None,
            client_id=f"basic {RESERVED}",
            client_secret=f"secret {RESERVED}",
        ),
        Method(
            "client_secret_post",
            _by_name("client_secret_post"),
            lambda _: "client_secret_post",
            client_secret=RESERVED,
        ),
        Method(
            "client_secret_jwt",
            _by_name("client_secret_jwt"),
            lambda _: requests_cc.ClientSecretJWT(),
            client_secret=LONG_SECRET,
        ),
        *map(_private_key_jwt, SIGNING_ALGORITHMS),
        Method(
            "tls_client_auth",
            lambda _: {
                "token_endpoint_auth_method": "tls_client_auth",
                "tls_client_auth_san_dns": CLIENT_NAME,
            },
            lambda material: requests_cc.TLSClientAuth(material.client.cert),
            tls=True,
        ),
        Method(
            "self_signed_tls_client_auth",
            lambda material: {
                "token_endpoint_auth_method": "self_signed_tls_client_auth",
                "jwks": {"keys": [material.self_signed.jwk()]},
            },
            lambda material: requests_cc.TLSClientAuth(material.self_signed.cert),
            tls=True,
        ),
        Method(
            "secret-and-certificate",
            _by_name("client_secret_basic"),
            lambda _: None,
            client_secret=LONG_SECRET,
            tls=True,
            cert=lambda material: material.client.cert,
        ),
        Method(
            "dpop",
            _by_name("client_secret_basic"),
            lambda _: None,
            client_secret=LONG_SECRET,
            dpop=True,
        ),
    )
}

#: Its tokens live for three seconds.
BRIEF = Method("brief", _by_name("client_secret_basic"), lambda _: None, client_secret=LONG_SECRET)
#: Not allowed by RFC 6749 appendix A, and yet what some servers have.
NON_ASCII = Method(
    "non-ascii",
    _by_name("client_secret_basic"),
    lambda _: None,
    client_id="Größe: 100 % ☃",
    client_secret="pässwörd & 日本語 + 🔑",
)
#: The protected API's own, with which it asks about tokens.
API_CLIENT = Method(
    "api", _by_name("client_secret_basic"), lambda _: None, client_secret="of-the-api"
)
