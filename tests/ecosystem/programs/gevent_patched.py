"""Greenlets that call the API: argument 1 says when gevent patches, and argument 2 what."""

import sys

import gevent.monkey

PATCHES = {"all": {}, "all but threads": {"thread": False}}
when, what = sys.argv[1:]
if when == "before":
    gevent.monkey.patch_all(**PATCHES[what])

import requests  # noqa: E402

from requests_cc import ClientCredentials, ClientCredentialsAdapter, mount  # noqa: E402

if when == "after":
    gevent.monkey.patch_all(**PATCHES[what])

import os  # noqa: E402

import gevent  # noqa: E402

url = os.environ["API_URL"]
session = requests.Session()
mount(session, ClientCredentialsAdapter(ClientCredentials.from_env(), origins=url, pool_maxsize=50))


def status(number: int) -> int:
    return session.put(url + str(number), data=b"whole", timeout=20).status_code


for line in sys.stdin:
    greenlets = [gevent.spawn(status, number) for number in range(int(line))]
    gevent.joinall(greenlets)
    print("said", {greenlet.get() for greenlet in greenlets}, flush=True)
