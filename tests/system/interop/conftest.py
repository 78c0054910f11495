"""One authorization server with two faces, and a protected API, for the whole run.

Collected only where this folder is asked for: ``python -m tox run -e interop``.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

import requests_cc

from .material import Material
from .methods import API_CLIENT, BRIEF, METHODS, NON_ASCII, RESOURCES, SCOPES, Method
from .protected_api import ProtectedApi
from .provider import Provider, installed_packages, running

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves this folder out of a run of all tests: it needs Node.js and npm's registry."""
    root = config.invocation_params.dir
    asked = [(root / argument.split("::")[0]).resolve() for argument in config.args]
    return None if any(path.is_relative_to(HERE) for path in asked) else True


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where npm put the authorization server."""
    environment = os.environ.get("TOX_ENV_DIR")
    parent = Path(environment) if environment else tmp_path_factory.mktemp("interop")
    return installed_packages(parent)


@pytest.fixture(scope="session")
def loopback_only(packages: Path) -> Iterator[None]:
    """Takes away what a machine may have set for the internet; npm may have needed it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            patch.delenv(name, raising=False)
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            patch.delenv(name, raising=False)
            patch.delenv(name.upper(), raising=False)
        yield


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """The run's keys and certificates."""
    return Material(tmp_path_factory.mktemp("material"))


def _settings(material: Material, methods: tuple[Method, ...], **settings: Any) -> dict[str, Any]:
    return {
        "clients": [method.registration(material) for method in methods],
        "scopes": list(SCOPES),
        "resources": RESOURCES,
        "lifetime": 300,
        "lifetimes": {BRIEF.name: 3},
        "tls": {
            "cert": material.server.certificate.read_text(),
            "key": material.server.key.read_text(),
            "ca": material.ca_file.read_text(),
        },
        "issuerPath": "",
        "dpopNonces": True,
        "allowNonAscii": False,
        **settings,
    }


@pytest.fixture(scope="session")
def provider_process(loopback_only: None, packages: Path, material: Material) -> Iterator[Provider]:
    settings = _settings(material, (*METHODS.values(), BRIEF, API_CLIENT))
    with running(packages, material.ca_file, settings) as provider:
        yield provider


@pytest.fixture(scope="session")
def tenant(loopback_only: None, packages: Path, material: Material) -> Iterator[Provider]:
    """Another server: its issuer has a path and a slash at the end, it knows no DPoP nonces."""
    settings = _settings(
        material,
        (METHODS["dpop"], METHODS["client_secret_post"], NON_ASCII, API_CLIENT),
        issuerPath="/tenants/one/",
        dpopNonces=False,
        allowNonAscii=True,
    )
    with running(packages, material.ca_file, settings) as provider:
        yield provider


@pytest.fixture
def provider(provider_process: Provider) -> Iterator[Provider]:
    """The authorization server; it gives DPoP nonces and, until a test says so, requires none."""
    yield provider_process
    provider_process.require_nonce(False)


@pytest.fixture(scope="session")
def api_process(provider_process: Provider) -> Iterator[ProtectedApi]:
    with ProtectedApi(provider_process) as api:
        yield api


@pytest.fixture
def api(api_process: ProtectedApi) -> Iterator[ProtectedApi]:
    """The protected API, over plain http."""
    api_process.forget()
    yield api_process
    assert api_process.faults == []


@pytest.fixture(scope="session")
def tls_api_process(provider_process: Provider, material: Material) -> Iterator[ProtectedApi]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*material.server.cert)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(material.ca_file)
    context.load_verify_locations(material.self_signed.certificate)
    with ProtectedApi(provider_process, context) as api:
        yield api


@pytest.fixture
def tls_api(tls_api_process: ProtectedApi) -> Iterator[ProtectedApi]:
    """The protected API, over TLS with a client certificate if the client has one."""
    tls_api_process.forget()
    yield tls_api_process
    assert tls_api_process.faults == []


@pytest.fixture
def revoke_all(provider: Provider, api: ProtectedApi, tls_api: ProtectedApi) -> Callable[[], None]:
    """Revokes every token, at the authorization server and at the APIs."""

    def revoke() -> None:
        revoked = provider.revoke_all()
        for one in (api, tls_api):
            one.checks.denied.update(revoked)

    return revoke


@pytest.fixture
def application(
    material: Material, api: ProtectedApi, tls_api: ProtectedApi
) -> Iterator[Callable[..., requests.Session]]:
    """Makes what an application has: a session whose requests to the APIs are authorized."""
    with ExitStack() as open_sessions:

        def make(
            source: requests_cc.TokenSource, cache: requests_cc.TokenCache | None = None
        ) -> requests.Session:
            session = open_sessions.enter_context(requests.Session())
            session.verify = str(material.ca_file)
            adapter = requests_cc.ClientCredentialsAdapter(
                source, origins=[api.url, tls_api.url], cache=cache or requests_cc.TokenCache()
            )
            requests_cc.mount(session, adapter)
            return session

        yield make
