"""A cron job: settings from the environment, and an exit status that says whether to retry.

Run it: python examples/cron_job.py
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import requests

from requests_cc import (
    ClientCredentials,
    ClientCredentialsAdapter,
    ConfigurationError,
    TokenCache,
    TokenRequestError,
    mount,
    set_default_cache,
)
from requests_cc.testing import LocalServer

# --- to copy ----------------------------------------------------------------------------------

DONE = 0
TRY_AGAIN = 75  # EX_TEMPFAIL in sysexits.h: the next run may succeed
NEEDS_A_PERSON = 78  # EX_CONFIG: no run succeeds until somebody changes a setting


def job(api_url: str) -> int:
    try:
        adapter = ClientCredentialsAdapter(ClientCredentials.from_env(), origins=api_url)
        with requests.Session() as session:
            mount(session, adapter)
            response = session.post(f"{api_url}reports", json={"report": "daily"}, timeout=10)
        response.raise_for_status()
    except ConfigurationError as error:
        print(f"  settings: {error}")
        return NEEDS_A_PERSON
    except TokenRequestError as error:
        print(f"  no token: {error}")
        return NEEDS_A_PERSON if error.permanent else TRY_AGAIN
    except requests.RequestException as error:
        print(f"  the API: {error}")
        return TRY_AGAIN
    print(f"  sent: {response.status_code}")
    return DONE


# In cron:  OAUTH_TOKEN_URL=... OAUTH_CLIENT_ID=... OAUTH_CLIENT_SECRET_FILE=... python job.py
# and in job.py:  sys.exit(job("https://api.example.com/"))

# --- what runs it here: four runs, each as in a new process ---------------------------------------


def run(name: str, api_url: str, environment: dict[str, str]) -> int:
    for variable in [variable for variable in os.environ if variable.startswith("OAUTH_")]:
        del os.environ[variable]
    os.environ.update(environment)
    set_default_cache(TokenCache())  # a new process begins with an empty cache
    print(name)
    status = job(api_url)
    print(f"  exit status {status}")
    return status


def main() -> int:
    with LocalServer({"job": "a secret"}) as server, tempfile.TemporaryDirectory() as folder:
        secret_file = Path(folder, "client_secret")
        secret_file.write_text("a secret\n", encoding="utf-8")
        settings = {
            "OAUTH_TOKEN_URL": server.token_url,
            "OAUTH_CLIENT_ID": "job",
            "OAUTH_CLIENT_SECRET_FILE": str(secret_file),
        }
        statuses = [
            run("a good run", server.api_url, settings),
            run("a variable is missing", server.api_url, {"OAUTH_CLIENT_ID": "job"}),
        ]
        server.fail_next(status=429, retry_after=60)
        statuses.append(run("a busy token endpoint", server.api_url, settings))
        secret_file.write_text("a wrong secret\n", encoding="utf-8")
        statuses.append(run("a wrong secret", server.api_url, settings))
    print(f"exit statuses: {statuses}")
    return 0 if statuses == [DONE, NEEDS_A_PERSON, TRY_AGAIN, NEEDS_A_PERSON] else 1


if __name__ == "__main__":
    sys.exit(main())
