"""Client certificates (RFC 8705): at the token endpoint, and at the API that the token is for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

import requests_cc

from .material import ClientCertificate, Material
from .methods import METHODS
from .protected_api import ProtectedApi
from .provider import Provider

Application = Callable[..., requests.Session]
CERTIFICATES = {"tls_client_auth": "client", "self_signed_tls_client_auth": "self_signed"}


@pytest.fixture(params=CERTIFICATES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def certificate(name: str, material: Material) -> ClientCertificate:
    found = getattr(material, CERTIFICATES[name])
    assert isinstance(found, ClientCertificate)
    return found


@pytest.fixture
def discovered(provider: Provider) -> requests_cc.AuthorizationServer:
    return requests_cc.AuthorizationServer.discover(provider.issuer, session=provider.http)


def test_discovery_leads_a_client_with_a_certificate_to_the_endpoint_aliases(
    name: str,
    provider: Provider,
    tls_api: ProtectedApi,
    material: Material,
    discovered: requests_cc.AuthorizationServer,
    application: Application,
) -> None:
    source = METHODS[name].credentials(discovered, material)

    answer = application(source).get(f"{tls_api.url}/any")

    assert answer.status_code == 200
    assert provider.requests(name)[-1]["tls"] is True


def test_a_client_without_a_certificate_keeps_to_the_other_endpoints(
    provider: Provider, material: Material, discovered: requests_cc.AuthorizationServer
) -> None:
    METHODS["client_secret_post"].credentials(discovered, material).request_token()

    assert provider.requests("client_secret_post")[-1]["tls"] is False


def test_a_token_is_bound_to_the_certificate_that_requested_it(
    name: str,
    provider: Provider,
    material: Material,
    certificate: ClientCertificate,
) -> None:
    source = METHODS[name].credentials(provider.server(), material)

    known = source.introspect(source.request_token())

    assert known.active
    assert known.extra["cnf"] == {"x5t#S256": certificate.thumbprint()}


def test_the_api_takes_the_token_with_that_certificate_only(
    name: str,
    provider: Provider,
    tls_api: ProtectedApi,
    material: Material,
    application: Application,
) -> None:
    source = METHODS[name].credentials(provider.server(), material)
    url = f"{tls_api.url}/any"

    assert application(source).get(url).status_code == 200

    token = tls_api.arrived[-1].token
    other = material.self_signed if name == "tls_client_auth" else material.client
    for cert in (None, other.cert):
        with requests.get(
            url,
            headers={"Authorization": f"Bearer {token}"},
            cert=cert,
            verify=str(material.ca_file),
            timeout=30,
        ) as answer:
            assert answer.status_code == 401
        assert tls_api.arrived[-1].why == "bound to another certificate"


def test_introspection_and_revocation_use_the_certificate_and_the_aliases(
    name: str,
    provider: Provider,
    material: Material,
    discovered: requests_cc.AuthorizationServer,
) -> None:
    source = METHODS[name].credentials(discovered, material)
    token = source.request_token()

    assert source.introspect(token).active is True
    source.revoke(token)
    assert source.introspect(token).active is False

    for route in ("introspection", "revocation"):
        assert provider.requests(name, route)[-1]["tls"] is True


@pytest.fixture
def files_on_disk(tmp_path: Path, material: Material) -> ClientCertificate:
    files = ClientCertificate(tmp_path / "tls.pem", tmp_path / "tls.key")
    replace(files, material.client)
    return files


def replace(files: ClientCertificate, by: ClientCertificate) -> None:
    shutil.copy(by.certificate, files.certificate)
    shutil.copy(by.key, files.key)


@pytest.mark.parametrize("revoked", [True, False])
def test_files_that_are_replaced_are_used_for_the_next_token_and_at_the_api(
    *,
    revoked: bool,
    provider: Provider,
    tls_api: ProtectedApi,
    material: Material,
    files_on_disk: ClientCertificate,
    application: Application,
    revoke_all: Callable[[], None],
) -> None:
    auth = requests_cc.TLSClientAuth(files_on_disk.cert)
    source = METHODS["tls_client_auth"].credentials(provider.server(), material, auth=auth)
    cache = requests_cc.TokenCache()
    session = application(source, cache)
    assert session.get(f"{tls_api.url}/any").status_code == 200
    renewed = material.issued(f"renewed-{revoked}")
    replace(files_on_disk, renewed)
    if revoked:
        revoke_all()
    else:
        cache.invalidate(source)

    answer = session.get(f"{tls_api.url}/any")

    assert answer.status_code == 200
    bound_to = source.introspect(tls_api.arrived[-1].token).extra["cnf"]
    assert bound_to == {"x5t#S256": renewed.thumbprint()}
