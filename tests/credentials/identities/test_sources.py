"""Managed identities, metadata servers and apps, each as its page documents it."""

from __future__ import annotations

import json
import pickle
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import requests
from joserfc import jwt

from requests_cc import (
    ClientCredentialsAdapter,
    ConfigurationError,
    InvalidClient,
    InvalidRequest,
    TemporarilyUnavailable,
    TokenCache,
    TokenEndpointTimeout,
    TokenEndpointUnreachable,
    TokenExchange,
    mount,
    sources,
)
from requests_cc.credentials import arc_challenge
from requests_cc.protocols import TokenSource
from tests.support.scripts import Reply, Request, answer, hang, token
from tests.support.server import Server

from .helpers import RSA, RSA_PEM, assert_hidden, failure, in_an_hour, unsigned_jwt

ARM = "https://management.azure.com/"
VARIABLES = (
    "IDENTITY_SERVER_THUMBPRINT",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "IMDS_ENDPOINT",
    "AZURE_POD_IDENTITY_AUTHORITY_HOST",
    "GCE_METADATA_HOST",
)


@pytest.fixture(autouse=True)
def platform(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No platform at all, until a test sets its variables."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def azure_token(**members: Any) -> bytes:
    return answer({"access_token": "token-1", "expires_on": str(in_an_hour()), **members})


def test_app_service_is_asked_as_its_page_says(platform: pytest.MonkeyPatch) -> None:
    # App Service, "REST endpoint reference":
    # GET /MSI/token?resource=https://vault.azure.net&api-version=2019-08-01 HTTP/1.1
    # X-IDENTITY-HEADER: 853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a
    with Server(azure_token()) as server:
        platform.setenv("IDENTITY_ENDPOINT", f"{server.origin}/MSI/token")
        platform.setenv("IDENTITY_HEADER", "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a")
        issued = sources.azure_managed_identity("https://vault.azure.net").request_token()
        sources.azure_managed_identity("https://vault.azure.net", "of-the-user").request_token()
        system, user = server.requests
    assert system.method == "GET"
    assert (
        system.target == "/MSI/token?resource=https%3A%2F%2Fvault.azure.net&api-version=2019-08-01"
    )
    assert system.headers["X-IDENTITY-HEADER"] == "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a"
    assert user.target == f"{system.target}&client_id=of-the-user"
    assert issued.expires_at == pytest.approx(in_an_hour(), abs=5)


def test_a_virtual_machine_of_azure_is_asked_as_its_page_says(
    platform: pytest.MonkeyPatch,
) -> None:
    # "How to use managed identities on an Azure VM to acquire an access token":
    # GET '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fma…%2F'
    # Metadata: true
    members = {"expires_in": "3599", "not_before": "1506480273", "token_type": "Bearer"}
    with Server(azure_token(**members)) as server:
        platform.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.origin)
        sources.azure_managed_identity(ARM).request_token()
        sources.azure_managed_identity(ARM, "of-the-user").request_token()
        system, user = server.requests
    assert system.method == "GET"
    assert system.target == (
        "/metadata/identity/oauth2/token?api-version=2018-02-01"
        "&resource=https%3A%2F%2Fmanagement.azure.com%2F"
    )
    assert system.headers["Metadata"] == "true"
    assert user.target == f"{system.target}&client_id=of-the-user"


def test_without_a_variable_it_is_the_link_local_address() -> None:
    assert repr(sources.azure_managed_identity(ARM)).startswith(
        "PlatformToken('http://169.254.169.254/metadata/identity/oauth2/token', method='GET'"
    )
    assert repr(sources.gcp_metadata()).startswith(
        "PlatformToken('http://169.254.169.254/computeMetadata/v1/instance/service-accounts/"
        "default/token', method='GET'"
    )


