"""``https://auth.example.com`` and ``https://api.example.com``, which the documents name."""

from __future__ import annotations

import base64
import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
import requests
import responses
import trustme
from joserfc.jwk import RSAKey

import requests_cc

AUTH = "https://auth.example.com"
TOKEN_URL = f"{AUTH}/oauth/token"


class ExampleDotCom:
    """The servers that the documents name: the only thing that stands in for what they show."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.issued: set[str] = set()
        self.strangers: list[requests.PreparedRequest] = []
        self.api_statuses: list[int] = []
        self.token_requests = 0
        mock.add_passthru("http://127.0.0.1")
        mock.add_passthru("https://127.0.0.1")
        for url in (TOKEN_URL, TOKEN_URL.replace("auth", "mtls", 1)):
            mock.add_callback(responses.POST, url, self.token)
        mock.add_callback(responses.POST, f"{AUTH}/oauth/introspect", self.introspect)
        mock.add_callback(responses.POST, f"{AUTH}/oauth/revoke", self.revoke)
        metadata = {"issuer": AUTH, "token_endpoint": TOKEN_URL}
        mock.get(f"{AUTH}/.well-known/oauth-authorization-server", json=metadata)
        mock.add_callback(responses.GET, re.compile("https://auth.example.com/broker"), self.broker)
        for method in (responses.GET, responses.POST):
            api = re.compile(r"https://(api|files)\.example\.com(:\d+)?/")
            mock.add_callback(method, api, self.api)
            mock.add_callback(method, re.compile(r"https://[^/]*\.evil\.net/"), self.stranger)

    def issue(self, token_type: str = "Bearer") -> str:
        self.token_requests += 1
        token = f"token-{self.token_requests}"
        self.issued.add(f"{token_type} {token}")
        return token

    def token(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        form = dict(parse_qsl(str(request.body)))
        if "client_assertion" in form:
            known = form["client_assertion"].count(".") == 2
        elif "Authorization" in request.headers:
            basic = request.headers["Authorization"].removeprefix("Basic ")
            secret = unquote(base64.b64decode(basic).decode().partition(":")[2])
            known = secret in ("secret", "new secret")
        elif "client_secret" in form:
            known = form["client_secret"] == "secret"
        else:
            known = str(request.url).startswith("https://mtls.") and form["client_id"] == "client"
        if not known:
            return 401, {}, json.dumps({"error": "invalid_client"})
        token_type = "DPoP" if "DPoP" in request.headers else "Bearer"
        token = {"access_token": self.issue(token_type), "token_type": token_type}
        return 200, {}, json.dumps({**token, "expires_in": 3600})

    def introspect(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        token = dict(parse_qsl(str(request.body)))["token"]
        return 200, {}, json.dumps({"active": f"Bearer {token}" in self.issued})

    def revoke(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        self.issued.discard(f"Bearer {dict(parse_qsl(str(request.body)))['token']}")
        return 200, {}, ""

    def broker(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        return 200, {}, json.dumps({"token": self.issue(), "seconds": 300})

    def api(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        status = 200 if request.headers.get("Authorization") in self.issued else 401
        self.api_statuses.append(status)
        return status, {}, json.dumps({"path": urlsplit(str(request.url)).path})

    def stranger(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        self.strangers.append(request)
        return 200, {}, "{}"


def write_keys(folder: Path) -> None:
    """The files that the documents name, in the folder where their code runs."""
    key = RSAKey.generate_key(2048).as_pem(private=True).decode()
    account = {
        "type": "service_account",
        "client_email": "robot@project.iam.gserviceaccount.com",
        "private_key": key,
        "private_key_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    (folder / "private_key.pem").write_text(key, encoding="utf-8")
    (folder / "service-account.json").write_text(json.dumps(account), encoding="utf-8")
    (folder / "assertion.jwt").write_text("e30.e30.c2ln\n", encoding="utf-8")
    certificate = trustme.CA().issue_cert("client.example.com")
    certificate.cert_chain_pems[0].write_to_path(str(folder / "client.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "client.key"))


@pytest.fixture
def example_dot_com(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, oauth_cache: requests_cc.TokenCache
) -> Iterator[ExampleDotCom]:
    for name in [name for name in os.environ if name.startswith("OAUTH_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    write_keys(tmp_path)
    secret_file = tmp_path / "client_secret"
    secret_file.write_text("secret\n", encoding="utf-8")
    monkeypatch.setenv("CLIENT_ID", "client")
    monkeypatch.setenv("CLIENT_SECRET", "secret")
    monkeypatch.setenv("NEW_CLIENT_SECRET", "new secret")
    monkeypatch.setenv("OAUTH_TOKEN_URL", "https://auth.example.com/oauth/token")
    monkeypatch.setenv("OAUTH_CLIENT_ID", "client")
    monkeypatch.setenv("OAUTH_CLIENT_SECRET_FILE", str(secret_file))
    logger = logging.getLogger("requests_cc")
    level = logger.level
    try:
        with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
            yield ExampleDotCom(mock)
    finally:
        logger.setLevel(level)  # the documents show how to set it
