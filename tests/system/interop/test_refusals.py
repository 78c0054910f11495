"""What goes wrong most: each is an error of its own type that says what to check, and no secret."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import requests_cc

from .leaks import assert_shows_none_of, lines_of, private_values
from .material import SIGNING_ALGORITHMS, Material, new_key
from .methods import METHODS
from .provider import Provider

TEN_MINUTES = 600.0


def refused(source: requests_cc.ClientCredentials) -> requests_cc.ClientCredentialsError:
    with pytest.raises(requests_cc.ClientCredentialsError) as caught:
        source.request_token()
    return caught.value


def words(error: Exception) -> str:
    return str(error).lower()


@pytest.fixture
def clock_off(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock of assertions and proofs, and no other."""

    def set_off(seconds: float) -> None:
        clock = SimpleNamespace(time=lambda: time.time() + seconds)
        for module in ("signing_key", "dpop"):
            monkeypatch.setattr(f"requests_cc.client_auth.{module}.time", clock)

    return set_off


@pytest.mark.parametrize("alg", SIGNING_ALGORITHMS)
def test_the_wrong_key_is_an_invalid_client(
    alg: str, provider: Provider, material: Material
) -> None:
    wrong = {**new_key(alg), "kid": material.keys[alg]["kid"]}
    method = METHODS[f"private_key_jwt-{alg}"]
    auth = requests_cc.PrivateKeyJWT(wrong, alg=alg)

    error = refused(method.credentials(provider.server(), material, auth=auth))

    assert type(error) is requests_cc.InvalidClient
    assert "key" in words(error).replace("private_key_jwt", "")
    assert_shows_none_of(error, private_values(wrong))
    assert "signature" in provider.refusals(method.name)[-1]


def test_the_wrong_kid_is_an_invalid_client(provider: Provider, material: Material) -> None:
    method = METHODS["private_key_jwt-ES256"]
    key = {**material.keys["ES256"], "kid": "of-another-key"}
    auth = requests_cc.PrivateKeyJWT(key)

    error = refused(method.credentials(provider.server(), material, auth=auth))

    assert type(error) is requests_cc.InvalidClient
    assert "kid" in words(error)
    assert_shows_none_of(error, private_values(key))


@pytest.mark.parametrize("name", ["client_secret_basic", "client_secret_post", "client_secret_jwt"])
def test_the_wrong_secret_is_an_invalid_client(
    name: str, provider: Provider, material: Material
) -> None:
    wrong = "not the secret: & % + of sixty-four characters or more, so it may sign"
    source = METHODS[name].credentials(provider.server(), material, client_secret=wrong)

    error = refused(source)

    assert type(error) is requests_cc.InvalidClient
    assert "secret" in words(error).replace(name, "")
    assert_shows_none_of(error, [wrong])


def test_an_expired_certificate_is_an_invalid_client_that_names_its_expiry(
    provider: Provider, material: Material
) -> None:
    method = METHODS["tls_client_auth"]
    auth = requests_cc.TLSClientAuth(material.expired.cert)

    error = refused(method.credentials(provider.server(), material, auth=auth))

    assert type(error) is requests_cc.InvalidClient
    assert "certificate" in words(error)
    assert "expir" in words(error)
    assert_shows_none_of(error, lines_of(material.expired.key))
    assert "not verified" in provider.refusals(method.name)[-1]


def test_a_handshake_that_ends_over_an_expired_certificate_names_it(
    provider: Provider, material: Material
) -> None:
    auth = requests_cc.TLSClientAuth(material.expired.cert)
    aliases = {"token_endpoint": f"{provider.strict_tls_url}/token"}
    server = provider.server(mtls_endpoint_aliases=aliases)

    error = refused(METHODS["tls_client_auth"].credentials(server, material, auth=auth))

    assert type(error) is requests_cc.TokenEndpointUnreachable
    assert "client certificate" in words(error)
    assert_shows_none_of(error, lines_of(material.expired.key))


