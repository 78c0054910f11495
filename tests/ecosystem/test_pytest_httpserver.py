"""pytest-httpserver: an authorization server and an API of one's own, in a test."""

from __future__ import annotations

from typing import Any

import requests

from requests_cc import ClientCredentials, ClientCredentialsAdapter, TokenCache, mount

from .journey import BODY, CLIENT_ID, SECRET
from .packages import needed

needed("pytest_httpserver", "pytest-httpserver")


def test_a_revoked_token_is_renewed(httpserver: Any) -> None:
    for token in ("first", "second"):
        httpserver.expect_ordered_request("/token", method="POST").respond_with_json(
            {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
        )
        bearer = {"Authorization": f"Bearer {token}"}
        expected = {"uri": "/orders", "method": "PUT", "data": BODY, "headers": bearer}
        httpserver.expect_ordered_request(**expected).respond_with_data("done")
        if token == "first":
            httpserver.expect_ordered_request(**expected).respond_with_data("", status=401)
    credentials = ClientCredentials(httpserver.url_for("/token"), CLIENT_ID, SECRET)
    session = requests.Session()
    origins = httpserver.url_for("/")
    mount(session, ClientCredentialsAdapter(credentials, origins=origins, cache=TokenCache()))

    answers = [session.put(httpserver.url_for("/orders"), data=BODY).text for _ in range(2)]

    httpserver.check()
    assert answers == ["done", "done"]
