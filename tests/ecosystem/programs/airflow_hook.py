"""Airflow's HttpHook with adapter=, over the connection API of the environment."""

import os
import sys

from airflow.providers.http.hooks.http import HttpHook

from requests_cc import ClientCredentials, ClientCredentialsAdapter

adapter = ClientCredentialsAdapter(ClientCredentials.from_env(), origins=os.environ["API_URL"])

for line in sys.stdin:
    hook = HttpHook("POST", http_conn_id="api", adapter=adapter)
    response = hook.run(f"api/{line.strip()}", data=b"whole")
    print("said", response.status_code, flush=True)
