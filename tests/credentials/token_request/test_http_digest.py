"""HTTP Digest, which answers a challenge of the token endpoint."""

from __future__ import annotations

import pytest
import requests
from requests.auth import HTTPDigestAuth

from requests_cc import OAuthError
from tests.support.scripts import answer, token
from tests.support.server import Server

from .clients import SECRET, client


@pytest.mark.parametrize("status_hook", [False, True])
@pytest.mark.parametrize("accepted", [True, False])
def test_http_digest_is_answered(status_hook: bool, accepted: bool) -> None:
    challenge = answer(
        b"",
        "401 No",
        {"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5'},
    )
    then = token() if accepted else answer({"error": "invalid_scope"}, "400 Bad")
    session = requests.Session()
    if status_hook:
        session.hooks["response"].append(lambda response, **_: response.raise_for_status())
    with Server(challenge, then) as server:
        credentials = client(server.url, None, auth=HTTPDigestAuth("me", SECRET), session=session)
        if accepted:
            assert credentials.request_token().value == "token-1"
        else:
            with pytest.raises(OAuthError, match="invalid_scope"):
                credentials.request_token()
        first, second = server.requests
    assert b"Authorization" not in first.raw
    assert b'Authorization: Digest username="me"' in second.raw
    assert b"client_id" not in second.raw
