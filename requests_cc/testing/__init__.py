"""A real server on the loopback interface, for tests of code that uses client credentials.

It needs the standard library only and imports nothing else of :mod:`requests_cc`: any client can
use it.

The token endpoint takes a POST with any ``grant_type``, form-encoded or as JSON. A client
authenticates with ``client_secret_basic`` or ``client_secret_post`` (RFC 6749 §2.3.1); a public
client sends only its ``client_id``. The errors are those of RFC 6749 §5.2.

The API takes any method and path. With a valid token in one ``Authorization: Bearer`` header
(RFC 6750 §2.1) the response is a 200 with a JSON object: ``method``, ``path``, the ``client_id``,
``scope``, ``audience`` and ``resource`` (a list) of the token request, ``body_length`` (bytes) and
``body_sha256`` (hexadecimal). Without one it is a 401 with a challenge (RFC 6750 §3).
"""

from __future__ import annotations

from requests_cc.testing.local_server import LocalServer
from requests_cc.testing.recorded_request import RecordedRequest

__all__ = ["LocalServer", "RecordedRequest"]