class Arc:
    """The agent of Azure Arc: it names a file, and wants its contents."""

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self.key = key

    def __call__(self, request: Request) -> bytes:
        if request.headers["Authorization"] == f"Basic {self.key}":
            return azure_token()
        challenge = {"WWW-Authenticate": f"Basic realm={self.path}"}
        return answer("", "401 Unauthorized", challenge)


@pytest.fixture
def arc(tmp_path: Path, platform: pytest.MonkeyPatch) -> Arc:
    platform.setattr(arc_challenge, "FOLDER", tmp_path)
    platform.setenv("IMDS_ENDPOINT", "http://localhost:40342")
    path = tmp_path / "a.key"
    path.write_text("s3cr3t-of-the-agent\n")
    return Arc(path, "s3cr3t-of-the-agent")


def test_arc_is_asked_as_its_page_says(arc: Arc, platform: pytest.MonkeyPatch) -> None:
    # "Authenticate against Azure resources with Azure Arc-enabled servers"
    with Server(arc) as server:
        platform.setenv("IDENTITY_ENDPOINT", f"{server.origin}/metadata/identity/oauth2/token")
        assert sources.azure_managed_identity(ARM).request_token().value == "token-1"
        first, second = server.requests
    assert (
        first.target
        == second.target
        == (
            "/metadata/identity/oauth2/token?api-version=2020-06-01"
            "&resource=https%3A%2F%2Fmanagement.azure.com%2F"
        )
    )
    assert first.headers["Metadata"] == second.headers["Metadata"] == "true"
    assert "Authorization" not in first.headers


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/etc/passwd", "named no key file"),
        ("{folder}/a.txt", "named no key file"),
        ("{folder}/../a.key", "named no key file"),
        ("", "named no key file"),
        ("{folder}/missing.key", "cannot be read: No such file or directory; add this user"),
        ("{folder}/large.key", "is larger than 4096 bytes"),
    ],
)
def test_arc_reads_key_files_of_its_agent_alone(
    arc: Arc, platform: pytest.MonkeyPatch, path: str, message: str
) -> None:
    (arc.path.parent / "large.key").write_bytes(b"a" * 4097)
    arc.path = Path(path.format(folder=arc.path.parent))
    with Server(arc) as server:
        platform.setenv("IDENTITY_ENDPOINT", f"{server.origin}/token")
        error = failure(sources.azure_managed_identity(ARM).request_token)
        assert len(server.requests) == 1
    assert message in str(error)


def test_an_agent_of_arc_that_wants_no_proof_is_sent_none(
    arc: Arc, platform: pytest.MonkeyPatch
) -> None:
    with Server(azure_token()) as server:
        platform.setenv("IDENTITY_ENDPOINT", f"{server.origin}/token")
        sources.azure_managed_identity(ARM).request_token()
        assert len(server.requests) == 1


def test_a_key_that_arc_refuses_is_sent_once(arc: Arc, platform: pytest.MonkeyPatch) -> None:
    arc.key = "another"
    with Server(arc) as server:
        platform.setenv("IDENTITY_ENDPOINT", f"{server.origin}/token")
        error = failure(sources.azure_managed_identity(ARM).request_token)
        assert len(server.requests) == 2
    assert isinstance(error, InvalidClient)
    assert "check that the Azure Connected Machine agent runs" in str(error)
    assert_hidden("s3cr3t", error)
    assert (
        sources.azure_managed_identity(ARM).cache_key
        == sources.azure_managed_identity(ARM).cache_key
    )


