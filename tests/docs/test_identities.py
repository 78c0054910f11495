"""docs/identities.rst, executed against servers on loopback that check each byte.

Each name of a host leads to one of two servers here, one with TLS. Each token is rejected at its
first use, so that every block is a whole round: token, call, rejection, renewal.
"""

from __future__ import annotations

import base64
import json
import re
import socket
import ssl
import textwrap
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from requests_cc import TokenCache
from tests.support.scripts import Reply, Request, Response, answer
from tests.support.server import Server

PAGE = Path(__file__).resolve().parents[2] / "docs" / "identities.rst"
SECRETS = "/var/run/secrets"  # a pod's folder, which a test has elsewhere
RSA = RSAKey.generate_key(2048)
EC = ECKey.generate_key("P-256")
HOSTS = (
    "api-m.paypal.com",
    "api.appstoreconnect.apple.com",
    "api.github.com",
    "api.zoom.us",
    "dbc-a1b2345c-d6e7.cloud.databricks.com",
    "example.my.salesforce.com",
    "graph.microsoft.com",
    "hub.docker.com",
    "kubernetes.default.svc",
    "login.microsoftonline.com",
    "login.salesforce.com",
    "management.azure.com",
    "oauth2.googleapis.com",
    "orders-abc123.a.run.app",
    "org-account.snowflakecomputing.com",
    "pubsub.googleapis.com",
    "storage.googleapis.com",
    "sts.googleapis.com",
    "vault.example.com",
    "zoom.us",
    "dev12345.service-now.com",
    "ims-na1.adobelogin.com",
    "usermanagement.adobe.io",
    "tenant.authentication.eu10.hana.ondemand.com",
    "orders.cfapps.eu10.hana.ondemand.com",
)
BASIC = "Basic " + base64.b64encode(b"client:secret").decode()


def unsigned(number: int) -> str:
    claims = json.dumps({"exp": int(time.time()) + 3600, "number": number}).encode()
    middle = base64.urlsafe_b64encode(claims).rstrip(b"=").decode()
    return f"eyJhbGciOiJub25lIn0.{middle}.c2ln"


def in_an_hour() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))


def signed(key: Any, alg: str, **wanted: object) -> Callable[[str], bool]:
    """A JWT of this key, with these claims beside its times; no others."""

    def check(text: str) -> bool:
        claims = jwt.decode(text, key, algorithms=[alg]).claims
        now = time.time()
        assert claims.pop("iat") <= now < claims.pop("exp") <= now + 3600
        claims.pop("jti", None)
        assert claims == wanted
        return True

    return check


@dataclass
class Expected:
    """A token request as its page documents it; a callable checks a value.

    :param gives: makes the response of a new token.
    """

    line: str
    headers: Mapping[str, Any] = field(default_factory=dict)
    form: Mapping[str, Any] | None = None
    json: object = None
    gives: Callable[[str], object] = lambda token: {"access_token": token, "expires_in": 3600}
    token: Callable[[int], str] = "token-{}".format

    def check(self, request: Request) -> None:
        for name, value in self.headers.items():
            assert matches(value, request.headers[name]), name
        if self.form is not None:
            assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
            form = {name: " ".join(values) for name, values in request.form.items()}
            assert set(form) == set(self.form)
            for name, value in self.form.items():
                assert matches(value, form[name]), name
        elif self.json is not None:
            assert json.loads(request.body) == self.json
        else:
            assert request.body == b""


def matches(expected: Any, found: str | None) -> bool:
    return bool(expected(found) if callable(expected) else expected == found)


