"""Sources and responses that several of these tests need."""

from __future__ import annotations

import base64
import json
import pickle
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from requests_cc import AccessToken, TokenRequestError
from requests_cc.client_auth.signing_key import SigningKey

RSA = SigningKey.generate("RS256").joserfc_key
RSA_PEM: str = RSA.as_pem(private=True).decode()
EC = SigningKey.generate("ES256").joserfc_key
EC_PEM: str = EC.as_pem(private=True).decode()


class Other:
    """Another source: its tokens are ``{name}-1``, ``{name}-2``, or it raises ``error``."""

    def __init__(self, name: str = "other", cache_key: object = "other") -> None:
        self.name = name
        self.cache_key = cache_key
        self.calls = 0
        self.error: Exception | None = None

    def request_token(self) -> AccessToken:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return AccessToken(f"{self.name}-{self.calls}")


class Signer:
    """A key in a KMS, of which only a signature can be had."""

    alg = "RS256"
    kid = "of-the-kms"

    def __init__(self) -> None:
        self.signed = 0

    def sign(self, data: bytes) -> bytes:
        self.signed += 1
        return RSA.private_key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def unsigned_jwt(**claims: Any) -> str:
    """Return a JWT whose signature nobody can verify."""
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    encoded = [
        base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts
    ]
    return ".".join([*encoded, "c2lnbmF0dXJl"])


def in_an_hour() -> int:
    return int(time.time()) + 3600


def failure(call: Callable[[], object]) -> TokenRequestError:
    with pytest.raises(TokenRequestError) as raised:
        call()
    return raised.value


def assert_hidden(secret: str, *things: object) -> None:
    """No ``repr``, text, traceback or pickle of these shows a secret."""
    for thing in things:
        shown = [repr(thing), str(thing)]
        if isinstance(thing, BaseException):
            shown += traceback.format_exception(thing)
            frames = traceback.walk_tb(thing.__traceback__)
            shown += [
                repr(frame.f_locals)
                for frame, _ in frames
                if "requests_cc" in frame.f_code.co_filename
            ]
            assert thing.__cause__ is thing.__context__ is None
            assert secret.encode() not in pickle.dumps(thing)
        assert secret not in "\n".join(shown)
