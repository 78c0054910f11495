"""What a server of the tests speaks TLS with."""

from __future__ import annotations

import ssl
from datetime import datetime

import trustme


def server_context(
    authority: trustme.CA,
    name: str = "127.0.0.1",
    *,
    verify: ssl.VerifyMode = ssl.CERT_NONE,
    **certificate: datetime,
) -> ssl.SSLContext:
    """Return the context of a server with a new certificate.

    :param verify: whether clients must present a certificate of the same authority.
    :param certificate: further settings of trustme's ``issue_cert``.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, **certificate).configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = verify
    return context
