"""The adapter that authorizes requests, and resends them once after a 401."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, TypeAlias

import requests
from requests.adapters import DEFAULT_POOLBLOCK, DEFAULT_POOLSIZE, BaseAdapter, HTTPAdapter
from urllib3.util.retry import Retry

from ..access_token import AccessToken
from ..cache.token_cache import TokenCache, default_cache
from ..errors import ConfigurationError
from ..http.exchange import token_exchange_under_way
from ..http.failure import is_of_own_certificate
from ..protocols import TokenSource, certificate_of, name_of, proof_key_of
from .allowed_origins import Audience, origins_of
from .authorized_copy import authorized_copy, hide_copy
from .bound_token import PresentedCertificate, check_retries
from .resend import UNAUTHORIZED, Attempt, resend_once, rewinder

#: What :meth:`requests.adapters.BaseAdapter.send` takes beside the request: stream, timeout,
#: verify, cert, proxies. A bare tuple, since every call makes one.
SendOptions: TypeAlias = "tuple[bool, Any, Any, Any, dict[str, str] | None]"


class ClientCredentialsAdapter(HTTPAdapter):
    """An adapter that authorizes the requests for its origins, and resends one once after a 401.

    :param source: :class:`ClientCredentials`, or any other :class:`TokenSource`.
    :param origins: where the token may be sent: URLs, of which scheme, host and port count. None:
        the http(s) URLs in the source's ``audience`` and ``resource``.
    :param cache: a :class:`TokenCache`; None: :func:`default_cache`, looked up at each send.
    :param transport: another requests adapter that does the sending. None: this one itself.
    :param allow_http: bool, whether origins may use plain http beyond loopback.
    :param pool_connections: int, as in :class:`requests.adapters.HTTPAdapter`.
    :param pool_maxsize: int, as there.
    :param max_retries: int or :class:`urllib3.util.Retry`, as there. With DPoP, only a Retry that
        repeats failed connections and nothing else: a proof is valid once.
    :param pool_block: bool, as there.
    :raises ConfigurationError: if a setting is wrong, or if there is no origin.

    Safe to share between threads as far as requests' own adapters are. A request for any other
    origin is sent unchanged, without a token. RFC 6750 section 2.1.
    """

    __attrs__ = [*HTTPAdapter.__attrs__, "_source", "_audience", "_cache", "_transport"]  # noqa: RUF012 - a list in requests

    def __init__(  # noqa: PLR0913 - HTTPAdapter's own four
        self,
        source: TokenSource,
        *,
        origins: str | Iterable[str] | None = None,
        cache: TokenCache | None = None,
        transport: BaseAdapter | None = None,
        allow_http: bool = False,
        pool_connections: int = DEFAULT_POOLSIZE,
        pool_maxsize: int = DEFAULT_POOLSIZE,
        max_retries: int | Retry = 0,
        pool_block: bool = DEFAULT_POOLBLOCK,
    ) -> None:
        pool = (pool_connections, pool_maxsize, max_retries, pool_block)
        if transport is not None and pool != (DEFAULT_POOLSIZE, DEFAULT_POOLSIZE, 0, False):
            raise ConfigurationError(
                "pool_connections, pool_maxsize, max_retries and pool_block do nothing beside "
                "transport=, which does the sending; pass them to the transport"
            )
        _check(source, cache, transport)
        self._source = source
        self._cache = cache
        self._transport = transport
        self._audience = Audience(origins_of(source, origins), allow_http=allow_http)
        super().__init__(pool_connections, pool_maxsize, max_retries, pool_block)
        self._bind()
        if self._dpop is not None:
            sender = self if transport is None else transport
            check_retries(getattr(sender, "max_retries", 0))

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins that this adapter's token may be sent to, such as ``https://host:8443``."""
        return self._audience.origins

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: dict[str, str] | None = None,
    ) -> requests.Response:
        """Send a request, with a token if it is for one of the origins.

        :param request: the prepared request; it is not changed, a copy is authorized.
        :param stream: bool, as in requests.
        :param timeout: as in requests; it bounds the API's response and not the wait for a token.
        :param verify: as in requests.
        :param cert: as in requests.
        :param proxies: as in requests.
        :returns: the API's response. After a resend that is the second one, and its ``history``
            holds the first, with at most 64 KiB of its body.
        :raises TokenRequestError: if no token can be obtained, or renewal after a 401 fails.
        :raises requests.RequestException: whatever the API call itself raises.
        """
        if token_exchange_under_way.get():
            raise ConfigurationError(
                "the session of a token request has a ClientCredentialsAdapter for that URL; pass "
                "AuthorizationServer(session=...) a session that has none there"
            )
        options = (stream, timeout, verify, cert, proxies)
        url = request.url or ""
        if not url.startswith(self._prefixes) and not self._audience.includes(url):
            return self._transmit(request, options)
        cache = default_cache() if self._cache is None else self._cache
        token = cache.token(self._source)
        rewind = None if request.body is None else rewinder(request.body)
        response = self._send_authorized(request, options, token)
        if response.status_code != UNAUTHORIZED:
            return response
        send_again = partial(self._send_authorized, request, options)
        attempt = Attempt(token, send_again, rewind, stream, self._dpop)
        return resend_once(response, attempt, partial(cache.renewal, self._source))

    def close(self) -> None:
        """Close the pooled connections, those of the transport too."""
        super().close()
        if self._transport is not None:
            self._transport.close()

    def _send_authorized(
        self,
        request: requests.PreparedRequest,
        options: SendOptions,
        token: AccessToken,
        last_attempt: bool = False,
    ) -> requests.Response:
        """Send an authorized copy; the response carries the caller's own request."""
        authorized = authorized_copy(request, token.authorization)
        stream, timeout, verify, cert, proxies = options
        if self._is_bound:
            cert = self._prove(authorized, token, cert)
        try:
            # By name, since some transports take them in no other way.
            send = super().send if self._transport is None else self._transport.send
            response = send(
                authorized,
                stream=stream,
                timeout=timeout,
                verify=verify,
                cert=cert,
                proxies=proxies,
            )
        except requests.RequestException as error:
            hide_copy(error, token.authorization, request)
            if self._certificate is None or last_attempt or not is_of_own_certificate(error):
                raise
        else:
            if self._dpop is not None:
                self._dpop.take_nonce(str(request.url), response.headers)
            response.request = request
            response.connection = self  # where an auth object's hook, such as Digest's, sends again
            return response
        # The certificate's files were being replaced: now they belong together.
        return self._send_authorized(request, options, token, last_attempt=True)

    def _prove(self, authorized: requests.PreparedRequest, token: AccessToken, cert: Any) -> Any:
        """Add the DPoP proof that a token needs, and return the certificate to present with it."""
        if self._dpop is not None:
            authorized.headers["DPoP"] = self._dpop.proof(
                str(authorized.method), str(authorized.url), token.value
            )
        return cert if self._certificate is None else self._certificate.present_with(token, self)

    def _transmit(
        self, request: requests.PreparedRequest, options: SendOptions
    ) -> requests.Response:
        stream, timeout, verify, cert, proxies = options
        # By name, since some transports take them in no other way.
        send = super().send if self._transport is None else self._transport.send
        return send(
            request, stream=stream, timeout=timeout, verify=verify, cert=cert, proxies=proxies
        )

    def __repr__(self) -> str:
        cache = default_cache() if self._cache is None else self._cache
        token = cache.peek(self._source)
        if token is None:
            state = "no token yet"
        elif token.expires_in is None:
            state = "token without expiry"
        else:
            state = f"token expires in {token.expires_in:.0f} s"
        origins = ", ".join(self.origins)
        return f"<{type(self).__name__} {name_of(self._source)} for {origins}: {state}>"

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._bind()

    def _bind(self) -> None:
        """Set what follows from the rest: the prefixes, and what the tokens are bound to."""
        self._prefixes = self._audience.prefixes
        self._dpop = proof_key_of(self._source)
        cert = certificate_of(self._source)
        self._certificate = None if cert is None else PresentedCertificate(cert)
        self._is_bound = self._dpop is not None or self._certificate is not None


def _check(source: object, cache: object, transport: object) -> None:
    if isinstance(source, type) or not isinstance(source, TokenSource):
        raise ConfigurationError(
            "the first argument must be a source of tokens, ClientCredentials(...) or an object "
            f"with request_token() and cache_key, not {type(source).__name__}"
        )
    if cache is not None and not isinstance(cache, TokenCache):
        raise ConfigurationError("cache must be a TokenCache, or None for the process-wide one")
    if transport is not None and not isinstance(transport, BaseAdapter):
        raise ConfigurationError("transport must be a requests adapter, such as HTTPAdapter()")
