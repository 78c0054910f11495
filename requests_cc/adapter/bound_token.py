"""What an adapter owes to tokens that are bound to a key or to a certificate."""

from __future__ import annotations

from requests.adapters import BaseAdapter
from urllib3.util.retry import Retry

from ..access_token import AccessToken
from ..client_auth.certificate import stamp
from ..errors import ConfigurationError
from ..protocols import Cert


class PresentedCertificate:
    """The certificate that an API sees, which the token must be bound to (RFC 8705 §3).

    :param cert: as in requests.

    Files that were replaced count from the next token on, which may be bound to what is in them
    now. Safe to share between threads: at worst two of them notice one change.
    """

    def __init__(self, cert: Cert) -> None:
        self.cert = cert
        self._token: AccessToken | None = None
        self._stamp: object = None

    def present_with(self, token: AccessToken, sender: BaseAdapter) -> Cert:
        """What is presented with a token, on connections that show what the files hold now.

        :param token: what is about to be sent.
        :param sender: the adapter that sends it. Where this is a new token and the files are
            others than when the last one came, it lets go of its connections.
        :raises ConfigurationError: when a file is not there.
        """
        found = stamp(self.cert)
        if not found:  # of which requests would make a bare OSError
            raise ConfigurationError(
                f"the certificate {self.cert!r} that the token is bound to cannot be found: check "
                f"the path that TLSClientAuth was given"
            )
        if token is not self._token:
            if self._token is not None and found != self._stamp:
                # Which ends none that is in use: urllib3 (1.26.16 and later) drops its pools here,
                # and they close their connections when nobody uses them any more.
                sender.close()
            # At the end: whoever comes before this lets go as well, and uses no connection of old.
            self._stamp, self._token = found, token
        return self.cert


def check_retries(max_retries: Retry | int) -> None:
    """Checks that an adapter's own retries send no proof twice: "jti" is good once.

    RFC 9449 §4.2. What did not reach the server, for want of a connection, may be sent again.

    :param max_retries: as in :class:`requests.adapters.HTTPAdapter`.
    :raises ConfigurationError: when they could repeat a request that the server has seen.
    """
    retry = Retry.from_int(max_retries)
    after_an_answer = _any_left(retry.status) and bool(
        retry.status_forcelist or retry.respect_retry_after_header
    )
    sends_again = _any_left(retry.read) or _any_left(retry.other) or after_an_answer
    if _any_left(retry.total) and sends_again:
        raise ConfigurationError(
            "max_retries would send a DPoP proof twice, which servers refuse: write "
            "Retry(connect=3, read=False, other=0, respect_retry_after_header=False), which "
            "repeats only what never reached the server"
        )


def _any_left(count: bool | int | None) -> bool:
    return count is None or count > 0  # None: no limit of its own
