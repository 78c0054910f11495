"""One token for all processes of a machine, and for a cron job, through a folder.

Run it: python examples/shared_folder.py
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import requests

from requests_cc import (
    ClientCredentials,
    ClientCredentialsAdapter,
    FileTokenStore,
    TokenCache,
    mount,
)
from requests_cc.testing import LocalServer

# --- to copy ----------------------------------------------------------------------------------


def authorized_session(folder: str, api_url: str) -> requests.Session:
    cache = TokenCache(FileTokenStore(folder))
    adapter = ClientCredentialsAdapter(ClientCredentials.from_env(), origins=api_url, cache=cache)
    session = requests.Session()
    mount(session, adapter)
    return session


def job(folder: str, api_url: str) -> None:
    """What cron runs, and what each worker does."""
    with authorized_session(folder, api_url) as session:
        session.get(api_url, timeout=10).raise_for_status()


# In cron:  OAUTH_TOKEN_URL=... OAUTH_CLIENT_ID=... OAUTH_CLIENT_SECRET_FILE=... python job.py
# and in job.py:  job("~/.cache/job-tokens", "https://api.example.com/")

# --- what runs it here: eight workers, then twenty runs of a script, each a new process --------

WORKERS = 8
RUNS = 20


def work(folder: str, api_url: str) -> None:
    for _ in range(5):
        job(folder, api_url)


def main() -> int:
    with LocalServer({"job": "a secret"}) as server, tempfile.TemporaryDirectory() as beside:
        folder = str(Path(beside, "tokens"))  # no other user can write in it
        os.environ["OAUTH_TOKEN_URL"] = server.token_url
        os.environ["OAUTH_CLIENT_ID"] = "job"
        os.environ["OAUTH_CLIENT_SECRET"] = "a secret"

        spawn = multiprocessing.get_context("spawn")
        workers = [
            spawn.Process(target=work, args=(folder, server.api_url)) for _ in range(WORKERS)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        succeeded = [worker.exitcode for worker in workers].count(0)
        requested = len(server.token_requests)
        print(f"{succeeded} of {WORKERS} workers succeeded, token requests: {requested}")

        server.revoke_tokens()
        command = [sys.executable, __file__, folder, server.api_url]
        ended = [subprocess.run(command, check=False).returncode for _ in range(RUNS)]
        requested_since = len(server.token_requests) - requested
        print(
            f"tokens revoked; {ended.count(0)} of {RUNS} runs of a script succeeded, "
            f"token requests: {requested_since}"
        )
    return (
        0 if (succeeded, requested, ended.count(0), requested_since) == (WORKERS, 1, RUNS, 1) else 1
    )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        sys.exit(job(*sys.argv[1:]))
    sys.exit(main())