def test_google_gives_an_access_token_as_its_page_says(platform: pytest.MonkeyPatch) -> None:
    # "Authenticate workloads to Google Cloud APIs using service accounts":
    # GET /computeMetadata/v1/instance/service-accounts/default/token, Metadata-Flavor: Google
    with Server(token("ya29.1", expires_in=3599)) as server:
        platform.setenv("GCE_METADATA_HOST", server.origin.removeprefix("http://"))
        issued = sources.gcp_metadata().request_token()
        sources.gcp_metadata(["https://a.example/one", "two"]).request_token()
        plain, scoped = server.requests
    path = "/computeMetadata/v1/instance/service-accounts/default/token"
    assert (plain.method, plain.target) == ("GET", path)
    assert plain.headers["Metadata-Flavor"] == "Google"
    assert scoped.target == f"{path}?scopes=https%3A%2F%2Fa.example%2Fone%2Ctwo"
    assert issued.expires_at == pytest.approx(time.time() + 3599, abs=5)


def test_google_gives_an_id_token_as_its_page_says(platform: pytest.MonkeyPatch) -> None:
    # "Verify the identity of instances": identity?audience=…; the body is the token
    expiry = in_an_hour()
    with Server(answer(unsigned_jwt(exp=expiry))) as server:
        platform.setenv("GCE_METADATA_HOST", server.origin.removeprefix("http://"))
        source = sources.gcp_metadata(audience="https://service.run.app")
        assert source.request_token().expires_at == expiry
        (request,) = server.requests
    assert request.target == (
        "/computeMetadata/v1/instance/service-accounts/default/identity"
        "?audience=https%3A%2F%2Fservice.run.app"
    )
    assert ClientCredentialsAdapter(source).origins == ("https://service.run.app",)


def test_github_is_asked_as_its_page_says() -> None:
    # "Create an installation access token for an app"
    def respond(request: Request) -> bytes:
        scheme, _, signed = request.headers["Authorization"].partition(" ")
        assert scheme == "Bearer"
        claims = jwt.decode(signed, RSA, algorithms=["RS256"]).claims
        assert claims["iss"] == "Iv23f8doAlphaNumer1c"
        assert set(claims) == {"iss", "iat", "exp"}
        assert claims["iat"] <= time.time() - 59
        assert claims["exp"] <= time.time() + 600
        return answer({"token": "ghs_1", "expires_at": "2100-07-11T22:14:10Z"}, "201 Created")

    with Server(respond) as server:
        app = ("Iv23f8doAlphaNumer1c", RSA_PEM, 7)
        issued = sources.github_app(*app, api_url=server.origin).request_token()
        sources.github_app(
            *app,
            api_url=f"{server.origin}/api/v3/",
            repositories=["Hello-World", 1296269],
            permissions={"issues": "write"},
        ).request_token()
        plain, limited = server.requests
    assert (plain.method, plain.target) == ("POST", "/app/installations/7/access_tokens")
    assert plain.body == b""
    assert plain.headers["Accept"] == "application/vnd.github+json"
    assert plain.headers["X-GitHub-Api-Version"] == "2022-11-28"
    assert limited.target == "/api/v3/app/installations/7/access_tokens"
    assert json.loads(limited.body) == {
        "repositories": ["Hello-World"],
        "repository_ids": [1296269],
        "permissions": {"issues": "write"},
    }
    assert issued.authorization == "Bearer ghs_1"
    assert issued.expires_at == datetime(2100, 7, 11, 22, 14, 10, tzinfo=timezone.utc).timestamp()


def test_github_token_call_rejection_renewal() -> None:
    issued: list[str] = []

    def respond(request: Request) -> bytes | Reply:
        if request.method == "POST":
            issued.append(f"ghs_{len(issued)}")
            return answer(
                {"token": issued[-1], "expires_at": "2100-07-11T22:14:10Z"}, "201 Created"
            )
        return Reply(200 if request.token == issued[-1] and len(issued) > 1 else 401)

    with Server(respond) as server, requests.Session() as session:
        source = sources.github_app("app", RSA_PEM, 7, api_url=server.origin)
        mount(session, ClientCredentialsAdapter(source, cache=TokenCache()))
        assert session.get(f"{server.origin}/repos", timeout=20).status_code == 200
    assert len(issued) == 2


