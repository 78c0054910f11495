"""Client authentication by a TLS certificate, which tokens are bound to (RFC 8705)."""

from __future__ import annotations

import hashlib
import os
import ssl
from collections.abc import Hashable
from typing import NoReturn

from ..errors import ConfigurationError
from ..protocols import Authentication, Cert, ClientAuthentication, ClientIdentity
from ..settings import contents, required_path
from ..value import Value

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_KEY = "PRIVATE KEY-----"  # of whatever kind, encrypted or not

LARGEST_FILE = 1024 * 1024  # bytes of certificates that are looked at
LOADS = 10  # of files that may be just being replaced; a millisecond each


class TLSClientAuth(Value):
    """A client certificate, at the token endpoint and, since the token is bound to it, at the API.

    :param cert: as in requests: the path of a file with certificate and key, or a pair of paths,
        (certificate, key). The key must not be encrypted. If the files are replaced, the new ones
        are used from the next token request on.
    :raises ConfigurationError: here and for each token request, if a file cannot be read, holds no
        certificate, or its key does not belong to the certificate.

    Safe to share between threads. For ``tls_client_auth`` and ``self_signed_tls_client_auth`` (RFC
    8705 section 2). A server that refuses the certificate, such as an expired one, says so in the
    TLS handshake: :class:`TokenEndpointUnreachable`.
    """

    __slots__ = ("cert",)
    cert: Cert
    method = "tls_client_auth"
    needs_secret = False

    def __init__(self, cert: Cert) -> None:
        paths = _paths(cert)
        self._set(cert=paths[0] if len(paths) == 1 else paths)
        _check_pair(paths)

    def __repr__(self) -> str:
        return f"TLSClientAuth({self.cert!r})"

    @property
    def key_part(self) -> Hashable:
        return (self.method, thumbprint(self.cert))

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        paths = _paths(self.cert)
        _check_pair(paths)
        return Authentication(params={"client_id": identity.client_id}, cert=self.cert)


class WithCertificate:
    """Another client authentication method, and a certificate that the tokens are bound to.

    :param authentication: the method.
    :param cert: as in requests.
    :raises ConfigurationError: as for :class:`TLSClientAuth`.

    RFC 8705 section 3: "... independently of the client authentication method".
    """

    __slots__ = ("_certificate", "authentication")

    def __init__(self, authentication: ClientAuthentication, cert: Cert) -> None:
        self.authentication = authentication
        self._certificate = TLSClientAuth(cert)

    @property
    def cert(self) -> Cert:
        return self._certificate.cert

    @property
    def method(self) -> str:
        return self.authentication.method

    @property
    def needs_secret(self) -> bool:
        return self.authentication.needs_secret

    @property
    def key_part(self) -> Hashable:
        other = self.authentication
        return (type(other).__qualname__, other.key_part, self._certificate.key_part)

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        other = self.authentication.authenticate(identity)
        cert = self._certificate.authenticate(identity).cert
        return Authentication(other.params, other.auth, cert, other.secrets)


class _PathOfAuth(str):
    __slots__ = ()


class _PairOfAuth(tuple[str, str]):
    __slots__ = ()


def cert_of_auth(cert: Cert) -> Cert:
    """Return a certificate of ``auth=``, marked: ``replace`` sets it again, beside another auth."""
    return _PathOfAuth(cert) if isinstance(cert, str) else _PairOfAuth(cert)


def given_cert(cert: Cert) -> Cert | None:
    """Return a certificate that a user gave; None if it is one that :func:`cert_of_auth` marked."""
    return None if isinstance(cert, (_PathOfAuth, _PairOfAuth)) else cert


def thumbprint(cert: Cert) -> str:
    """Return SHA-256 of the first certificate in the file, in hex (RFC 8705 section 3.1).

    :raises ConfigurationError: if the file cannot be read, or holds no certificate.
    """
    return hashlib.sha256(_certificate(_paths(cert)[0])).hexdigest()


def stamp(cert: Cert) -> tuple[tuple[int, int, int], ...]:
    """Return a value that changes when the files do; empty while they cannot be read."""
    try:
        stats = [os.stat(path) for path in _paths(cert)]
    except OSError:
        return ()
    return tuple((stat.st_mtime_ns, stat.st_ino, stat.st_size) for stat in stats)


def _paths(cert: object) -> tuple[str, ...]:
    given = cert if isinstance(cert, (tuple, list)) and len(cert) == 2 else (cert,)  # noqa: PLR2004
    if not all(isinstance(path, (str, os.PathLike)) for path in given):
        raise ConfigurationError("cert must be a path, or a pair of paths: (certificate, key)")
    return tuple(required_path(path, "cert") for path in given)


def _text(path: str) -> str:
    try:
        return contents(path, LARGEST_FILE).decode("ascii", "replace")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or "it is not a valid path"
        raise ConfigurationError(
            f"the certificate or key file {path} cannot be read: {reason}"
        ) from None


def _certificate(path: str) -> bytes:
    """Return the first certificate of a file in DER: the one that OpenSSL presents."""
    _, begin, rest = _text(path).partition(_BEGIN)
    body, end, _ = rest.partition(_END)
    if end:
        try:
            return ssl.PEM_cert_to_DER_cert(begin + body + end)
        except ValueError:
            pass
    raise ConfigurationError(f"the file {path} holds no PEM certificate")


def _check_pair(paths: tuple[str, ...]) -> None:
    """Load certificate and key as urllib3 does, whose errors say less about the reason."""
    problem: str | None = None
    # OpenSSL opens the files one after the other, or one file twice: a replacement may come between
    # the two.
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
            f"{certificate} holds a key, {key} a certificate: pass (certificate, key) in this order"
        )
    _certificate(certificate)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, _no_password)
    except _KeyIsEncrypted:
        return f"the key in {key} is encrypted, which requests cannot use; decrypt the file"
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return f"the key in {key} does not belong to the certificate in {certificate}"
        if _KEY not in text_of_key:
            return _missing_key(paths)
        files = " and ".join(dict.fromkeys(paths))
        reason = f" ({error.reason})" if error.reason else ""
        return f"OpenSSL finds no certificate with its private key in {files}{reason}"
    return None


def _missing_key(paths: tuple[str, ...]) -> str:
    if len(paths) == 1:
        return (
            f"the file {paths[0]} holds no private key; pass both files: TLSClientAuth((cert, key))"
        )
    return f"the file {paths[1]} holds no PEM private key"


class _KeyIsEncrypted(Exception):
    pass


def _no_password() -> NoReturn:
    raise _KeyIsEncrypted
