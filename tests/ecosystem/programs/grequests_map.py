"""grequests, which patches everything but threads when it is imported."""

import grequests  # isort: skip
import os
import sys

import requests

from requests_cc import ClientCredentials, ClientCredentialsAdapter, mount

url = os.environ["API_URL"]
session = requests.Session()
mount(session, ClientCredentialsAdapter(ClientCredentials.from_env(), origins=url))

for line in sys.stdin:
    calls = [grequests.put(url, data=b"whole", session=session) for _ in range(int(line))]
    print("said", {response.status_code for response in grequests.map(calls)}, flush=True)
