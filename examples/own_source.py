"""A token source of your own: a command that prints a token.

Run it: python examples/own_source.py
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass

import requests

from requests_cc import AccessToken, ClientCredentialsAdapter, TokenRequestError, mount
from requests_cc.testing import LocalServer

# --- to copy ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class CommandOutput:
    """Tokens from a command that prints ``{"token": "...", "seconds": 300}``."""

    command: tuple[str, ...]
    timeout: float = 30.0  # seconds

    @property
    def cache_key(self) -> tuple[str, ...]:
        """What shapes the token, and nothing else: sources with equal keys share it."""
        return self.command

    @property
    def label(self) -> str:
        """Its name in the log. No arguments: one may be a secret."""
        return f"the command {self.command[0]}"

    def request_token(self) -> AccessToken:
        requested_at = time.time()  # before the command runs, so that the expiry is never too late
        output = self._output()
        try:
            response = json.loads(output)
            return AccessToken(response["token"], expires_at=requested_at + response["seconds"])
        except (ValueError, KeyError, TypeError):
            pass
        # Outside the except block, whose exception holds the output, and so the token.
        raise TokenRequestError(f"{self.label} printed no token: check its version")

    def _output(self) -> str:
        try:
            ended = subprocess.run(
                self.command, capture_output=True, text=True, timeout=self.timeout, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            reason = type(error).__name__
        else:
            if ended.returncode == 0:
                return ended.stdout
            reason = f"exit status {ended.returncode}"
        raise TokenRequestError(f"{self.label} failed ({reason}): run it by hand to see why")


# --- what runs it here: a command that requests tokens from a local server ----------------------

COMMAND = """
import json, sys, urllib.request
body = b"grant_type=client_credentials&client_id=tool&client_secret=a+secret"
response = json.load(urllib.request.urlopen(sys.argv[1], body, timeout=10))
print(json.dumps({"token": response["access_token"], "seconds": response["expires_in"]}))
"""


def main() -> int:
    with LocalServer({"tool": "a secret"}) as server, requests.Session() as session:
        source = CommandOutput((sys.executable, "-c", COMMAND, server.token_url))
        mount(session, ClientCredentialsAdapter(source, origins=server.api_url))
        statuses = [session.get(server.api_url, timeout=10).status_code for _ in range(5)]
        server.revoke_tokens()
        statuses.append(session.get(server.api_url, timeout=10).status_code)
        runs = len(server.token_requests)

        broken = CommandOutput((sys.executable, "-c", "raise SystemExit(3)"))
        mount(session, ClientCredentialsAdapter(broken, origins=server.api_url))
        try:
            session.get(server.api_url, timeout=10)
        except TokenRequestError as error:
            failure = str(error)
        else:
            failure = "none"

    print(f"six calls: {statuses}; the command ran {runs} times")
    print(f"if the command fails: {failure}")
    return 0 if (statuses, runs) == ([200] * 6, 2) and "exit status 3" in failure else 1


if __name__ == "__main__":
    sys.exit(main())
