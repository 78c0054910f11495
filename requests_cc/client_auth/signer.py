"""A key that is elsewhere: an object that signs, for a KMS, an HSM or Vault's transit engine."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from ..errors import ConfigurationError

# RFC 7518 §3.4: the length of each of the two numbers in a signature, in bytes.
_EC_BYTES = {"ES256": 32, "ES384": 48, "ES512": 66}
_SEQUENCE, _INTEGER = 0x30, 0x02  # tags of DER


@runtime_checkable
class Signer(Protocol):
    """A private key that signs JWTs and is not shown, such as one of a KMS or an HSM.

    ``alg`` is the JWS algorithm (RFC 7518 §3.1), ``kid`` the key id or None. Without a cache_key
    (a str) of its own, tokens stay in this process. Must be safe to call from several threads.
    """

    @property
    def alg(self) -> str:
        """The JWS algorithm that it signs with."""

    @property
    def kid(self) -> str | None:
        """The key id, or None."""

    def sign(self, data: bytes, /) -> bytes:
        """Return the signature of ``data``, which is not hashed yet."""


def signature_of(signer: Any, data: bytes) -> bytes:
    """Return a signer's signature as JWS has it.

    :raises ConfigurationError: if the signer returns anything but a signature of its algorithm.
    """
    signature = signer.sign(data)
    if not isinstance(signature, bytes) or not signature:
        found = "no bytes" if signature == b"" else type(signature).__name__
        raise ConfigurationError(
            f"the signer must return the signature as bytes; it returned {found}"
        )
    size = _EC_BYTES.get(signer.alg)
    if size is None or len(signature) == 2 * size:
        return signature
    raw = _from_der(signature, size)
    if raw is None:
        raise ConfigurationError(
            f"the signer returned {len(signature)} bytes, which are not a signature of "
            f"{signer.alg}: return r and s, {size} bytes each, or their DER"
        )
    return raw


def _from_der(signature: bytes, size: int) -> bytes | None:
    """Return r and s of an ECDSA signature in DER (RFC 3279 §2.2.3), as most KMS return it."""
    tag, rest = signature[0], signature[1:]
    start = 2 if rest[:1] == b"\x81" else 1
    numbers, at = [], start
    while at + 2 <= len(rest) and rest[at] == _INTEGER:
        length = rest[at + 1]
        numbers.append(int.from_bytes(rest[at + 2 : at + 2 + length], "big"))
        at += 2 + length
    fits = all(number.bit_length() <= 8 * size for number in numbers)
    if tag != _SEQUENCE or at != len(rest) or len(numbers) != 2 or not fits:  # noqa: PLR2004 - r, s
        return None
    return b"".join(number.to_bytes(size, "big") for number in numbers)
