"""``requests-cc discover``: what an authorization server publishes about itself."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import requests

from ..credentials.auth_setting import preferred
from ..credentials.environment import Environment
from ..errors import ConfigurationError
from ..server.authorization_server import AuthorizationServer
from ..url import check_url
from .options import add_verbose_option
from .output import DONE, result, safe
from .wire import Wire, watched_session

_ENDPOINTS = (
    "token_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
    "jwks_uri",
)
_LISTS = {
    "token_endpoint_auth_methods_supported": "client authentication",
    "token_endpoint_auth_signing_alg_values_supported": "  algorithms of assertions",
    "grant_types_supported": "grants",
    "scopes_supported": "scopes",
    "dpop_signing_alg_values_supported": "DPoP algorithms",
}
_WITHOUT_A_SECRET = {
    "private_key_jwt": ("with a private key", "--private-key-file, auth=PrivateKeyJWT(key)"),
    "tls_client_auth": ("with a certificate", "--cert, auth=TLSClientAuth(cert)"),
    "self_signed_tls_client_auth": ("with a certificate", "--cert, auth=TLSClientAuth(cert)"),
    "none": ("public client", '--auth none, auth="none"'),
}
_DEFAULT_TIMEOUT = (5.0, 10.0)  # seconds to connect, and to wait for a response
_WIDTH = 26


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the argument and the options of this verb."""
    parser.add_argument(
        "issuer", metavar="ISSUER|URL", help="the issuer identifier, or the document's own URL"
    )
    parser.add_argument("--cacert", metavar="FILE", help="the CA certificates to trust, PEM")
    parser.add_argument("--allow-http", action="store_true", help="allow plain http")
    add_verbose_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the metadata that matters to a client."""
    wire = Wire(verbose=arguments.verbose)
    with watched_session(wire) as session:
        given = Environment("", {"CA_BUNDLE": arguments.cacert or ""}, {"CA_BUNDLE": "--cacert"})
        session.verify = given.path("CA_BUNDLE") or True
        allow_http: bool = arguments.allow_http
        check_url(arguments.issuer, "ISSUER", allow_http=allow_http, advice="pass --allow-http")
        server = AuthorizationServer.discover(
            arguments.issuer, session=session, allow_http=allow_http
        )
        _print_row("issuer", server.issuer)
        _print(server, _document(session, wire))
    return DONE


def _document(session: requests.Session, wire: Wire) -> Mapping[str, Any]:
    """Return the whole document, read again at the URL at which the library found it."""
    url = wire.last.url if wire.last is not None else ""
    _print_row("metadata", url)
    try:
        members = session.get(url, timeout=_DEFAULT_TIMEOUT, allow_redirects=False).json()
    except (requests.RequestException, ValueError):
        return {}  # the library has what it needs; only the lists are missing
    return members if isinstance(members, Mapping) else {}


def _print(server: AuthorizationServer, document: Mapping[str, Any]) -> None:
    for name in _ENDPOINTS:
        _print_row(name.replace("_", " "), document.get(name))
    for name, label in _LISTS.items():
        values = document.get(name)
        if isinstance(values, list):
            _print_row(label, " ".join(map(str, values)))
    result("\nClientCredentials would use")
    _print_row("  with a secret", _choice(server))
    methods = tuple(server.auth_methods or ())
    rows = {_WITHOUT_A_SECRET[m] for m in methods if m in _WITHOUT_A_SECRET}
    for label, advice in sorted(rows):
        _print_row(f"  {label}", advice)


def _choice(server: AuthorizationServer) -> str:
    try:
        return preferred(server.auth_methods).method
    except ConfigurationError:
        return "nothing: the server does not accept a secret"


def _print_row(label: str, value: object) -> None:
    if value:
        result(f"{label:<{_WIDTH}} {safe(value)}")