def test_an_identity_is_the_subject_of_another_exchange(platform: pytest.MonkeyPatch) -> None:
    with Server(azure_token()) as metadata, Server(token()) as server:
        platform.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", metadata.origin)
        identity = sources.azure_managed_identity("api://AzureADTokenExchange")
        TokenExchange(server.url, subject=identity, subject_type="jwt").request_token()
        (request,) = server.requests
    assert request.form["subject_token"] == ["token-1"]


# --- where and what not --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("IDENTITY_ENDPOINT", "http://10.0.0.1/token"),
        ("IDENTITY_ENDPOINT", "http://metadata.evil.net/token"),
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://10.0.0.1"),
    ],
)
def test_plain_http_is_for_this_machines_metadata_service_alone(
    platform: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    platform.setenv("IDENTITY_HEADER", "s3cr3t")
    platform.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=f"{variable} is .*plain http") as raised:
        sources.azure_managed_identity(ARM)
    assert "s3cr3t" not in str(raised.value)
    platform.setenv("GCE_METADATA_HOST", value.removeprefix("http://"))
    with pytest.raises(ConfigurationError, match=r"GCE_METADATA_HOST is .*plain http"):
        sources.gcp_metadata()
    platform.setenv(variable, value.replace("http:", "https:"))
    assert sources.azure_managed_identity(ARM)


@pytest.mark.parametrize("name", ["metadata.google.internal", "metadata", "169.254.169.254", ""])
def test_googles_names_are_its_link_local_address(platform: pytest.MonkeyPatch, name: str) -> None:
    platform.setenv("GCE_METADATA_HOST", name)
    assert "'http://169.254.169.254/computeMetadata" in repr(sources.gcp_metadata())


def test_a_metadata_server_is_reached_without_a_proxy(platform: pytest.MonkeyPatch) -> None:
    """A proxy elsewhere would hand out its own machine's identity, or nothing."""
    for name in ("NO_PROXY", "no_proxy"):
        platform.delenv(name, raising=False)
    platform.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with Server(azure_token()) as server:
        platform.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.origin)
        assert sources.azure_managed_identity(ARM).request_token().value == "token-1"


def test_a_metadata_server_that_hangs_or_is_not_there_says_what_to_check(
    platform: pytest.MonkeyPatch,
) -> None:
    platform.setattr(sources, "METADATA_TIMEOUT", (0.3, 0.3))
    with Server(hang) as server:
        platform.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.origin)
        platform.setenv("GCE_METADATA_HOST", server.origin.removeprefix("http://"))
        error = failure(sources.azure_managed_identity(ARM).request_token)
        assert isinstance(error, TokenEndpointTimeout)
        assert "check that this is an Azure machine" in str(error)
        server.refuse()
        error = failure(sources.gcp_metadata().request_token)
        assert isinstance(error, TokenEndpointUnreachable)
        assert "check that this machine runs on Google Cloud" in str(error)


def test_an_identity_that_is_not_there_says_what_to_check(platform: pytest.MonkeyPatch) -> None:
    refused = {"error": "invalid_request", "error_description": "Identity not found"}
    with Server(answer(refused, "400 Bad Request")) as server:
        platform.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.origin)
        error = failure(sources.azure_managed_identity(ARM, "other").request_token)
    assert isinstance(error, InvalidRequest)
    assert "Identity not found" in str(error)
    assert "a managed identity, and its client_id" in str(error)
    assert type(pickle.loads(pickle.dumps(error))) is InvalidRequest


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
@pytest.mark.parametrize("body", [b"<html>", {"error": "not_ready"}])
def test_azures_metadata_service_that_is_updated_is_asked_again(
    platform: pytest.MonkeyPatch, status: str, body: Any
) -> None:
    # "How to use managed identities on an Azure VM to acquire an access token", error handling
    with Server(answer(body, status), azure_token(), answer(body, status)) as server:
        platform.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.origin)
        source = sources.azure_managed_identity(ARM)
        assert source.request_token().value == "token-1"
        assert len(server.requests) == 2
        error = failure(source.request_token)
    assert type(error) is TemporarilyUnavailable
    assert not error.permanent
    assert "check that this is an Azure machine" in str(error)


