"""The providers: a table of their URLs and rules, each row with the document it is taken from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from ..errors import ConfigurationError


class Rule(NamedTuple):
    """What a provider requires of one setting of the client-credentials grant.

    :param setting: str: ``grant_type``, ``scope``, ``audience`` or ``resource``.
    :param wanted: str, a regular expression that its whole value matches; ``""`` if it is not set.
    :param advice: str, what to set.
    """

    setting: str
    wanted: str
    advice: str


class Habits(NamedTuple):
    """What a provider is known to refuse.

    :param provider: str, its name.
    :param rules: tuple of :class:`Rule`, what it requires of the client-credentials grant.
    :param assertion_audience: the audience of client assertions, if the provider documents another
        than the issuer: ``"endpoint"``, the URL that each request goes to, or ``"token_endpoint"``.
    """

    provider: str
    rules: tuple[Rule, ...]
    assertion_audience: Literal["endpoint", "token_endpoint"] | None = None

    def check(self, grant_type: str, settings: Mapping[str, str]) -> None:
        """Reject a token request that the provider would refuse.

        :param grant_type: str; nothing is checked for another grant than client credentials.
        :param settings: mapping from a setting's name to its value, ``""`` if it is not set.
        :raises ConfigurationError: if it would be refused; the message names the setting.
        """
        if grant_type != "client_credentials":
            return
        for setting, wanted, advice in self.rules:
            value = grant_type if setting == "grant_type" else settings[setting]
            if re.fullmatch(wanted, value) is None:
                found = f"{setting}={value!r} is refused" if value else f"{setting} is missing"
                raise ConfigurationError(f"{self.provider}: {found}: {advice}")


class Row(NamedTuple):
    """One provider: its URLs, the client authentication methods that it documents, its rules."""

    name: str
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

# "Call Your API Using the Client Credentials Flow", https://auth0.com/docs/get-started/
# authentication-and-authorization-flow/client-credentials-flow/
# call-your-api-using-the-client-credentials-flow
AUTH0 = Row(
    "Auth0",
    "https://{domain}/oauth/token",
    ("client_secret_post", "private_key_jwt"),
    (
        Rule(
            "audience",
            _ANYTHING,
            "set audience= to the Identifier of the API in the Auth0 Dashboard, a tenant's default "
            "audience too",
        ),
    ),
    issuer="https://{domain}/",
)

# "Implement authorization by grant type: Client Credentials",
# https://developer.okta.com/docs/guides/implement-grant-type/clientcreds/main/
# "Cannot request 'openid' scopes using client credentials", https://support.okta.com/help/s/article/
# cannot-request-openid-scopes-using-client-credentials
OKTA = Row(
    "Okta",
    "https://{domain}/oauth2/{authorization_server}/v1/token",
    ("client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"),
    (
        Rule(
            "scope",
            rf"{_CUSTOM_SCOPE}(?: {_CUSTOM_SCOPE})*",
            "set scope= to one or more of this authorization server's custom scopes: those of "
            "OpenID Connect are for users, and okta.* scopes come from okta(domain, None)",
        ),
    ),
    issuer="https://{domain}/oauth2/{authorization_server}",
    introspection_endpoint="https://{domain}/oauth2/{authorization_server}/v1/introspect",
    revocation_endpoint="https://{domain}/oauth2/{authorization_server}/v1/revoke",
    # "aud: the full URL of the resource you're using the JWT to authenticate to",
    # https://developer.okta.com/docs/api/openapi/okta-oauth/guides/client-auth/
    assertion_audience="endpoint",
)

# "Implement OAuth for Okta with a service app",
# https://developer.okta.com/docs/guides/implement-oauth-for-okta-serviceapp/main/
OKTA_ORG = Row(
    "Okta's org authorization server",
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

# "Microsoft identity platform and the OAuth 2.0 client credentials flow",
# https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
ENTRA = Row(
    "Microsoft Entra ID",
    "https://{host}/{tenant}/oauth2/v2.0/token",
    ("client_secret_post", "private_key_jwt"),
    (
        Rule(
            "resource",
            _NOTHING,
            "leave it out, since the v2.0 endpoint refuses it (AADSTS901002): "
            'scope="<application ID URI>/.default" names the resource',
        ),
        Rule(
            "scope",
            r"\S+/\.default",
            'set scope="<application ID URI>/.default", such as '
            '"https://graph.microsoft.com/.default", and nothing else: the client\'s application '
            "permissions decide what it may do there",
        ),
    ),
    # "aud: should match the token endpoint",
    # https://learn.microsoft.com/entra/identity-platform/certificate-credentials
    assertion_audience="token_endpoint",
)

# "The token issuer endpoint",
# https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html
COGNITO = Row(
    "Cognito",
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

# "Using OAuth 2.0 for Server to Server Applications",
# https://developers.google.com/identity/protocols/oauth2/service-account; the endpoints are those
# of https://accounts.google.com/.well-known/openid-configuration
GOOGLE = Row(
    "Google",
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

# "Using a service account", https://www.keycloak.org/docs/latest/server_admin/#_service_accounts
KEYCLOAK = Row(
    "Keycloak",
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
