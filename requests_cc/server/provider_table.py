"""The providers: a table of their URLs and rules, each row with the document it is taken from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from ..protocols import ClientAuthentication


class Rule(NamedTuple):
    """The requirement of a provider for one setting of the client-credentials grant.

    :param setting: str: ``grant_type``, ``scope``, ``audience`` or ``resource``.
    :param wanted: str, a regular expression that its whole value matches; ``""`` if it is not set.
    :param advice: str, what to set.
    :param unless: str, another setting; the rule does not count if that is set.
    """

    setting: str
    wanted: str
    advice: str
    unless: str | None = None


class Habits(NamedTuple):
    """The settings that a provider is known to refuse.

    :param provider: str, its name.
    :param rules: tuple of :class:`Rule`, what it requires of the client-credentials grant.
    :param assertion_audience: the audience of client assertions, if the provider documents another
        than the issuer: ``"endpoint"``, the URL that each request goes to, or ``"token_endpoint"``.
    :param page: str, the page that documents all that.
    :param authentication: the client authentication without ``auth=``; None: the preferred method
        of the server.
    """

    provider: str
    rules: tuple[Rule, ...]
    assertion_audience: Literal["endpoint", "token_endpoint"] | None = None
    page: str = ""
    authentication: ClientAuthentication | None = None

    def check(self, grant_type: str, settings: Mapping[str, str]) -> None:
        """Reject a token request that the provider would refuse.

        :param grant_type: str; nothing is checked for another grant than client credentials.
        :param settings: mapping from a setting's name to its value, ``""`` if it is not set.
        :raises ConfigurationError: if it would be refused; the message names the setting.
        """
        if grant_type != "client_credentials":
            return
        for setting, wanted, advice, unless in self.rules:
            value = grant_type if setting == "grant_type" else settings[setting]
            excused = unless is not None and settings[unless]
            if not excused and re.fullmatch(wanted, value) is None:
                found = f"{setting}={value!r} is refused" if value else f"{setting} is missing"
                raise ConfigurationError(
                    f"{self.provider}: {found}: {advice}; see {self.page}, or pass strict=False to "
                    f"the function of providers to send it anyway"
                )


class Row(NamedTuple):
    """One provider: its URLs, the client authentication methods that it documents, its rules.

    ``page`` is the page that documents them.
    """

    name: str
    page: str
    token_endpoint: str
    auth_methods: tuple[str, ...]
    rules: tuple[Rule, ...] = ()
    issuer: str | None = None
    introspection_endpoint: str | None = None
    revocation_endpoint: str | None = None
    assertion_audience: Literal["endpoint", "token_endpoint"] | None = None


_OPENID = r"(?:openid|profile|email|address|phone|offline_access)(?!\S)"
_CUSTOM_SCOPE = rf"(?!okta\.|{_OPENID})\S+"
_OKTA_SCOPE = r"(?:okta|ssf)\.\S+"
_COGNITO_SCOPE = r"\S+/\S+"
_NOTHING, _ANYTHING, _IMPOSSIBLE = "", ".+", "(?!)"

# Endpoints that revoke only refresh tokens (Auth0, Cognito) are left out: this grant has none. The
# issuer is set if it follows from the arguments.

# "Call Your API Using the Client Credentials Flow"; a resource (RFC 8707) takes the place of the
# audience where the tenant's "Resource Parameter Compatibility Profile" is on.
AUTH0 = Row(
    "Auth0",
    "https://auth0.com/docs/get-started/authentication-and-authorization-flow/"
    "client-credentials-flow/call-your-api-using-the-client-credentials-flow",
    "https://{domain}/oauth/token",
    ("client_secret_post", "private_key_jwt"),
    (
        Rule(
            "audience",
            _ANYTHING,
            "set audience= to the Identifier of the API in the Auth0 Dashboard, a tenant's default "
            "audience too; or resource=, if the tenant accepts that",
            unless="resource",
        ),
    ),
    issuer="https://{domain}/",
)

# "Implement authorization by grant type: Client Credentials"; without a scope the server grants its
# default scopes.
# "Cannot request 'openid' scopes using client credentials", https://support.okta.com/help/s/article/
# cannot-request-openid-scopes-using-client-credentials
OKTA = Row(
    "Okta",
    "https://developer.okta.com/docs/guides/implement-grant-type/clientcreds/main/",
    "https://{domain}/oauth2/{authorization_server}/v1/token",
    ("client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"),
    (
        Rule(
            "scope",
            rf"(?:{_CUSTOM_SCOPE}(?: {_CUSTOM_SCOPE})*)?",
            "set scope= to one or more of this authorization server's custom scopes, or leave it "
            "out for its default scopes: those of OpenID Connect are for users, and okta.* scopes "
            "come from okta(domain, None)",
        ),
    ),
    issuer="https://{domain}/oauth2/{authorization_server}",
    introspection_endpoint="https://{domain}/oauth2/{authorization_server}/v1/introspect",
    revocation_endpoint="https://{domain}/oauth2/{authorization_server}/v1/revoke",
    # "aud: the full URL of the resource you're using the JWT to authenticate to",
    # https://developer.okta.com/docs/api/openapi/okta-oauth/guides/client-auth/
    assertion_audience="endpoint",
)

# "Implement OAuth for Okta with a service app"
OKTA_ORG = Row(
    "Okta's org authorization server",
    "https://developer.okta.com/docs/guides/implement-oauth-for-okta-serviceapp/main/",
    "https://{domain}/oauth2/v1/token",
    ("private_key_jwt",),
    (
        Rule(
            "scope",
            rf"{_OKTA_SCOPE}(?: {_OKTA_SCOPE})*",
            'set scope= to scopes of Okta\'s own API, such as "okta.users.read"; for another API '
            'use a custom authorization server: okta(domain, "default")',
        ),
    ),
    issuer="https://{domain}",
    introspection_endpoint="https://{domain}/oauth2/v1/introspect",
    revocation_endpoint="https://{domain}/oauth2/v1/revoke",
    assertion_audience="endpoint",  # as above
)

# "Microsoft identity platform and the OAuth 2.0 client credentials flow"
ENTRA = Row(
    "Microsoft Entra ID",
    "https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow",
    "https://{host}/{tenant}/oauth2/v2.0/token",
    ("client_secret_post", "private_key_jwt"),
    (
        Rule(
            "resource",
            _NOTHING,
            "leave it out, since the v2.0 endpoint refuses it (AADSTS901002): "
            'scope="<application ID URI or GUID>/.default" names the resource',
        ),
        Rule(
            "scope",
            r"\S+/\.default",
            'set scope="<application ID URI>/.default" (or "<its GUID>/.default"), such as '
            '"https://graph.microsoft.com/.default", and nothing else: the client\'s application '
            "permissions decide what it may do there",
        ),
    ),
    # "aud: should match the token endpoint",
    # https://learn.microsoft.com/entra/identity-platform/certificate-credentials
    assertion_audience="token_endpoint",
)

# "The token issuer endpoint"
COGNITO = Row(
    "Cognito",
    "https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html",
    "https://{domain}/oauth2/token",
    ("client_secret_basic", "client_secret_post"),
    (
        Rule(
            "scope",
            rf"(?:{_COGNITO_SCOPE}(?: {_COGNITO_SCOPE})*)?",
            'set each custom scope as "<resource server identifier>/<scope>", or leave scope out '
            "for all scopes of the app client",
        ),
    ),
)

# "Using OAuth 2.0 for Server to Server Applications"; the endpoints are those of
# https://accounts.google.com/.well-known/openid-configuration
GOOGLE = Row(
    "Google",
    "https://developers.google.com/identity/protocols/oauth2/service-account",
    "https://oauth2.googleapis.com/token",
    ("client_secret_post", "client_secret_basic"),
    (
        Rule(
            "grant_type",
            _IMPOSSIBLE,
            "Google issues a service account's tokens for a signed assertion: use "
            "JWTBearer.from_google_service_account(path, scope)",
        ),
    ),
    issuer="https://accounts.google.com",
    revocation_endpoint="https://oauth2.googleapis.com/revoke",
)

# "Using a service account"
KEYCLOAK = Row(
    "Keycloak",
    "https://www.keycloak.org/docs/latest/server_admin/#_service_accounts",
    "{base_url}/realms/{realm}/protocol/openid-connect/token",
    (
        "client_secret_basic",
        "client_secret_post",
        "client_secret_jwt",
        "private_key_jwt",
        "tls_client_auth",
    ),
    issuer="{base_url}/realms/{realm}",
    introspection_endpoint="{base_url}/realms/{realm}/protocol/openid-connect/token/introspect",
    revocation_endpoint="{base_url}/realms/{realm}/protocol/openid-connect/revoke",
)

# "Implementing Custom Token Retrieval from SAP Authorization and Trust Management Service with
# X.509 Secrets". Client ids hold "!" and a bar, which the server takes raw: the secret goes into
# the body.
_SAP_PAGE = (
    "https://github.com/SAP-docs/btp-cloud-platform/blob/main/docs/30-development/"
    "implementing-custom-token-retrieval-from-sap-authorization-and-trust-management-service-w-"
    "63fd9f1.md"
)
SAP = Row("SAP", _SAP_PAGE, "{url}{path}", ("client_secret_post",))
SAP_X509 = Row("SAP", _SAP_PAGE, "{url}{path}", ("tls_client_auth",))

# "OAuth 2.0 Client Credentials Flow for Server-to-Server Integration"; endpoints of
# https://MyDomainName.my.salesforce.com/.well-known/openid-configuration
SALESFORCE = Row(
    "Salesforce",
    "https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_client_credentials_flow.htm",
    "https://{domain}/services/oauth2/token",
    ("client_secret_post",),
    issuer="https://{domain}",
    introspection_endpoint="https://{domain}/services/oauth2/introspect",
    revocation_endpoint="https://{domain}/services/oauth2/revoke",
)

# "Authorize service principal access to Databricks with OAuth", manually generated tokens
_DATABRICKS_PAGE = "https://docs.databricks.com/aws/en/dev-tools/auth/oauth-m2m"
_DATABRICKS_RULES = (
    Rule("scope", _ANYTHING, 'set scope="all-apis", or the scopes of single APIs'),
)
DATABRICKS = Row(
    "Databricks",
    _DATABRICKS_PAGE,
    "https://{host}/oidc/v1/token",
    ("client_secret_basic",),
    _DATABRICKS_RULES,
    issuer="https://{host}/oidc",
)
DATABRICKS_ACCOUNT = Row(
    "Databricks",
    _DATABRICKS_PAGE,
    "https://{host}/oidc/accounts/{account}/v1/token",
    ("client_secret_basic",),
    _DATABRICKS_RULES,
    issuer="https://{host}/oidc/accounts/{account}",
)

# "Configure Snowflake OAuth for custom clients", token endpoint
SNOWFLAKE = Row(
    "Snowflake",
    "https://docs.snowflake.com/en/user-guide/oauth-custom",
    "https://{domain}/oauth/token-request",
    ("client_secret_basic",),
)

# "OAuth Inbound Authentication with ServiceNow: Client Credential Flow"
SERVICENOW = Row(
    "ServiceNow",
    "https://support.servicenow.com/kb?id=kb_article_view&sysparm_article=KB2058936",
    "https://{domain}/oauth_token.do",
    ("client_secret_post",),
)

# "Server-to-Server OAuth", generate access token
ZOOM = Row(
    "Zoom",
    "https://developers.zoom.us/docs/internal-apps/s2s-oauth/",
    "https://zoom.us/oauth/token",
    ("client_secret_basic",),
    (
        Rule(
            "grant_type",
            _IMPOSSIBLE,
            'set grant_type="account_credentials" and params={"account_id": "..."}, as '
            "Server-to-Server OAuth apps need it; this grant is for chatbots only",
        ),
    ),
    revocation_endpoint="https://zoom.us/oauth/revoke",
)

# "OAuth Server-to-Server credential API Reference", fetching access tokens
ADOBE = Row(
    "Adobe",
    "https://developer.adobe.com/developer-console/docs/guides/authentication/"
    "ServerToServerAuthentication/ims",
    "https://ims-na1.adobelogin.com/ims/token/v3",
    ("client_secret_post",),
    (
        Rule(
            "scope",
            r"\S+",
            'set scope= to one text with commas, such as "openid,AdobeID", as the project in the '
            "Adobe Developer Console shows it",
        ),
    ),
)

# "Token (client_credentials)" and "Token endpoint authentication methods"
PING = Row(
    "PingOne",
    "https://developer.pingidentity.com/pingone-api/auth/openid-connect-oauth-2/"
    "token-client_credentials-client-secret-post.html",
    "https://auth.pingone.{region}/{environment}/as/token",
    ("client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"),
    issuer="https://auth.pingone.{region}/{environment}/as",
    introspection_endpoint="https://auth.pingone.{region}/{environment}/as/introspect",
    revocation_endpoint="https://auth.pingone.{region}/{environment}/as/revoke",
    # "aud (token endpoint)", CLIENT_SECRET_JWT Setup
    assertion_audience="token_endpoint",
)
