"""What of a metadata document is believed, member by member (RFC 8414 §2)."""

from __future__ import annotations

from typing import Any

import pytest

from requests_cc import AuthorizationServer, InvalidTokenResponse
from requests_cc.server.discovery import _Fetch
from requests_cc.server.metadata import ServerDocument
from requests_cc.testing import LocalServer
from requests_cc.threads import Keeper

ISSUER = "https://auth.example.com"
TOKEN = f"{ISSUER}/token"


def document(**members: object) -> ServerDocument:
    return ServerDocument({"issuer": ISSUER, **members}, ISSUER, allow_http=False)


def test_its_repr_shows_no_member() -> None:
    assert "s3cret" not in repr(document(token_endpoint=f"{TOKEN}?key=s3cret"))


def test_what_is_wrong_in_one_member_hinders_no_other() -> None:
    said = document(
        token_endpoint=TOKEN, revocation_endpoint=7, mtls_endpoint_aliases={"token_endpoint": 7}
    )
    assert said.endpoint("token_endpoint") == TOKEN
    assert said.endpoint("introspection_endpoint") is None
    with pytest.raises(InvalidTokenResponse, match="revocation_endpoint"):
        said.endpoint("revocation_endpoint")
    with pytest.raises(InvalidTokenResponse, match="token_endpoint"):
        said.endpoint("token_endpoint", mutual_tls=True)


@pytest.mark.parametrize("aliases", [None, {}, [TOKEN], "token_endpoint", {"token_endpoint": None}])
def test_without_an_alias_a_certificate_is_shown_at_the_endpoint_itself(aliases: object) -> None:
    said = document(token_endpoint=TOKEN, mtls_endpoint_aliases=aliases)
    assert said.endpoint("token_endpoint", mutual_tls=True) == TOKEN


@pytest.mark.parametrize("mutual_tls", [False, True])
def test_the_message_about_an_unusable_endpoint_is_short(*, mutual_tls: bool) -> None:
    url = f"http://auth.example.com/{'a' * 100_000}"
    members: dict[str, Any] = {"mtls_endpoint_aliases": {"token_endpoint": url}}
    said = document(**members if mutual_tls else {"token_endpoint": url})
    with pytest.raises(InvalidTokenResponse, match="cannot be used: token_endpoint") as raised:
        said.endpoint("token_endpoint", mutual_tls=mutual_tls)
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (None, ("client_secret_basic",)),
        ("client_secret_post", ("client_secret_basic",)),
        ([], ()),
        (["client_secret_post", 7, None, ["none"]], ("client_secret_post",)),
    ],
)
def test_methods_are_a_list_of_names_and_basic_if_there_is_none(
    written: object, read: tuple[str, ...]
) -> None:
    assert document(token_endpoint_auth_methods_supported=written).member("auth_methods") == read


def test_a_fetch_that_nobody_will_end_is_taken_over() -> None:
    with LocalServer() as server:
        found = AuthorizationServer.discover(server.issuer)
        discovery = found._metadata.discovery
        assert discovery is not None
        discovery._fetch = _Fetch(Keeper())  # whose keeper is gone
        assert found.token_endpoint == server.token_url


def test_auth_methods_may_be_unknown() -> None:
    assert AuthorizationServer("https://a.example/token", auth_methods=None).auth_methods is None
