"""A real server on the loopback interface, for tests of code that uses client credentials.

Standard library only, and nothing of the rest of :mod:`requests_cc`: any client can talk to it.

The token endpoint takes a POST with any ``grant_type``, form-encoded or as JSON. A client
authenticates with ``client_secret_basic`` or ``client_secret_post`` (RFC 6749 section 2.3.1), a
public one sends its ``client_id`` only. The errors are those of RFC 6749 section 5.2.

The API takes any method and path. With a good token in one ``Authorization: Bearer`` header
(RFC 6750 section 2.1) it answers 200 and a JSON object: ``method``, ``path`` and, as the token was
asked for, ``client_id``, ``scope``, ``audience`` and ``resource`` (a list); then ``body_length``
(bytes) and ``body_sha256`` (hexadecimal). Without, it answers 401 and a challenge (section 3).
"""

from __future__ import annotations

from requests_cc.testing.local_server import LocalServer
from requests_cc.testing.recorded_request import RecordedRequest

__all__ = ["LocalServer", "RecordedRequest"]
