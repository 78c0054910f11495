"""SAP, Salesforce, Databricks and others: their token requests as their documents show them."""

from __future__ import annotations

import os
import shutil
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    ConfigurationError,
    JWTBearer,
    TokenRequestError,
    providers,
)
from requests_cc.client_auth import pem_files
from requests_cc.server import provider_table
from requests_cc.server.provider_table import Row
from requests_cc.server.sap_binding import SapBinding
from tests.server.test_providers import same, sent, through
from tests.support.forked_child import in_child, needs_fork
from tests.support.fresh_interpreter import printed_by
from tests.support.scripts import token
from tests.support.server import PATIENCE, Server

GUID = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
BASIC = {"Authorization": "Basic Y2xpZW50OnNlY3JldA=="}  # client:secret
BODY = "grant_type=client_credentials&client_id=client&client_secret=secret"


@pytest.mark.parametrize(
    ("server", "settings", "line", "host", "headers", "body"),
    [
        # https://help.salesforce.com, "OAuth 2.0 Client Credentials Flow ..."
        (providers.salesforce("example.my.salesforce.com"), {}, "/services/oauth2/token",
         "example.my.salesforce.com", {}, BODY),
        # https://docs.databricks.com/aws/en/dev-tools/auth/oauth-m2m
        (providers.databricks("dbc-a1.cloud.databricks.com"), {"scope": "all-apis"},
         "/oidc/v1/token", "dbc-a1.cloud.databricks.com", BASIC,
         "grant_type=client_credentials&scope=all-apis"),
        (providers.databricks("accounts.cloud.databricks.com", GUID), {"scope": "all-apis"},
         f"/oidc/accounts/{GUID}/v1/token", "accounts.cloud.databricks.com", BASIC,
         "grant_type=client_credentials&scope=all-apis"),
        # https://docs.snowflake.com/en/user-guide/oauth-custom
        (providers.snowflake("myorg-account_1"), {"scope": "session:role:R1"},
         "/oauth/token-request", "myorg-account-1.snowflakecomputing.com", BASIC,
         "grant_type=client_credentials&scope=session%3Arole%3AR1"),
        # https://support.servicenow.com KB2058936
        (providers.servicenow("dev12345"), {}, "/oauth_token.do", "dev12345.service-now.com", {},
         BODY),
        # https://developers.zoom.us/docs/internal-apps/s2s-oauth/
        (providers.zoom(),
         {"grant_type": "account_credentials", "params": {"account_id": "a1"}},
         "/oauth/token", "zoom.us", BASIC, "grant_type=account_credentials&account_id=a1"),
        # https://developer.adobe.com, "OAuth Server-to-Server credential API Reference"
        (providers.adobe(), {"scope": "openid,AdobeID"}, "/ims/token/v3",
         "ims-na1.adobelogin.com", {}, f"{BODY}&scope=openid%2CAdobeID"),
        # https://developer.pingidentity.com, "Token (client_credentials)"
        (providers.ping(GUID), {}, f"/{GUID}/as/token", "auth.pingone.com", BASIC,
         "grant_type=client_credentials"),
        (providers.ping(GUID, "com.au"), {}, f"/{GUID}/as/token", "auth.pingone.com.au", BASIC,
         "grant_type=client_credentials"),
    ],
)  # fmt: skip
def test_a_request_is_what_its_document_shows(
    server: AuthorizationServer, settings: Any, line: str, host: str, headers: Any, body: str
) -> None:
    request = sent(
        lambda session: ClientCredentials(through(session, server), "client", "secret", **settings)
    )
    same(request, f"POST {line} HTTP/1.1", {"Host": host, **headers}, body)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: providers.salesforce("login.salesforce.com"), "pass the org's My Domain"),
        (lambda: providers.databricks("dbc-a1.cloud.databricks.com", "x"), "account must be"),
        (lambda: providers.snowflake("a b"), "account must be a domain name"),
        (lambda: providers.snowflake(7), "account must be a domain name"),  # type: ignore[arg-type]
        (lambda: providers.servicenow("https://x/y"), "instance must be"),
        (lambda: providers.ping("x"), "environment must be its ID"),
        (lambda: providers.ping(GUID, "de"), 'region must be "com", "eu"'),
        (lambda: providers.auth0("a.auth0.com", strict="no"), "strict must be True or False"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_word_is_named(make: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        make()


@pytest.mark.parametrize(
    ("server", "settings", "words"),
    [
        (providers.databricks("dbc-a1.cloud.databricks.com"), {}, 'set scope="all-apis"'),
        (providers.zoom(), {}, 'set grant_type="account_credentials" and params='),
        (providers.adobe(), {}, "Adobe: scope is missing"),
        (providers.adobe(), {"scope": ["openid", "AdobeID"]}, "one text with commas"),
    ],
)
def test_what_a_provider_refuses_is_refused_at_construction(
    server: AuthorizationServer, settings: Any, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        ClientCredentials(server, "client", "secret", **settings)


@pytest.mark.parametrize(
    "server",
    [
        providers.auth0("a.auth0.com", strict=False),
        providers.okta("example.okta.com", strict=False),
        providers.entra("contoso.com", strict=False),
        providers.cognito("auth.example.com", strict=False),
        providers.google(strict=False),
        providers.databricks("dbc-a1.cloud.databricks.com", strict=False),
        providers.zoom(strict=False),
        providers.adobe(strict=False),
        providers.salesforce("login.salesforce.com", strict=False),
    ],
)
def test_strict_false_turns_a_refusal_of_ours_into_a_request(server: AuthorizationServer) -> None:
    request = sent(
        lambda session: ClientCredentials(
            through(session, server), "client", "secret", scope="openid x"
        )
    )
    assert b"scope=openid%20x" in request.pairs


def test_each_row_names_its_page() -> None:
    rows = [row for row in vars(provider_table).values() if isinstance(row, Row)]
    assert len(rows) >= 17
    assert all(row.page.startswith("https://") for row in rows)


# --- SAP ------------------------------------------------------------------------------------------

XSUAA = {
    "clientid": "sb-app!b1|xsuaa!t2",
    "clientsecret": "s3cr+t=",
    "url": "https://demo.authentication.eu10.hana.ondemand.com",
    "credential-type": "binding-secret",
}


@pytest.mark.parametrize("binding", [XSUAA, {"credentials": XSUAA}, {"uaa": XSUAA, "uri": "x"}])
def test_a_binding_of_sap_sends_its_secret_in_the_body(binding: dict[str, Any]) -> None:
    # "Implementing Custom Token Retrieval from SAP Authorization and Trust Management Service"
    request = sent(
        lambda session: ClientCredentials(
            through(session, providers.sap(binding)), XSUAA["clientid"], XSUAA["clientsecret"]
        )
    )
    same(
        request,
        "POST /oauth/token HTTP/1.1",
        {"Host": "demo.authentication.eu10.hana.ondemand.com"},
        "grant_type=client_credentials&client_id=sb-app%21b1%7Cxsuaa%21t2&client_secret=s3cr%2Bt%3D",
    )


def test_identity_authentication_has_another_path() -> None:
    for host in ("x.accounts.ondemand.com", "x.accounts400.ondemand.com", "x.accounts.cloud.sap"):
        server = providers.sap({"url": f"https://{host}/", "clientid": "me"})
        assert server.token_endpoint == f"https://{host}/oauth2/token"


@pytest.fixture
def x509(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server that asks for certificates, and the binding of a client of it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    leaf = authority.issue_cert("client.example")
    with Server(token(), tls=context) as server:
        yield (
            server,
            {
                "clientid": "sb-app!b1",
                "credential-type": "x509",
                "url": "https://127.0.0.1:1",
                "certurl": server.origin,
                "certificate": b"".join(pem.bytes() for pem in leaf.cert_chain_pems).decode(),
                "key": leaf.private_key_pem.bytes().decode(),
            },
        )


def test_the_x509_kind_presents_the_certificate_in_the_binding(x509: Any) -> None:
    server, binding = x509
    server.routes["/oauth/token"] = token()
    reached = providers.sap(binding)
    credentials = ClientCredentials(reached, binding["clientid"])
    assert credentials.request_token()
    (request,) = server.requests
    assert request.form == {"grant_type": ["client_credentials"], "client_id": ["sb-app!b1"]}
    assert request.connection.peer is not None
    assert providers.sap(binding) == reached
    path = Path(str(credentials.cert))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert binding["key"].splitlines()[1] not in repr(credentials) + repr(reached)
    path.unlink()  # somebody cleans temporary files
    with pytest.raises((ConfigurationError, TokenRequestError, requests.RequestException)):
        credentials.request_token()
    assert ClientCredentials(providers.sap(binding), binding["clientid"]).request_token()


def test_another_grant_presents_that_certificate_too(x509: Any) -> None:
    server, binding = x509
    server.routes["/oauth/token"] = token()
    source = JWTBearer(
        providers.sap(binding), client_id=binding["clientid"], assertion=lambda: "a.user.token"
    )
    assert source.request_token()
    (request,) = server.requests
    assert request.form["assertion"] == ["a.user.token"]
    assert request.connection.peer is not None


def test_the_file_goes_when_its_process_ends_and_not_when_a_child_does(tmp_path: Path) -> None:
    program = (
        "import os\n"
        "from requests_cc.client_auth.pem_files import file_of_pem, _remove\n"
        "path = file_of_pem('text')\n"
        "assert path == file_of_pem('text') != file_of_pem('other')\n"
        "_remove(os.path.dirname(path), os.getpid() + 1)  # as in a forked child\n"
        "assert open(path).read() == 'text'\n"
        "print(path)\n"
    )
    assert not os.path.exists(printed_by(program))
    assert pem_files.file_of_pem("here") == pem_files.file_of_pem("here")


@pytest.mark.parametrize(
    ("binding", "words"),
    [
        (None, "binding must be a service binding as a dict, not NoneType"),
        ("{}", "not str"),
        ({}, "it has no url and no clientid"),
        ({"url": "https://x", "clientid": 7}, "it has no clientid"),
        (
            {"url": "https://x", "clientid": "a", "certurl": "https://y"},
            "no certificate and no key",
        ),
        ({"url": "http://x.example", "clientid": "a"}, "the url in binding"),
    ],
)
def test_what_is_not_a_binding_is_named(binding: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        providers.sap(binding)


def test_the_repr_of_a_binding_shows_no_key() -> None:
    found = SapBinding.of({**XSUAA, "certificate": "c", "key": "s3cret"})
    assert repr(found) == f"SapBinding({XSUAA['url']!r})"


@pytest.mark.rule(15)
@needs_fork
def test_a_child_that_is_forked_while_a_pem_is_being_written_can_write_its_own() -> None:
    writing, forked = threading.Event(), threading.Event()

    def write() -> None:
        with pem_files._lock._lock:
            writing.set()
            forked.wait(PATIENCE)

    def in_the_child() -> str:
        shutil.rmtree(os.path.dirname(pem_files.file_of_pem("there")))
        return "fine"

    writer = threading.Thread(target=write)
    writer.start()
    assert writing.wait(PATIENCE)
    try:
        assert in_child(in_the_child) == "fine"
    finally:
        forked.set()
        writer.join()
