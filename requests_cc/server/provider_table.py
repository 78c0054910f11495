"""What the providers differ in: a table, each row with the document that it was taken from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import ConfigurationError
from .authorization_server import AuthorizationServer


class Rule(NamedTuple):
    """What a provider wants of one setting of the client-credentials grant.

    :param setting: str: ``grant_type``, ``scope``, ``audience`` or ``resource``.
    :param wanted: str, a regular expression for the whole of it; what is not set is ``""``.
    :param advice: str, what to write.
    """

    setting: str
    wanted: str
    advice: str


@dataclass(frozen=True, repr=False)
class Provider(AuthorizationServer):
    """An authorization server of which it is known what it refuses.

    :param name: str, the provider's name.
    :param rules: tuple of :class:`Rule`, what it wants of the client-credentials grant.
    """

    name: str = field(default="", kw_only=True)
    rules: tuple[Rule, ...] = field(default=(), kw_only=True)

    def check_request(
        self,
        *,
        scope: str | None,
        audience: str | None,
        resource: Sequence[str],
        grant_type: str,
    ) -> None:
        """Checks what is asked for against what the provider wants.

        :param grant_type: str; for another grant than client credentials nothing is checked.
        :raises ConfigurationError: when it would be refused; it names the setting and what to
            write.
        """
        if grant_type != "client_credentials":
            return
        settings = {
            "grant_type": grant_type,
            "scope": scope or "",
            "audience": audience or "",
            "resource": " ".join(resource),
        }
        for setting, wanted, advice in self.rules:
            value = settings[setting]
            if re.fullmatch(wanted, value) is None:
                found = f"{setting}={value!r} is refused" if value else f"{setting} is missing"
                raise ConfigurationError(f"{self.name}: {found}: {advice}")


class Row(NamedTuple):
    """One provider: its URLs, the ways of client authentication that it documents, its rules."""

    name: str
    token_endpoint: str
    auth_methods: tuple[str, ...]
    rules: tuple[Rule, ...] = ()
    issuer: str | None = None
    introspection_endpoint: str | None = None
    revocation_endpoint: str | None = None


_OPENID = r"(?:openid|profile|email|address|phone|offline_access)(?!\S)"
_CUSTOM_SCOPE = rf"(?!okta\.|{_OPENID})\S+"
_OKTA_SCOPE = r"(?:okta|ssf)\.\S+"
_COGNITO_SCOPE = r"\S+/\S+"
_NOTHING, _ANYTHING, _IMPOSSIBLE = "", ".+", "(?!)"

# An endpoint that revokes refresh tokens alone (Auth0, Cognito) is not among these: this grant has
# none. An issuer is there where these words are enough to know it.

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
            "write audience=, the Identifier of the API in the Auth0 Dashboard (a tenant's default "
            "audience too)",
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
            "write scope= with one or more of this authorization server's custom scopes: those of "
            "OpenID Connect are for users, and okta.* is what okta(domain, None) gives",
        ),
    ),
    issuer="https://{domain}/oauth2/{authorization_server}",
    introspection_endpoint="https://{domain}/oauth2/{authorization_server}/v1/introspect",
    revocation_endpoint="https://{domain}/oauth2/{authorization_server}/v1/revoke",
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
            'write scope= with what Okta\'s own API asks, such as "okta.users.read"; for another '
            'API name the custom authorization server: okta(domain, "default")',
        ),
    ),
    issuer="https://{domain}",
    introspection_endpoint="https://{domain}/oauth2/v1/introspect",
    revocation_endpoint="https://{domain}/oauth2/v1/revoke",
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
            "leave it out, for the v2.0 endpoint refuses it (AADSTS901002): "
            'scope="<application ID URI>/.default" names the resource',
        ),
        Rule(
            "scope",
            r"\S+/\.default",
            'write scope="<application ID URI>/.default", such as '
            '"https://graph.microsoft.com/.default", and no other: what the client may do there is '
            "what its application permissions say",
        ),
    ),
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
            'write each custom scope as "<resource server identifier>/<scope>", or leave scope out '
            "for all that the app client may have",
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
            "Google gives a service account tokens for a signed assertion: "
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
