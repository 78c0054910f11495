"""HTTPie with tokens: ``http https://api.example.com/orders`` sends one, without an option.

Install it beside HTTPie and requests_cc with ``python -m pip install examples/httpie_plugin``, and
set these variables:

OAUTH_API
    the API's URL: tokens go to its scheme, host and port only
OAUTH_TOKEN_URL, OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET_FILE, ...
    as for ``ClientCredentials.from_env()``
OAUTH_TOKEN_FOLDER
    a private folder for the token; without it each run requests a token

Neither ``--verbose`` nor the files of ``--session`` show the token.
"""

import os

from httpie.plugins import TransportPlugin
from requests.adapters import HTTPAdapter

from requests_cc import ClientCredentials, ClientCredentialsAdapter, FileTokenStore, TokenCache


class ClientCredentialsPlugin(TransportPlugin):
    """Mounts an adapter on the API; HTTPie creates it for each of its runs."""

    name = "OAuth 2.0 client credentials"
    description = "A token for the API that OAUTH_API names"
    prefix = os.environ.get("OAUTH_API", "https://no-api.invalid/")

    def get_adapter(self) -> HTTPAdapter:
        """Return the adapter; one without tokens if no API is named."""
        if "OAUTH_API" not in os.environ:
            return HTTPAdapter()
        folder = os.environ.get("OAUTH_TOKEN_FOLDER")
        cache = TokenCache(FileTokenStore(folder) if folder else None)
        return ClientCredentialsAdapter(
            ClientCredentials.from_env(), origins=os.environ["OAUTH_API"], cache=cache
        )