def bearer(check: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda header: header.startswith("Bearer ") and check(header.removeprefix("Bearer "))


TYPE = "urn:ietf:params:oauth:token-type:"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
METADATA = "GET http://169.254.169.254"
CREDENTIALS = {"grant_type": "client_credentials"}
IN_THE_BODY = {**CREDENTIALS, "client_id": "client", "client_secret": "secret"}
ROBOT = "robot@project.iam.gserviceaccount.com"

#: By the title of a section: the token request that it makes; or what its token is.
EXPECTED: dict[str, Expected | Callable[[str], bool]] = {
    "An application with a client secret": Expected(
        "POST https://login.microsoftonline.com/tenant.example.com/oauth2/v2.0/token",
        form={
            **CREDENTIALS,
            "client_id": "azure-client",
            "client_secret": "secret",
            "scope": "https://graph.microsoft.com/.default",
        },
    ),
    "An app, a container or a machine with a managed identity": Expected(
        f"{METADATA}/metadata/identity/oauth2/token?api-version=2018-02-01"
        f"&resource=https%3A%2F%2Fmanagement.azure.com%2F",
        {"Metadata": "true"},
        gives=lambda token: {"access_token": token, "expires_on": str(int(time.time()) + 3600)},
    ),
    "A pod with a workload identity": Expected(
        "POST https://login.microsoftonline.com/tenant.example.com/oauth2/v2.0/token",
        form={
            **CREDENTIALS,
            "client_id": "azure-client",
            "client_assertion": "of-azure",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "scope": "https://graph.microsoft.com/.default",
        },
    ),
    "A managed identity in place of a client secret": Expected(
        "POST https://login.microsoftonline.com/tenant.example.com/oauth2/v2.0/token",
        form={
            **CREDENTIALS,
            "client_id": "00000000-0000-0000-0000-000000000001",
            "client_assertion": re.compile(r"of-the-identity-[12]").fullmatch,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "scope": "https://graph.microsoft.com/.default",
        },
    ),
    "On behalf of a user": Expected(
        "POST https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token",
        form={
            "grant_type": JWT_BEARER,
            "client_id": "535fb089-9ff3-47b6-9bfb-4f1264799865",
            "client_secret": "secret",
            "assertion": "the user's token",
            "scope": "https://graph.microsoft.com/user.read",
            "requested_token_use": "on_behalf_of",
        },
    ),
    "A resource with a service account": Expected(
        f"{METADATA}/computeMetadata/v1/instance/service-accounts/default/token",
        {"Metadata-Flavor": "Google"},
    ),
    "A call from one Cloud Run service to another": Expected(
        f"{METADATA}/computeMetadata/v1/instance/service-accounts/default/identity"
        f"?audience=https%3A%2F%2Forders-abc123.a.run.app",
        {"Metadata-Flavor": "Google"},
        gives=str,
        token=unsigned,
    ),
    "A key file of a service account": Expected(
        "POST https://oauth2.googleapis.com/token",
        form={
            "grant_type": JWT_BEARER,
            "assertion": signed(
                RSA,
                "RS256",
                iss=ROBOT,
                scope="https://www.googleapis.com/auth/cloud-platform",
                aud="https://oauth2.googleapis.com/token",
            ),
        },
    ),
    "A key file, without any token request": signed(
        RSA, "RS256", iss=ROBOT, sub=ROBOT, aud="https://pubsub.googleapis.com/"
    ),
    "A workload elsewhere, by workload identity federation": Expected(
        "POST https://sts.googleapis.com/v1/token",
        form={
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/"
            "pool/providers/kubernetes",
            "scope": "https://www.googleapis.com/auth/cloud-platform",
            "requested_token_type": f"{TYPE}access_token",
            "subject_token": "of-google",
            "subject_token_type": f"{TYPE}jwt",
        },
        gives=lambda token: {
            "access_token": token,
            "issued_token_type": f"{TYPE}access_token",
            "token_type": "Bearer",
            "expires_in": 3600,
        },
    ),
    "A pod that calls the API server": "of-the-pod".__eq__,
    "GitHub: an installation of an app": Expected(
        "POST https://api.github.com/app/installations/7/access_tokens",
        {
            "Authorization": bearer(signed(RSA, "RS256", iss="Iv23f8doAlphaNumer1c")),
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
        json={"repositories": ["Hello-World"], "permissions": {"contents": "read"}},
        gives=lambda token: {"token": token, "expires_at": in_an_hour()},
    ),
    "Snowflake: a key pair": lambda token: bool(
        re.fullmatch(
            r"ORG-ACCOUNT\.USER\.SHA256:[\w+/]{43}=",
            str(jwt.decode(token, RSA, algorithms=["RS256"]).claims["iss"]),
        )
    ),
    "App Store Connect": signed(
        EC, "ES256", iss="57246542-96fe-1a63-e053-0824d011072a", aud="appstoreconnect-v1"
    ),
    "Salesforce: the client credentials flow": Expected(
        "POST https://example.my.salesforce.com/services/oauth2/token", form=IN_THE_BODY
    ),
    "ServiceNow": Expected(
        "POST https://dev12345.service-now.com/oauth_token.do", form=IN_THE_BODY
    ),
    "Adobe": Expected(
        "POST https://ims-na1.adobelogin.com/ims/token/v3",
        form={**IN_THE_BODY, "scope": "openid,AdobeID,read_organizations"},
    ),
    "SAP: a service binding": Expected(
        "POST https://tenant.authentication.eu10.hana.ondemand.com/oauth/token", form=IN_THE_BODY
    ),
    "Salesforce: the JWT bearer flow": Expected(
        "POST https://login.salesforce.com/services/oauth2/token",
        form={
            "grant_type": JWT_BEARER,
            "assertion": signed(
                RSA,
                "RS256",
                iss="the connected app's consumer key",
                sub="integration@example.com",
                aud="https://login.salesforce.com",
            ),
        },
        gives=lambda token: {"access_token": token, "token_type": "Bearer", "scope": "api"},
    ),
    "HashiCorp Vault: Kubernetes authentication": Expected(
        "POST https://vault.example.com:8200/v1/auth/kubernetes/login",
        json={"role": "orders", "jwt": "of-the-pod"},
        gives=lambda token: {"auth": {"client_token": token, "lease_duration": 2764800}},
    ),
    "Docker Hub: a personal access token": Expected(
        "POST https://hub.docker.com/v2/auth/token",
        json={"identifier": "organization", "secret": "dckr_pat_1"},
        gives=lambda token: {"access_token": token},
        token=unsigned,
    ),
    "Zoom: server-to-server OAuth": Expected(
        "POST https://zoom.us/oauth/token",
        {"Authorization": BASIC},
        form={"grant_type": "account_credentials", "account_id": "account"},
    ),
    "PayPal": Expected(
        "POST https://api-m.paypal.com/v1/oauth2/token", {"Authorization": BASIC}, form=CREDENTIALS
    ),
    "Databricks": Expected(
        "POST https://dbc-a1b2345c-d6e7.cloud.databricks.com/oidc/v1/token",
        {"Authorization": BASIC},
        form={**CREDENTIALS, "scope": "all-apis"},
    ),
}


def sections() -> dict[str, str]:
    """The code of the page by the title above it."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    found: dict[str, list[str]] = {}
    title, in_code = "", False
    for number, line in enumerate(lines):
        if line and set(line) in ({"."}, {"-"}) and len(line) == len(lines[number - 1]):
            title = lines[number - 1]
        if line.startswith(".. code-block:: python"):
            in_code = True
        elif in_code and line and not line.startswith(" "):
            in_code = False
        elif in_code:
            found.setdefault(title, []).append(line)
    return {title: textwrap.dedent("\n".join(code)) for title, code in found.items()}


class StandIn:
    """Everybody whom the page names."""

    def __init__(self, expected: Expected | Callable[[str], bool]) -> None:
        self.expected = expected
        self.identities = 0  # tokens of a managed identity that are another request's proof
        self.issued: list[str] = []
        self.statuses: list[int] = []
        self.wrong: list[BaseException] = []
        self._lock = threading.Lock()

    def plain(self, request: Request) -> Response:
        return self.respond(f"http://{request.headers['Host']}", request)

    def secure(self, request: Request) -> Response:
        return self.respond(f"https://{request.headers['Host']}", request)

    def respond(self, origin: str, request: Request) -> Response:
        with self._lock:
            expected = self.expected
            if request.target.endswith("resource=api%3A%2F%2FAzureADTokenExchange"):
                self.identities += 1
                token = f"of-the-identity-{self.identities}"
                return answer({"access_token": token, "expires_on": int(time.time()) + 3600})
            if not isinstance(expected, Expected):
                return self._api(expected(str(request.token)))
            if f"{request.method} {origin}{request.target}" != expected.line:
                return self._api(len(self.issued) > 1 and request.token == self.issued[-1])
            try:
                expected.check(request)
            except BaseException as error:  # noqa: BLE001 - the test's thread raises it
                self.wrong.append(error)
            self.issued.append(expected.token(len(self.issued)))
            return answer(expected.gives(self.issued[-1]))

    def _api(self, accepts: bool) -> Reply:
        self.statuses.append(200 if accepts else 401)
        return Reply(self.statuses[-1])


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The files and variables that the page names, and a certificate for every host."""
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*HOSTS).configure_cert(tls)
    folder = tmp_path / "kubernetes.io" / "serviceaccount"
    folder.mkdir(parents=True)
    authority.cert_pem.write_to_path(str(folder / "ca.crt"))
    (folder / "token").write_text("of-the-pod")
    (tmp_path / "tokens").mkdir()
    (tmp_path / "tokens" / "gcp").write_text("of-google")
    (tmp_path / "azure").write_text("of-azure")
    pem = RSA.as_pem(private=True).decode()
    account = {
        "client_email": ROBOT,
        "private_key": pem,
        "private_key_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    (tmp_path / "service-account.json").write_text(json.dumps(account))
    (tmp_path / "private_key.pem").write_text(pem)
    binding = {
        "url": "https://tenant.authentication.eu10.hana.ondemand.com",
        "clientid": "client",
        "clientsecret": "secret",
    }
    (tmp_path / "binding.json").write_text(json.dumps(binding))
    (tmp_path / "AuthKey_2X9R4HXF34.p8").write_text(EC.as_pem(private=True).decode())
    monkeypatch.chdir(tmp_path)
    for name in ("IDENTITY_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST", "GCE_METADATA_HOST"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    variables = {
        "REQUESTS_CA_BUNDLE": str(folder / "ca.crt"),
        "AZURE_TENANT_ID": "tenant.example.com",
        "AZURE_CLIENT_ID": "azure-client",
        "AZURE_CLIENT_SECRET": "secret",
        "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "azure"),
        "CLIENT_ID": "client",
        "CLIENT_SECRET": "secret",
        "DOCKER_PAT": "dckr_pat_1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return tls


def everybody_is_here(monkeypatch: pytest.MonkeyPatch, plain: Server, secure: Server) -> None:
    """Every name and address leads to these two servers."""

    def getaddrinfo(host: str, port: Any, *_: Any, **__: Any) -> list[Any]:
        here = plain if port == 80 else secure
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", here.port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize("title", sections())
def test_a_section_makes_the_requests_that_its_provider_documents(
    title: str,
    pod: ssl.SSLContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    oauth_cache: TokenCache,
) -> None:
    expected = EXPECTED[title]
    code = sections()[title].replace(SECRETS, str(tmp_path))
    stand_in, namespace = StandIn(expected), dict[str, Any]()
    with Server(stand_in.plain) as plain, Server(stand_in.secure, tls=pod) as secure:
        everybody_is_here(monkeypatch, plain, secure)
        exec(compile(code, f"{PAGE.name}: {title}", "exec"), namespace)
        for value in namespace.values():
            if isinstance(value, requests.Session):
                value.close()
    for error in stand_in.wrong:
        raise error
    if isinstance(expected, Expected):
        assert stand_in.statuses == [401, 200]
        assert len(stand_in.issued) == 2
    else:
        assert stand_in.statuses == [200]


def test_each_section_is_checked() -> None:
    assert set(sections()) == set(EXPECTED)
