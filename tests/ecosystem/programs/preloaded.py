"""A WSGI application that made a call before gunicorn forks its workers."""

import os

import requests

from requests_cc import ClientCredentials, ClientCredentialsAdapter, mount

url = os.environ["API_URL"]
session = requests.Session()
mount(session, ClientCredentialsAdapter(ClientCredentials.from_env(), origins=url))
session.get(url).raise_for_status()


def application(environ, start_response):
    response = session.put(url + environ["PATH_INFO"].lstrip("/"), data=b"whole", timeout=5)
    start_response(f"{response.status_code} -", [("X-Worker", str(os.getpid()))])
    return [response.json()["path"].encode()]
