"""A key, and what its proof for a URL says."""

from __future__ import annotations

from typing import Any

from joserfc import jwk

from requests_cc import DPoPKey
from tests.support.proof_server import opened

URL = "https://api.example.com/orders"
KEY = DPoPKey.generate()
EC_KEY = jwk.ECKey.generate_key("P-256")


def claims_of(key: DPoPKey, url: str = URL, token: str | None = None) -> dict[str, Any]:
    return opened(key.proof("GET", url, token))[1]