def test_the_strict_listener_takes_a_certificate_that_is_in_order(
    provider: Provider, material: Material
) -> None:
    aliases = {"token_endpoint": f"{provider.strict_tls_url}/token"}
    server = provider.server(mtls_endpoint_aliases=aliases)

    assert METHODS["tls_client_auth"].credentials(server, material).request_token().value


def test_a_certificate_that_is_not_registered_is_an_invalid_client(
    provider: Provider, material: Material
) -> None:
    method = METHODS["self_signed_tls_client_auth"]
    auth = requests_cc.TLSClientAuth(material.client.cert)

    error = refused(method.credentials(provider.server(), material, auth=auth))

    assert type(error) is requests_cc.InvalidClient
    assert "certificate" in words(error)
    assert_shows_none_of(error, lines_of(material.client.key))


@pytest.mark.parametrize("name", ["client_secret_jwt", "private_key_jwt-RS256"])
def test_an_assertion_by_a_clock_ten_minutes_slow_says_to_check_the_clock(
    name: str, provider: Provider, material: Material, clock_off: Callable[[float], None]
) -> None:
    source = METHODS[name].credentials(provider.server(), material)
    clock_off(-TEN_MINUTES)

    error = refused(source)

    assert type(error) is requests_cc.InvalidClient
    assert "clock" in words(error)
    assert_shows_none_of(error, private_values(material.keys["RS256"]))
    assert "expired" in provider.refusals(source.client_id)[-1]


@pytest.mark.parametrize("off", [-TEN_MINUTES, TEN_MINUTES])
def test_a_proof_by_a_clock_ten_minutes_off_says_to_check_the_clock(
    off: float, tenant: Provider, material: Material, clock_off: Callable[[float], None]
) -> None:
    source = METHODS["dpop"].credentials(tenant.server(), material)
    clock_off(off)

    error = refused(source)

    assert isinstance(error, requests_cc.OAuthError)
    assert error.error == "invalid_dpop_proof"
    assert "clock" in words(error)
    assert_shows_none_of(error, [])
    assert "iat is not recent enough" in tenant.refusals("dpop")[-1]


@pytest.mark.parametrize("off", [-TEN_MINUTES, TEN_MINUTES])
def test_a_nonce_makes_up_for_a_clock_ten_minutes_off(
    off: float, provider: Provider, material: Material, clock_off: Callable[[float], None]
) -> None:
    source = METHODS["dpop"].credentials(provider.server(), material)
    before = len(provider.requests("dpop"))
    clock_off(off)

    assert source.request_token().token_type == "DPoP"
    assert [one["status"] for one in provider.requests("dpop")[before:]] == [400, 200]


@pytest.mark.parametrize("name", METHODS)
def test_an_unknown_resource_is_an_invalid_target(
    name: str, provider: Provider, material: Material
) -> None:
    method = METHODS[name]
    source = method.credentials(provider.server(), material, resource="https://nobody.example/")

    error = refused(source)

    assert type(error) is requests_cc.InvalidTarget
    assert "resource" in words(error)
    secrets = [method.client_secret] if method.client_secret else []
    assert_shows_none_of(error, [*secrets, *all_private_values(material)])


def all_private_values(material: Material) -> list[str]:
    return [value for key in material.keys.values() for value in private_values(key)]


@pytest.mark.parametrize(
    ("method_name", "settings"),
    [
        ("private_key_jwt-ES256", {"auth": "client_secret_post", "client_secret": "a-secret"}),
        ("client_secret_post", {"auth": "none", "client_secret": None}),
        ("dpop", {"dpop": None}),
    ],
)
def test_another_method_than_the_registered_one_is_an_oauth_error(
    method_name: str, settings: dict[str, Any], provider: Provider, material: Material
) -> None:
    source = METHODS[method_name].credentials(provider.server(), material, **settings)

    assert isinstance(refused(source), requests_cc.OAuthError)
