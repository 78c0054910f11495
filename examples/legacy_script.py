"""An old script with token code of its own, and the same script after. Both run here.

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
Pause = Callable[[], None]  # stands for the hours that pass in the middle of a long run

# --- before: the script as it has been for years ----------------------------------------------


class OldScript:
    def __init__(self, token_url: str, api_url: str) -> None:
        self.token_url = token_url
        self.api_url = api_url
        self.token = ""
        self.expires_at = 0.0

    def headers(self) -> dict[str, str]:
        if time.time() > self.expires_at - 60:
            answer = requests.post(
                self.token_url,
                data={"grant_type": "client_credentials", "scope": "reports"},
                auth=("reports", "a secret"),
                timeout=10,
            )
            answer.raise_for_status()
            self.token = answer.json()["access_token"]
            self.expires_at = time.time() + answer.json()["expires_in"]
        return {"Authorization": f"Bearer {self.token}"}

    def run(self, pause: Pause) -> Report:
        report = []
        for number in range(4):
            if number == 2:
                pause()
            url = f"{self.api_url}reports/{number}"
            answer = requests.get(url, headers=self.headers(), timeout=10)
            report.append((answer.status_code, answer.json().get("path", "")))
        return report


# --- after: the token code is gone, and the calls are as they were ----------------------------


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
            answer = self.session.get(f"{self.api_url}reports/{number}", timeout=10)
            report.append((answer.status_code, answer.json().get("path", "")))
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
    print(f"on a good day both report the same: {old == new}")
    print(f"tokens revoked half-way, before: {statuses_old}")
    print(f"tokens revoked half-way, after:  {statuses_new}")
    return 0 if old == new == revoked_new and statuses_old == [200, 200, 401, 401] else 1


if __name__ == "__main__":
    sys.exit(main())
