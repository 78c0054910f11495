"""A loopback authorization server and a protected API in one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus

from requests_cc.testing.api import Body, OwnResponse
from requests_cc.testing.client import Client, client_of, names
from requests_cc.testing.client_authentication import ClientRegistry
from requests_cc.testing.endpoint import Endpoint, EndpointControls
from requests_cc.testing.endpoints import Endpoints
from requests_cc.testing.jose import SigningKey
from requests_cc.testing.loopback import Loopback
from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.response import Response
from requests_cc.testing.settings import Settings
from requests_cc.testing.tls import Certificates
from requests_cc.testing.token_request import Policy
from requests_cc.testing.tokens import IssuedTokens


class LocalServer(EndpointControls, Settings):
    """An authorization server, and an API that accepts its tokens, on a port of 127.0.0.1.

    Real sockets and threads: any client, in this process or another, uses it through its URLs.
    All methods and attributes are safe to use from several threads, while requests arrive too::

        with LocalServer({"me": "secret"}) as server:
            response = requests.post(
                server.token_url, data={"grant_type": "client_credentials"}, auth=("me", "secret")
            )
            bearer = {"Authorization": "Bearer " + response.json()["access_token"]}
            assert requests.get(server.api_url + "orders", headers=bearer).status_code == 200
            server.revoke_tokens()
            assert requests.get(server.api_url + "orders", headers=bearer).status_code == 401
            assert [request.path for request in server.api_requests] == ["/api/orders"] * 2

    :mod:`requests_cc.testing` describes the endpoints. Each keeps its newest 10,000 requests, with
    at most 64 MiB of bodies.

    :param clients: by client id: a secret; a list of secrets, each of which is accepted; None for a
        public client, which sends only its ``client_id``; or a :class:`Client` with keys,
        certificates, scopes or grants of its own. Without ``clients`` every client is accepted,
        however it authenticates.
    :param port: int, the TCP port; 0: a free one.
    :param tls: bool, serve https, with a new certificate of a new CA: :attr:`ca_bundle`. Needs
        trustme (extra ``testing``).
    :param jwt: bool, issue JWT access tokens (RFC 9068), signed with ES256 or the algorithm named
        here, ``"RS256"``. Needs joserfc (extra ``jwt``). False: tokens are opaque.
    :param scopes: str or iterable, the scopes that may be requested, others are an
        ``invalid_scope``; a request without a scope is granted all of them. None: any.
    :param grants: str or iterable, the accepted grant types, others are an
        ``unsupported_grant_type``. None: any.
    :raises MissingExtraError: if a needed package is not installed; the message says what to run.
    :raises ValueError: if an argument is not valid.
    """

    def __init__(
        self,
        clients: Mapping[str, str | Sequence[str] | Client | None] | None = None,
        *,
        port: int = 0,
        tls: bool = False,
        jwt: bool | str = False,
        scopes: str | Iterable[str] | None = None,
        grants: str | Iterable[str] | None = None,
    ) -> None:
        known = None if clients is None else {name: client_of(c) for name, c in clients.items()}
        pems = [pem for client in (known or {}).values() for pem in client.pems]
        self._certificates = Certificates(pems) if tls else None
        key = SigningKey("ES256" if jwt is True else jwt) if jwt else None
        self._loopback = Loopback(
            self._respond, port, self._certificates.context if self._certificates else None
        )
        self._endpoints = Endpoints(
            self,
            Policy(names(scopes), names(grants)),
            ClientRegistry(known, self._certificates.issued_to if self._certificates else None),
            IssuedTokens(self, key),
            self._loopback.stops_within,
        )

    def start(self) -> LocalServer:
        """Start to listen; after :meth:`stop`, at the same URLs. No effect on a running server.

        :returns: this server.
        :raises OSError: if another process has the port.
        """
        self._loopback.start()
        return self

    def stop(self) -> None:
        """Cut off all connections, delayed requests included, and refuse new ones.

        Recorded requests, tokens and planned failures stay, so that a stop and a start make an
        outage. No effect on a stopped server; in a forked child the parent's server keeps running.
        """
        self._loopback.stop()

    def __enter__(self) -> LocalServer:  # noqa: PYI034 - typing.Self is new in Python 3.11
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = f"running at {self.origin}" if self._loopback.running else "stopped"
        received = {name: point.received for name, point in self._endpoints.by_name.items()}
        named = ("token", "api")
        shown = [f"{received[name]} {name}" for name in received if received[name] or name in named]
        return f"<{type(self).__name__} {state}, requests: {', '.join(shown)}>"

    @property
    def origin(self) -> str:
        """Scheme, host and port: ``http://127.0.0.1:PORT``, or https with ``tls=True``."""
        return self._loopback.origin

    @property
    def ca_bundle(self) -> str:
        """The path of the certificate (PEM) to trust, for ``session.verify``.

        The file is deleted with the server object.

        :raises RuntimeError: without ``tls=True``.
        """
        return str(self._tls.bundle)

    def client_certificate(self, client_id: str) -> str:
        """Issue a certificate to a client, for ``tls_client_auth`` (RFC 8705 §2.1).

        :param client_id: str, also the certificate's common name.
        :returns: the path of a PEM file with certificate and key, for ``cert=`` in requests; the
            same each time. The file is deleted with the server object.
        :raises RuntimeError: without ``tls=True``.
        """
        return str(self._tls.client_certificate(client_id))

    def revoke_tokens(self) -> None:
        """Revoke all tokens issued so far: the API rejects them from now on."""
        self._endpoints.tokens.revoke_all()

    def respond(
        self,
        path: str,
        status: int = HTTPStatus.OK,
        body: Body = b"",
        headers: Mapping[str, str] | None = None,
        *,
        method: str | None = None,
        scope: str | None = None,
    ) -> None:
        """Give a path of the API a response of its own, for requests with a valid token.

        :param path: str, below :attr:`api_url`, without the query: ``"orders"``; with a ``*`` at
            its end, every path that begins so. A later call takes precedence.
        :param status: int, the HTTP status.
        :param body: bytes; str; a dict or list, which is sent as JSON; or a callable that receives
            the :class:`RecordedRequest` and returns one of these, or a :class:`Response`. It is
            called in the thread that serves the connection; calls may overlap.
        :param headers: further headers.
        :param method: str, the only method that it is for; None: all.
        :param scope: str, the scope that the token must have, else the response is a 403 with
            ``insufficient_scope`` (RFC 6750 §3.1).
        """
        pairs = tuple((headers or {}).items())
        own = OwnResponse(path.removeprefix("/"), status, body, pairs, method, scope)
        self._endpoints.api.add(own)

    def reset(self) -> None:
        """Return to the state of a new server, at the same URLs, with the same keys.

        Recorded requests, tokens, planned failures and responses of :meth:`respond` are discarded;
        the settings, from ``token_lifetime`` to ``dpop_nonce``, have their first values again.
        """
        self._endpoints.reset()
        self._reset_settings()

    @property
    def _tls(self) -> Certificates:
        if self._certificates is None:
            raise RuntimeError("LocalServer has certificates only with LocalServer(tls=True)")
        return self._certificates

    def _endpoints_by_name(self) -> Mapping[str, Endpoint]:
        return self._endpoints.by_name

    def _respond(self, request: RecordedRequest) -> Response | None:
        return self._endpoints.respond(request)
