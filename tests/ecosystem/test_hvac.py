"""hvac: a Vault behind a gateway that wants an OAuth token beside Vault's own."""

from __future__ import annotations

import requests

from .journey import Journey
from .packages import needed

hvac = needed("hvac", "hvac")


def test_its_calls_carry_both_tokens(journey: Journey, session: requests.Session) -> None:
    client = hvac.Client(journey.url, token="of-the-vault", session=session)

    def call(number: int) -> None:
        assert client.write("secret/orders", number=number)["path"] == "/api/v1/secret/orders"

    journey.assert_whole(call)
    vault_tokens = {each.headers["X-Vault-Token"] for each in journey.server.api_requests}
    assert vault_tokens == {"of-the-vault"}
