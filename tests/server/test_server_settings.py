"""What an authorization server's settings are held to, when it is made."""

from __future__ import annotations

import re
from typing import Any

import pytest

from requests_cc import AuthorizationServer, ConfigurationError

URL = "https://auth.example.com/token"


@pytest.mark.parametrize("setting", ["issuer", "introspection_endpoint", "revocation_endpoint"])
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", " is missing"),
        ("auth.example.com", " is not a valid URL"),
        ("http://auth.example.com?key=s3cret", " ('http://auth.example.com') uses plain http"),
    ],
)
def test_an_optional_url_is_held_to_the_same_rules(setting: str, url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(f"{setting}{words}")) as raised:
        AuthorizationServer(URL, **{setting: url})  # type: ignore[arg-type] # a str
    assert "s3cret" not in str(raised.value)


def test_an_alias_is_held_to_the_same_rules_and_named() -> None:
    aliases = {"token_endpoint": URL, "revocation_endpoint": "http://mtls.example.com"}
    with pytest.raises(
        ConfigurationError, match=re.escape("mtls_endpoint_aliases['revocation_endpoint']")
    ):
        AuthorizationServer(URL, mtls_endpoint_aliases=aliases)
    assert AuthorizationServer(URL, mtls_endpoint_aliases=aliases, allow_http=True)


@pytest.mark.parametrize("aliases", [5, "token_endpoint", [("token_endpoint", URL)]])
def test_aliases_that_are_not_a_mapping_are_refused(aliases: Any) -> None:
    with pytest.raises(ConfigurationError, match="mtls_endpoint_aliases must be a mapping"):
        AuthorizationServer(URL, mtls_endpoint_aliases=aliases)


def test_what_becomes_of_the_users_mapping_changes_no_server() -> None:
    aliases = {"token_endpoint": f"{URL}/mtls"}
    server = AuthorizationServer(URL, mtls_endpoint_aliases=aliases)
    aliases["token_endpoint"] = "https://evil.example.com"
    assert server.endpoint("token_endpoint", mutual_tls=True) == f"{URL}/mtls"


@pytest.mark.parametrize(
    ("issuers", "words"),
    [
        (URL, "issuers must be one or more str"),
        ([], "issuers must be one or more str"),
        ([URL, 7], "issuers must be one or more str"),
        ([URL, "http://auth.example.com"], "each of issuers"),
        ([URL, "auth.example.com"], "each of issuers"),
    ],
)
def test_an_issuer_that_could_never_be_trusted_is_refused_at_once(issuers: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        AuthorizationServer.discover_for("https://api.example.com", issuers=issuers)
