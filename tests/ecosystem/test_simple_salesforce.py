"""simple-salesforce: session= takes the adapter, whose token replaces that of session_id."""

from __future__ import annotations

import ssl
from pathlib import Path

import requests
import trustme

from .front import Front
from .journey import Journey
from .packages import needed

simple_salesforce = needed("simple_salesforce", "simple-salesforce")

PATH = "/services/data/v59.0/sobjects/Contact/"


def test_its_calls_carry_tokens(journey: Journey, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    created = ("application/json", b'{"id": "7", "success": true, "errors": []}')
    with Front(journey.server, {PATH: created}, tls=context) as front:
        session = journey.mounted(requests.Session(), origins=front.url)
        session.verify = str(tmp_path / "ca.pem")
        client = simple_salesforce.Salesforce(
            instance_url=front.url, session_id="replaced", session=session
        )

        def call(number: int) -> None:
            assert client.Contact.create({"LastName": f"Number {number}"})["success"]

        journey.assert_whole(call)
