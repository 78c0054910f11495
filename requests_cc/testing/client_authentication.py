"""Client authentication: RFC 6749 §2.3, RFC 7523 §2.2, RFC 8705 §2."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple
from urllib.parse import unquote_plus

from requests_cc.testing import jose
from requests_cc.testing.claims import Replays, check_audience, check_times
from requests_cc.testing.client import METHODS, Client, certificate_thumbprint
from requests_cc.testing.parameters import Parameters
from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.response import bad_request, invalid_client


class Credential(NamedTuple):
    """The client authentication in a request.

    :param kind: ``basic``, ``post``, ``assertion`` or ``none``.
    :param client_id: None if the request names no client.
    :param value: the secret or the assertion.
    """

    kind: str
    client_id: str | None
    value: str | None

    def __repr__(self) -> str:
        return f"<Credential {self.kind}>"


class ClientRegistry:
    """The clients that the server knows; safe to share between threads.

    :param clients: by client id; None: every client is accepted, however it authenticates.
    :param issued_to: returns the client id that the server issued a certificate to, by thumbprint;
        None: there are no certificates.
    """

    def __init__(
        self,
        clients: Mapping[str, Client] | None,
        issued_to: Callable[[str], str | None] | None,
    ) -> None:
        self.clients = clients
        self._issued_to = issued_to
        self.replays = Replays()

    def methods(self, *, tls: bool) -> list[str]:
        """Return the methods that the clients may use, for the metadata."""
        allowed: set[str] = set()
        for client in (self.clients or {"": Client()}).values():
            allowed |= set(METHODS if client.auth_methods is None else client.auth_methods)
        return [name for name in METHODS if name in allowed and (tls or "tls" not in name)]

    def authenticate(
        self, request: RecordedRequest, parameters: Parameters, audiences: Collection[str]
    ) -> str | None:
        """Return the id of the authenticated client; None if the request names no client.

        :param audiences: the accepted values of ``aud`` in a client assertion.
        :raises RefusedError: if the client is unknown or its authentication fails.
        """
        credential = presented(request, parameters)
        if self.clients is None or credential.client_id is None:
            return credential.client_id
        client = self.clients.get(credential.client_id)
        if client is None:
            raise invalid_client(request, "The client is unknown.")
        try:
            method = self._verified(client, credential, request, audiences)
        except jose.InvalidJWTError as error:
            description = f"The client assertion is not valid: {error}."
            raise invalid_client(request, description) from None
        if method is None:
            raise invalid_client(request, _wrong(credential))
        if client.auth_methods is not None and method not in client.auth_methods:
            allowed = " or ".join(client.auth_methods)
            raise invalid_client(request, f"This client must authenticate with {allowed}.")
        return credential.client_id

    def _verified(
        self,
        client: Client,
        credential: Credential,
        request: RecordedRequest,
        audiences: Collection[str],
    ) -> str | None:
        if credential.kind == "assertion":
            return self._verified_assertion(client, credential, audiences)
        # RFC 6749 §2.3.1: a client "MAY omit the parameter if the client secret is an empty string"
        secret = credential.value or ""
        if secret:
            return f"client_secret_{credential.kind}" if secret in client.secrets else None
        if request.client_certificate is not None:
            thumbprint = certificate_thumbprint(request.client_certificate)
            if thumbprint in client.thumbprints:
                return "self_signed_tls_client_auth"
            if self._issued_to and self._issued_to(thumbprint) == credential.client_id:
                return "tls_client_auth"
        return "none" if client.is_public else None

    def _verified_assertion(
        self, client: Client, credential: Credential, audiences: Collection[str]
    ) -> str:
        assertion = str(credential.value)
        header, claims = jose.read(assertion)
        if header.get("alg") in jose.SYMMETRIC:
            jose.verify_secret(assertion, client.secrets - {""})
            method = "client_secret_jwt"
        else:
            jose.verify_key(assertion, client.keys)
            method = "private_key_jwt"
        check_times(claims)
        check_audience(claims, audiences)
        # RFC 7523 §3: "iss" and "sub" are the client's id.
        if claims.get("iss") != credential.client_id or claims.get("sub") != credential.client_id:
            raise jose.InvalidJWTError("its iss and sub must be the client_id")
        if "jti" in claims:
            self.replays.check("client", credential.client_id, claims["jti"])
        return method


def presented(request: RecordedRequest, parameters: Parameters) -> Credential:
    """Return the client's credential, without verifying it.

    :raises RefusedError: if there is more than one, or it is malformed.
    """
    client_id = parameters.get("client_id")
    secret = parameters.get("client_secret")
    assertion = parameters.get("client_assertion")
    authorizations = request.headers.get_all("Authorization", [])
    # RFC 6749 §2.3: "The client MUST NOT use more than one authentication method in each request."
    if len(authorizations) + (secret is not None) + (assertion is not None) > 1:
        raise bad_request("invalid_request", "The client must authenticate only once.")
    if assertion is not None:
        return _presented_assertion(client_id, assertion, parameters)
    if not authorizations:
        return Credential("none" if secret is None else "post", client_id, secret)
    basic = _decoded_basic(authorizations[0])
    if basic is None:
        raise invalid_client(request, "The Authorization header is not valid for the Basic scheme.")
    if client_id not in (None, basic[0]):
        raise bad_request(
            "invalid_request", "client_id and the Authorization header name different clients."
        )
    return Credential("basic", *basic)


def _presented_assertion(
    client_id: str | None, assertion: str, parameters: Parameters
) -> Credential:
    try:
        claimed = jose.read(assertion)[1].get("sub")
    except jose.InvalidJWTError:
        claimed = None  # an open server accepts any assertion; another one refuses it later
    if parameters.get("client_assertion_type") is None:
        raise bad_request("invalid_request", "client_assertion_type is missing.")
    # With a platform's assertion (Kubernetes, SPIFFE) client_id and sub may differ.
    subject = claimed if isinstance(claimed, str) else None
    return Credential("assertion", client_id or subject, assertion)


def _decoded_basic(authorization: str) -> tuple[str, str] | None:
    scheme, _, encoded = authorization.partition(" ")
    try:
        text = base64.b64decode(encoded.strip(" "), validate=True).decode()
        # RFC 6749 §2.3.1: both are form-encoded before they are joined with a colon.
        client_id, secret = (unquote_plus(part, errors="strict") for part in text.split(":", 1))
    except ValueError:
        return None
    return (client_id, secret) if scheme.lower() == "basic" else None


def _wrong(credential: Credential) -> str:
    if credential.value:
        return "The client's secret is wrong."
    return "The client must authenticate: its secret is missing, or its certificate is unknown."
