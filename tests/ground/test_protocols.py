"""What a user's own parts are given, and what they may leave out."""

from __future__ import annotations

import pickle

import pytest

from requests_cc import ClientCredentials, TokenRequest
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


def test_the_parts_of_a_name_stand_apart_and_survive_a_pickle() -> None:
    login = TokenRequest("https://auth.example.com/login?key=s3cr3t", method="GET")
    client = ClientCredentials("https://auth.example.com/token", "client-7", "s3cr3t")
    for source, label, parts in (
        (login, login.label, (None, "https://auth.example.com/login", "GET")),
        (client, client.label, ("client-7", "https://auth.example.com/token", None)),
    ):
        for name in (name_of(source), pickle.loads(pickle.dumps(name_of(source)))):
            assert (name.label, type(name.label)) == (label, str)
            assert (name.client_id, name.server, name.method) == parts


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
