"""Two sources of tokens that prove possession of one key (RFC 9449)."""

from __future__ import annotations

from collections.abc import Mapping

from requests_cc import DPoPKey
from tests.support.proof_server import DPoPAuthority, bound_credentials


class SharedKey(DPoPKey):
    """Right after the first answer came another source's, with the nonce of before."""

    answers = 0

    def take_nonce(self, url: str, headers: Mapping[str, str]) -> bool:
        came = super().take_nonce(url, headers)
        self.answers += 1
        if self.answers == 1:
            super().take_nonce(url, {"DPoP-Nonce": "older"})
        return came


def test_a_late_response_with_an_older_nonce_does_not_spoil_the_token_request() -> None:
    with DPoPAuthority() as authority:
        authority.proofs.rotate("newer")
        token = bound_credentials(
            authority, dpop=SharedKey(DPoPKey.generate()._key)
        ).request_token()
    assert token.value == "token-1"
    assert [claims.get("nonce") for claims in authority.proofs.seen] == [None, "newer"]
