"""The proof that Azure Arc asks for: the contents of a file that only some users may read.

https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import requests
from requests.auth import AuthBase

from ..errors import TokenRequestError
from ..settings import contents

LARGEST_KEY = 4096  # bytes
FOLDER = (
    Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData"), "AzureConnectedMachineAgent", "Tokens")
    if sys.platform == "win32"
    else Path("/var/opt/azcmagent/tokens")
)
_FORM = "Basic realm="


class ArcChallenge(AuthBase):
    """Sends the contents of the key file that a 401 names, once.

    Whatever answers at the metadata address chooses the path: only a key file in the agent's own
    folder is read.
    """

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.register_hook("response", _respond)
        return request


def _respond(response: requests.Response, **options: Any) -> requests.Response:
    if response.status_code != requests.codes.unauthorized:
        return response
    challenge = response.headers.get("WWW-Authenticate", "")
    path = challenge.removeprefix(_FORM) if challenge.startswith(_FORM) else ""
    request = response.request.copy()
    request.headers["Authorization"] = f"Basic {_key(path)}"
    # Sent past the session: no hook sees what comes back, and so nothing is sent a third time.
    again: requests.Response = response.connection.send(request, **options)
    again.history.append(response)
    again.request = request
    return again


def _key(path: str) -> str:
    file = Path(path)
    if file.parent != FOLDER or file.suffix != ".key":
        raise TokenRequestError(
            f"Azure Arc named no key file in {FOLDER}: check that IDENTITY_ENDPOINT is the agent's"
        )
    try:
        content = contents(str(file), LARGEST_KEY + 1)
    except OSError as error:
        raise TokenRequestError(
            f"the key file {file} of Azure Arc cannot be read: {error.strerror}; add this user to "
            f"the group himds"
        ) from None
    if len(content) > LARGEST_KEY:
        raise TokenRequestError(f"the key file {file} is larger than {LARGEST_KEY} bytes")
    return content.decode("ascii", "replace").strip()


#: One for all, so that all sources have one cache key.
ARC_CHALLENGE = ArcChallenge()
