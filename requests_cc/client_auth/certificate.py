"""Client authentication by a TLS certificate, which tokens are bound to (RFC 8705)."""

from __future__ import annotations

import hashlib
import os
import ssl
import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple, NoReturn

from ..errors import ConfigurationError
from ..protocols import Authentication, Cert, ClientIdentity
from .secret import check_path

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_KEY = "PRIVATE KEY-----"  # of whatever kind, encrypted or not
_VERSION, _UTC_TIME = 0xA0, 0x17  # tags of DER

LOADS = 10  # of files that may be in the middle of being replaced, a millisecond each


@dataclass(frozen=True)
class TLSClientAuth:
    """A client certificate, at the token endpoint and, since the token is bound to it, at the API.

    :param cert: as in requests: the path of a file with certificate and key, or a pair of paths,
        (certificate, key). The key must not be encrypted. Files that are replaced are used from
        the next token request on.
    :raises ConfigurationError: here, and for each token request: when a file cannot be read, holds
        no certificate, or has no key that belongs to it. For a token request also when the
        certificate has expired, unless it is self-signed: then servers need not mind.

    Safe to share between threads. For ``tls_client_auth`` and ``self_signed_tls_client_auth`` alike
    (RFC 8705 §2).
    """

    cert: Cert
    method = "tls_client_auth"
    needs_secret = False

    def __post_init__(self) -> None:
        paths = _paths(self.cert)
        object.__setattr__(self, "cert", paths[0] if len(paths) == 1 else paths)
        _check_pair(paths)

    @property
    def key_part(self) -> Hashable:
        return (self.method, thumbprint(self.cert))

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        paths = _paths(self.cert)
        _check_pair(paths)
        _check_expiry(paths[0])
        return Authentication(params={"client_id": identity.client_id}, cert=self.cert)


def thumbprint(cert: Cert) -> str:
    """SHA-256 of the first certificate in the file, in hex (RFC 8705 §3.1, ``x5t#S256``).

    :param cert: as in requests.
    :raises ConfigurationError: when the file cannot be read, or holds no certificate.
    """
    return hashlib.sha256(_certificate(_paths(cert)[0])).hexdigest()


def stamp(cert: Cert) -> tuple[tuple[int, int, int], ...]:
    """Changes when the files do; empty while they cannot be read.

    :param cert: as in requests.
    """
    try:
        stats = [os.stat(path) for path in _paths(cert)]
    except OSError:
        return ()
    return tuple((stat.st_mtime_ns, stat.st_ino, stat.st_size) for stat in stats)


def _paths(cert: object) -> tuple[str, ...]:
    given = cert if isinstance(cert, (tuple, list)) and len(cert) == 2 else (cert,)  # noqa: PLR2004
    paths = [os.fspath(path) if isinstance(path, os.PathLike) else path for path in given]
    if not all(isinstance(path, str) and path for path in paths):
        raise ConfigurationError("cert must be a path, or a pair of paths: (certificate, key)")
    for path in paths:
        check_path(path, "cert")
    return tuple(map(str, paths))


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or "it is no path"
    raise ConfigurationError(f"the certificate or key file {path} cannot be read: {reason}")


def _certificate(path: str) -> bytes:
    """The first certificate of a file in DER: the one that OpenSSL presents."""
    _, begin, rest = _text(path).partition(_BEGIN)
    body, end, _ = rest.partition(_END)
    if end:
        try:
            return ssl.PEM_cert_to_DER_cert(begin + body + end)
        except ValueError:
            pass
    raise ConfigurationError(f"the file {path} holds no PEM certificate")


def _check_pair(paths: tuple[str, ...]) -> None:
    """Loads certificate and key as urllib3 does, which would say less about what is wrong."""
    problem: str | None = None
    # OpenSSL opens the files one after the other, or one file twice: they may be replaced between.
    for _ in range(LOADS):
        problem = _problem_of_pair(paths)
        if problem is None:
            return
    raise ConfigurationError(str(problem))


def _problem_of_pair(paths: tuple[str, ...]) -> str | None:
    certificate, key = paths[0], paths[-1]
    text, text_of_key = _text(certificate), _text(key)
    if _BEGIN not in text and _KEY in text and _BEGIN in text_of_key:
        return (
            f"{certificate} holds a key, {key} a certificate: give (certificate, key) in this order"
        )
    _certificate(certificate)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, _no_password)
    except _KeyIsEncrypted:
        return f"the key in {key} is encrypted, which requests cannot use: decrypt the file"
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return f"the key in {key} is not that of the certificate in {certificate}"
        if _KEY not in text_of_key:
            return _missing_key(paths)
        files = " and ".join(dict.fromkeys(paths))
        reason = f" ({error.reason})" if error.reason else ""
        return f"OpenSSL finds no certificate with its private key in {files}{reason}"
    return None


def _missing_key(paths: tuple[str, ...]) -> str:
    if len(paths) == 1:
        return f"the file {paths[0]} holds no private key: add the key: TLSClientAuth((cert, key))"
    return f"the file {paths[1]} holds no PEM private key"


class _KeyIsEncrypted(Exception):
    pass


def _no_password() -> NoReturn:
    raise _KeyIsEncrypted


def _check_expiry(path: str) -> None:
    dates = _dates(_certificate(path))
    if dates is None or dates.self_signed or time.time() <= dates.not_after.timestamp():
        return
    raise ConfigurationError(
        f"the client certificate in {path} expired at {dates.not_after:%Y-%m-%dT%H:%M:%SZ}: "
        f"replace it, or check this machine's clock"
    )


class _Dates(NamedTuple):
    not_after: datetime
    self_signed: bool


def _dates(der: bytes) -> _Dates | None:
    """What RFC 5280 §4.1 has of interest here, which the standard library reads for no file."""
    try:
        (_, certificate), *_ = _elements(der)
        (_, to_be_signed), *_ = _elements(certificate)
        fields = [content for tag, content in _elements(to_be_signed) if tag != _VERSION]
        _serial, _algorithm, issuer, validity, subject, *_ = fields
        _not_before, (tag, moment) = _elements(validity)
        return _Dates(_moment(tag, moment.decode("ascii")), issuer == subject)
    except (ValueError, IndexError):
        return None


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element (X.690 §8.1)."""
    while der:
        tag, length, start = der[0], der[1], 2
        if length > 0x7F:  # noqa: PLR2004 - the long form: how many bytes the length itself takes
            start += length - 0x80
            length = int.from_bytes(der[2:start], "big")
        yield tag, der[start : start + length]
        der = der[start + length :]


def _moment(tag: int, text: str) -> datetime:
    if tag == _UTC_TIME:  # RFC 5280 §4.1.2.5.1: 50 to 99 are of the century before
        text = ("19" if text >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc)
