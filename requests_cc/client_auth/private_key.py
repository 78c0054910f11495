"""Read a private key in any of its forms; no message shows a part of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from ..errors import ConfigurationError
from ..settings import require

#: PEM as str or bytes, a JWK as a mapping, a key of joserfc or cryptography, or a signer.
PrivateKey: TypeAlias = "str | bytes | Mapping[str, Any] | Any"

LEAST_RSA_BITS = 2048  # RFC 7518 §3.3: "A key of size 2048 bits or larger MUST be used"
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_KINDS = "RSA, EC on P-256, P-384 or P-521, or Ed25519"
_ASYMMETRIC = "cryptography.hazmat.primitives.asymmetric"


def kind_of(native: Any) -> tuple[str, Any]:
    """Return the kind of one of cryptography's keys, and joserfc's type for it.

    :raises ConfigurationError: if it is too short, or of a kind that cannot sign JWTs.
    """
    rsa, ec, ed25519 = (
        require(f"{_ASYMMETRIC}.{name}", "jwt") for name in ("rsa", "ec", "ed25519")
    )
    kind = None
    if isinstance(native, rsa.RSAPrivateKey):
        if native.key_size < LEAST_RSA_BITS:
            raise ConfigurationError(
                f"key is RSA of {native.key_size} bits; use one of {LEAST_RSA_BITS} or more"
            )
        kind = "RSA"
    elif isinstance(native, ec.EllipticCurvePrivateKey):
        kind = _CURVES.get(native.curve.name)
    elif isinstance(native, ed25519.Ed25519PrivateKey):
        kind = "Ed25519"
    if kind is None:
        raise ConfigurationError(f"key is of a kind that cannot sign JWTs; use {_KINDS}")
    return kind, key_type_of(kind)


def key_type_of(kind: str) -> Any:
    """Return joserfc's type for a kind of key."""
    jwk = require("joserfc.jwk", "jwt")
    return {"RSA": jwk.RSAKey, "Ed25519": jwk.OKPKey}.get(kind, jwk.ECKey)


def read(key: PrivateKey, password: str | bytes | None) -> tuple[Any, Mapping[str, Any]]:
    """Return a private key as cryptography has it, and a JWK's "alg" and "kid".

    :param key: PEM (str or bytes, encrypted too), a JWK as a mapping, or a key of joserfc or
        cryptography.
    :param password: str or bytes, of an encrypted PEM.
    :raises ConfigurationError: if it is not a private key; the message shows no part of it.
    """
    jwk = require("joserfc.jwk", "jwt")
    if password is not None and not isinstance(password, (str, bytes)):
        raise ConfigurationError(f"password must be str or bytes, not {type(password).__name__}")
    if isinstance(key, (str, bytes)):
        return _from_pem(key, password), {}
    if password is not None:
        raise ConfigurationError("password is only for an encrypted PEM, and key is not PEM")
    if isinstance(key, Mapping):
        key = _from_jwk(key, jwk)
    if isinstance(key, jwk.OctKey):
        raise ConfigurationError(
            "key is a shared secret, which cannot sign here; pass a private key"
        )
    if not isinstance(key, (jwk.RSAKey, jwk.ECKey, jwk.OKPKey)):
        return _native(key), {}
    return _private_part(key), {name: key.get(name) for name in ("alg", "kid")}


def _native(key: Any) -> Any:
    """Return a key of cryptography."""
    if hasattr(key, "private_bytes"):
        return key
    if hasattr(key, "public_bytes"):
        raise ConfigurationError("key is public; pass the private key")
    raise ConfigurationError(
        f"key must be PEM, a JWK as a dict, a key of joserfc or cryptography, or a signer (with "
        f"alg, kid and sign), not {type(key).__name__}"
    )


def _private_part(key: Any) -> Any:
    if not key.is_private:
        raise ConfigurationError("key is public; pass the private key")
    # RFC 7517 §4.2, §4.3
    if key.get("use") not in (None, "sig") or "sign" not in (key.get("key_ops") or ("sign",)):
        raise ConfigurationError("key is not for signing, according to its use or key_ops")
    return key.private_key


def _from_jwk(members: Mapping[str, Any], jwk: Any) -> Any:
    types = {"RSA": jwk.RSAKey, "EC": jwk.ECKey, "OKP": jwk.OKPKey, "oct": jwk.OctKey}
    key_type = types.get(str(members.get("kty")))
    if key_type is None:
        raise ConfigurationError(f"key is a JWK of an unknown kty; use {_KINDS}")
    try:
        return key_type.import_key(dict(members))
    except Exception:  # noqa: BLE001, S110 - its text could repeat the key
        pass
    raise ConfigurationError("key is a JWK that cannot be read; check that it is complete")


def _from_pem(pem: str | bytes, password: str | bytes | None) -> Any:
    serialization = require("cryptography.hazmat.primitives.serialization", "jwt")
    try:
        data, secret = _bytes(pem), None if password is None else _bytes(password)
        of_ssh = b"OPENSSH PRIVATE KEY" in data
        load = serialization.load_ssh_private_key if of_ssh else serialization.load_pem_private_key
        return load(data, secret)
    except TypeError:
        # cryptography's error for a password that is missing, or not needed.
        encrypted = password is None
        problem = "is encrypted; pass password=" if encrypted else "needs no password; leave it out"
    except Exception:  # noqa: BLE001 - its text could repeat the key
        problem = _problem(pem, password)
    raise ConfigurationError(f"key {problem}")


def _problem(pem: str | bytes, password: str | bytes | None) -> str:
    text = pem if isinstance(pem, str) else pem.decode("ascii", "replace")
    if "-----BEGIN" not in text:
        return "is not PEM; pass the file's contents, not its path"
    if "PRIVATE" not in text:
        return "is public; pass the private key"
    if "\\n" in text:
        return 'has "\\n" spelled out at the ends of its lines; pass key.replace("\\\\n", "\\n")'
    return "cannot be read; check that it is complete" + (", and password" if password else "")


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