def test_no_key_or_header_shows(platform: pytest.MonkeyPatch) -> None:
    def repeat(request: Request) -> bytes:
        words = str(request.headers)
        return answer({"error": "no", "error_description": words}, "400 Bad Request")

    with Server(repeat) as server:
        platform.setenv("IDENTITY_ENDPOINT", f"{server.origin}/token")
        platform.setenv("IDENTITY_HEADER", "s3cr3t-header")
        source = sources.azure_managed_identity(ARM)
        error = failure(source.request_token)
        app = sources.github_app("app", RSA_PEM, 7, api_url=server.origin)
        refused = failure(app.request_token)
    assert_hidden("s3cr3t", error, source, source.cache_key)
    assert_hidden("eyJ", refused)
    assert_hidden(RSA.as_dict(private=True)["d"], refused, app, app.cache_key)


def github_app(**limits: Any) -> Any:
    return sources.github_app("app", RSA_PEM, 7, **limits)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sources.azure_managed_identity(""), "resource must be a non-empty str"),
        (lambda: sources.azure_managed_identity(f"{ARM}.default"), "resource is a scope"),
        (lambda: sources.azure_managed_identity(ARM, ""), "client_id must be a non-empty str"),
        (lambda: sources.gcp_metadata("a", "b"), "scopes and audience exclude each other"),
        (lambda: sources.github_app("", RSA_PEM, 7), "client_id must be a non-empty str"),
        (lambda: sources.github_app("app", RSA_PEM, "seven"), "installation must be"),
        (lambda: sources.github_app("app", "no key", 7), "key is"),
        (lambda: github_app(repositories="Hello-World"), "repositories must be names or ids"),
        (lambda: github_app(repositories=7), "repositories must be names or ids"),
        (lambda: github_app(repositories=[]), "repositories must be names or ids"),
        (lambda: github_app(permissions={}), "permissions must be a mapping"),
        (lambda: github_app(permissions=["contents"]), "permissions must be a mapping"),
        (lambda: sources.github_app("app", RSA_PEM, 7, api_url="http://ghe.example"), "api_url"),
    ],
)
def test_a_wrong_setting_is_named(call: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        call()


def test_service_fabric_is_refused(platform: pytest.MonkeyPatch) -> None:
    platform.setenv("IDENTITY_SERVER_THUMBPRINT", "a")
    with pytest.raises(ConfigurationError, match="Service Fabric is not supported"):
        sources.azure_managed_identity(ARM)


def test_arc_has_no_identities_of_users(arc: Arc, platform: pytest.MonkeyPatch) -> None:
    platform.setenv("IDENTITY_ENDPOINT", "http://localhost:40342/token")
    with pytest.raises(ConfigurationError, match="system-assigned identities only"):
        sources.azure_managed_identity(ARM, "of-the-user")


def test_each_is_a_source_that_a_cache_and_a_pickle_take(platform: pytest.MonkeyPatch) -> None:
    made: list[Any] = [
        sources.azure_managed_identity(ARM),
        sources.gcp_metadata(),
        sources.gcp_metadata(audience="https://a.example"),
        sources.github_app("app", RSA_PEM, 7),
    ]
    for source in made:
        assert isinstance(source, TokenSource)
        assert source.label.startswith("the token of http")
        again = pickle.loads(pickle.dumps(source))
        assert again.cache_key == source.cache_key
        assert isinstance(source.cache_key, str)
    assert len({source.cache_key for source in made}) == len(made)
    assert ClientCredentialsAdapter(made[0]).origins == ("https://management.azure.com",)
    assert ClientCredentialsAdapter(made[3]).origins == ("https://api.github.com",)
