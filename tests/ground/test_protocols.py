"""What a user's own parts are given, and what they may leave out."""

from __future__ import annotations

import pytest

from requests_cc.protocols import (
    Authentication,
    ClientIdentity,
    certificate_of,
    name_of,
    proof_key_of,
    resource_servers_of,
    revocation_of,
)


class Plain:
    """A source with nothing but what it must have."""

    cache_key = "plain"

    def request_token(self) -> object:
        raise NotImplementedError


def test_a_source_may_leave_out_everything_optional() -> None:
    source = Plain()
    assert name_of(source) == "Plain"  # type: ignore[arg-type]
    assert list(resource_servers_of(source)) == [None]
    assert certificate_of(source) is None  # type: ignore[arg-type]
    assert proof_key_of(source) is None  # type: ignore[arg-type]
    assert revocation_of(source) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("resource", [["https://b.example"], ("https://b.example",)])
def test_audience_and_resource_name_the_resource_servers(resource: object) -> None:
    source = Plain()
    source.audience, source.resource = "https://a.example", resource  # type: ignore[attr-defined]
    assert list(resource_servers_of(source)) == ["https://a.example", "https://b.example"]
    source.resource = "https://c.example"  # type: ignore[attr-defined]
    assert list(resource_servers_of(source)) == ["https://a.example", "https://c.example"]
    source.resource_servers = ["https://d.example"]  # type: ignore[attr-defined]
    assert list(resource_servers_of(source)) == ["https://d.example"]


def test_no_repr_shows_a_secret() -> None:
    identity = ClientIdentity("me", "precious", "https://auth.example.com/token?key=precious")
    assert repr(identity) == "ClientIdentity(client_id='me', issuer=None)"
    authentication = Authentication(params={"a": "precious"}, secrets=("precious",))
    assert "precious" not in repr(authentication)
