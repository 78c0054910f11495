"""An old script with its own token code, and the same script without it. Both run here.

Run it: python examples/legacy_script.py
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import requests

from requests_cc import ClientCredentials, ClientCredentialsAdapter, mount
from requests_cc.testing import LocalServer

Report = list[tuple[int, str]]
Pause = Callable[[], None]  # stands for hours in the middle of a long run

# --- before: the script requests and keeps the token itself -----------------------------------


class OldScript:
    def __init__(self, token_url: str, api_url: str) -> None:
        self.token_url = token_url
        self.api_url = api_url
        self.token = ""
        self.expires_at = 0.0

    def headers(self) -> dict[str, str]:
        if time.time() > self.expires_at - 60:
            response = requests.post(
                self.token_url,
                data={"grant_type": "client_credentials", "scope": "reports"},
                auth=("reports", "a secret"),
                timeout=10,
            )
            response.raise_for_status()
            self.token = response.json()["access_token"]
            self.expires_at = time.time() + response.json()["expires_in"]
        return {"Authorization": f"Bearer {self.token}"}

    def run(self, pause: Pause) -> Report:
        report = []
        for number in range(4):
            if number == 2:
                pause()
            url = f"{self.api_url}reports/{number}"
            response = requests.get(url, headers=self.headers(), timeout=10)
            report.append((response.status_code, response.json().get("path", "")))
        return report


# --- after: no token code, and the same calls -------------------------------------------------


class NewScript:
    def __init__(self, token_url: str, api_url: str) -> None:
        self.api_url = api_url
        self.session = requests.Session()
        credentials = ClientCredentials(token_url, "reports", "a secret", scope="reports")
        mount(self.session, ClientCredentialsAdapter(credentials, origins=api_url))

    def run(self, pause: Pause) -> Report:
        report = []
        for number in range(4):
            if number == 2:
                pause()
            response = self.session.get(f"{self.api_url}reports/{number}", timeout=10)
            report.append((response.status_code, response.json().get("path", "")))
        return report


# --- what runs both here ----------------------------------------------------------------------


def run_both(server: LocalServer, pause: Pause) -> list[Report]:
    return [
        script(server.token_url, server.api_url).run(pause) for script in (OldScript, NewScript)
    ]


def main() -> int:
    with LocalServer({"reports": "a secret"}) as server:
        old, new = run_both(server, pause=lambda: None)
        revoked_old, revoked_new = run_both(server, pause=server.revoke_tokens)
    statuses_old = [status for status, _ in revoked_old]
    statuses_new = [status for status, _ in revoked_new]
    print(f"if nothing goes wrong, both report the same: {old == new}")
    print(f"tokens revoked half-way, before: {statuses_old}")
    print(f"tokens revoked half-way, after:  {statuses_new}")
    return 0 if old == new == revoked_new and statuses_old == [200, 200, 401, 401] else 1


if __name__ == "__main__":
    sys.exit(main())
