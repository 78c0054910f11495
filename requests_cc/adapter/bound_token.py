"""Tokens that are bound to a certificate or to a key."""

from __future__ import annotations

from requests.adapters import BaseAdapter
from urllib3.util.retry import Retry

from ..access_token import AccessToken
from ..client_auth.certificate import stamp
from ..errors import ConfigurationError
from ..protocols import Cert
from .token_header import TokenHeader


class PresentedCertificate:
    """The certificate that an API sees; the token must be bound to it (RFC 8705 section 3).

    :param cert: as in requests.

    After the files were replaced, the new certificate is presented from the next token on, which
    may be bound to it. Safe to share between threads: at worst two of them notice one change.
    """

    def __init__(self, cert: Cert) -> None:
        self.cert = cert
        self._token: AccessToken | None = None
        self._stamp: object = None

    def present_with(self, token: AccessToken, sender: BaseAdapter) -> Cert:
        """Return the certificate to present with a token.

        :param token: the one that is about to be sent.
        :param sender: the adapter that sends it. If this is a new token, and the files have changed
            since the last one came, its connections are closed.
        :raises ConfigurationError: if a file is missing.
        """
        found = stamp(self.cert)
        if not found:  # requests would raise a bare OSError
            raise ConfigurationError(
                f"the certificate {self.cert!r} that the token is bound to cannot be found; check "
                f"the path that was passed to TLSClientAuth"
            )
        if token is not self._token:
            if self._token is not None and found != self._stamp:
                # Does not end a connection in use: urllib3 (1.26.16 and later) drops its pools
                # here, and a pool closes its connections when nobody uses it any more.
                sender.close()
            # At the end: a thread that comes before this closes them too, and uses no old one.
            self._stamp, self._token = found, token
        return self.cert


def check_retries(max_retries: Retry | int) -> None:
    """Check that an adapter's own retries send no proof twice: its "jti" is valid once.

    RFC 9449 section 4.2. A request that did not reach the server may be sent again.

    :param max_retries: as in :class:`requests.adapters.HTTPAdapter`.
    :raises ConfigurationError: if they could repeat a request that the server has seen.
    """
    retry = Retry.from_int(max_retries)
    after_a_response = _any_left(retry.status) and bool(
        retry.status_forcelist or retry.respect_retry_after_header
    )
    sends_again = _any_left(retry.read) or _any_left(retry.other) or after_a_response
    if _any_left(retry.total) and sends_again:
        raise ConfigurationError(
            "max_retries would send a DPoP proof twice, which servers refuse; pass "
            "Retry(connect=3, read=False, other=0, respect_retry_after_header=False), which "
            "repeats only what never reached the server"
        )


def check_header(header: TokenHeader) -> None:
    """Check that a token that is bound to a key goes where RFC 9449 section 7.1 wants it.

    :raises ConfigurationError: if it would go elsewhere.
    """
    if not header.is_usual:
        raise ConfigurationError(
            "header and scheme cannot be set for tokens that are bound to a key (dpop=): they go "
            "into Authorization: DPoP (RFC 9449 section 7.1)"
        )


def _any_left(count: bool | int | None) -> bool:
    return count is None or count > 0  # None: no limit of its own
