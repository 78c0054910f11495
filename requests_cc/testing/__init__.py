"""A real server on the loopback interface, for tests of code that uses client credentials.

:class:`LocalServer` is an authorization server and a protected API. It imports nothing else of
:mod:`requests_cc`, and only the standard library unless ``jwt=``, ``tls=``, keys or DPoP are used:
any client can use it.

The token endpoint takes a POST with any ``grant_type``, form-encoded or as JSON. A client
authenticates with ``client_secret_basic``, ``client_secret_post`` (RFC 6749 §2.3.1),
``client_secret_jwt``, ``private_key_jwt`` (RFC 7523 §2.2), ``tls_client_auth`` or
``self_signed_tls_client_auth`` (RFC 8705 §2); a public client sends only its ``client_id``. The
assertion of the grant ``urn:ietf:params:oauth:grant-type:jwt-bearer`` (RFC 7523 §2.1) is verified
with the ``keys`` of the client that ``iss`` names; a token exchange (RFC 8693) accepts any subject
token. A DPoP proof (RFC 9449) or a client certificate binds the token. The errors are those of
RFC 6749 §5.2.

Beside it are discovery (RFC 8414, OpenID Connect, RFC 9728), the public keys (RFC 7517),
introspection (RFC 7662) and revocation (RFC 7009): the API rejects a revoked token.

The API takes any method and path. With a valid token in one ``Authorization`` header (RFC 6750
§2.1; RFC 9449 §7.1, RFC 8705 §3 for a bound token) the response is the one set with
:meth:`LocalServer.respond`, or a 200 with a JSON object: ``method``, ``path``, the ``client_id``,
``scope``, ``audience`` and ``resource`` (a list) of the token request, ``body_length`` (bytes) and
``body_sha256`` (hexadecimal). Without one it is a 401 with a challenge (RFC 6750 §3).

Read ``local_server``, then ``endpoints``, ``token_request``, ``client_authentication`` and ``api``;
``loopback``, ``listener`` and ``connection`` do the HTTP.
"""

from __future__ import annotations

from requests_cc.testing.client import Client
from requests_cc.testing.local_server import LocalServer
from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.response import Response

__all__ = ["Client", "LocalServer", "RecordedRequest", "Response"]
