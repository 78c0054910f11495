"""Every way to prove who the client is, with every kind of grant, renewed after revocation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import requests

import requests_cc

from .material import Material
from .methods import JWT_RESOURCE, METHODS, NON_ASCII, OPAQUE_RESOURCE, Method
from .protected_api import ProtectedApi
from .provider import Provider

Application = Callable[..., requests.Session]


@dataclass(frozen=True)
class Grant:
    """What is asked for, and the API's path that a token without it does not open."""

    path: str
    settings: dict[str, Any]


GRANTS = {
    "plain": Grant("/any", {}),
    "scope": Grant("/read", {"scope": ["read", "write"]}),
    "resource-jwt": Grant("/jwt", {"resource": JWT_RESOURCE}),
    "resource-opaque": Grant("/opaque", {"resource": OPAQUE_RESOURCE, "scope": "read"}),
}


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> Method:
    return METHODS[request.param]


@pytest.fixture(params=GRANTS)
def grant(request: pytest.FixtureRequest) -> Grant:
    return GRANTS[request.param]


def test_a_token_is_had_used_and_renewed_after_revocation(
    *,
    method: Method,
    grant: Grant,
    provider: Provider,
    api: ProtectedApi,
    tls_api: ProtectedApi,
    material: Material,
    application: Application,
    revoke_all: Callable[[], None],
) -> None:
    server = provider.server()
    source = method.credentials(server, material, **grant.settings)
    session = application(source)
    url = (tls_api if method.tls else api).url + grant.path
    before = provider.issued(source.client_id)

    first = session.get(url)
    again = session.get(url)
    revoke_all()
    renewed = session.get(url)
    settled = session.get(url)

    assert [one.status_code for one in (first, again, renewed, settled)] == [200] * 4
    assert first.json()["client_id"] == source.client_id
    assert [len(one.history) for one in (first, again, renewed, settled)] == [0, 0, 1, 0]
    assert renewed.history[0].status_code == 401
    assert provider.issued(source.client_id) - before == 2


def test_a_token_is_of_the_format_that_its_resource_has(
    provider: Provider, material: Material
) -> None:
    method = METHODS["client_secret_post"]
    server = provider.server()

    jwt = method.credentials(server, material, resource=JWT_RESOURCE).request_token()
    opaque = method.credentials(server, material, resource=OPAQUE_RESOURCE).request_token()

    assert (jwt.value.count("."), opaque.value.count(".")) == (2, 0)


@pytest.mark.rule(20)
def test_basic_sends_every_reserved_character_of_id_and_secret(
    provider: Provider, material: Material
) -> None:
    method = METHODS["client_secret_basic"]

    method.credentials(provider.server(), material).request_token()

    sent = provider.requests(method.client_id)[-1]
    assert sent["status"] == 200
    assert set("%:+&=/?#\"\\' ~@") <= set(method.client_id)


@pytest.mark.rule(20)
def test_basic_sends_an_id_and_a_secret_beyond_ascii(tenant: Provider, material: Material) -> None:
    token = NON_ASCII.credentials(tenant.server(), material).request_token()

    assert token.value
    assert tenant.issued(NON_ASCII.client_id) >= 1


def test_a_server_that_takes_ascii_only_is_quoted(provider: Provider, material: Material) -> None:
    source = NON_ASCII.credentials(provider.server(), material)

    with pytest.raises(requests_cc.OAuthError) as caught:
        source.request_token()

    assert caught.value.error == "invalid_request"
    assert "client_id and client_secret" in str(caught.value)
    assert NON_ASCII.client_secret is not None
    assert NON_ASCII.client_secret not in str(caught.value)


@pytest.mark.rule(25)
@pytest.mark.parametrize("audience", ["issuer", None])
@pytest.mark.parametrize("name", ["client_secret_jwt", "private_key_jwt-ES256"])
def test_an_assertion_is_for_the_token_endpoint_or_the_issuer(
    name: str, audience: str | None, provider: Provider, material: Material
) -> None:
    auth = (
        requests_cc.ClientSecretJWT(audience=audience)
        if name == "client_secret_jwt"
        else requests_cc.PrivateKeyJWT(material.keys["ES256"], audience=audience)
    )
    source = METHODS[name].credentials(provider.server(), material, auth=auth)

    assert source.request_token().value


@pytest.mark.parametrize("alg", ["RS256", "ES384", "EdDSA"])
def test_a_key_as_pem_says_which_algorithm_it_is_for(
    alg: str, provider: Provider, material: Material
) -> None:
    pem = material.pem(alg)
    auth = requests_cc.PrivateKeyJWT(pem)
    source = METHODS[f"private_key_jwt-{alg}"].credentials(provider.server(), material, auth=auth)

    assert source.request_token().value
