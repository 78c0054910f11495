"""The adapter that authorizes requests, and resends them once after a rejection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import requests
from requests.adapters import DEFAULT_POOLBLOCK, DEFAULT_POOLSIZE, BaseAdapter, HTTPAdapter
from urllib3.util.retry import Retry

from ..access_token import AccessToken
from ..cache.token_cache import TokenCache, default_cache
from ..errors import ConfigurationError
from ..http.sending import token_exchange_under_way
from ..protocols import TokenSource, certificate_of, name_of, proof_key_of
from .allowed_origins import Audience, origins_of
from .authorized_copy import authorized_copy, hide_copy, host_of, names_host
from .rejection import UNAUTHORIZED, Rejections, RejectsSetting
from .rewinding import rewinder
from .sending import ConnectionsOfParent, check_forcelist, check_not_shared
from .token_header import AUTHORIZATION, TokenHeader, check_unbound

if TYPE_CHECKING:
    from .bound_token import PresentedCertificate

#: What :meth:`requests.adapters.BaseAdapter.send` takes beside the request: stream, timeout,
#: verify, cert, proxies. A bare tuple, since every call makes one.
SendOptions: TypeAlias = "tuple[bool, Any, Any, Any, dict[str, str] | None]"


class ClientCredentialsAdapter(HTTPAdapter):
    """An adapter that sends requests for its origins with a token, and resends a rejected one once.

    :param source: :class:`ClientCredentials`, or any other :class:`TokenSource`.
    :param origins: where the token may be sent: URLs, of which scheme, host and port count. None:
        the http(s) URLs in the source's ``audience`` and ``resource``.
    :param cache: a :class:`TokenCache`; None: :func:`default_cache`, looked up at each send.
    :param transport: another requests adapter that does the sending. None: this one itself.
    :param allow_http: bool, whether origins may use plain http beyond loopback, and a proxy beyond
        loopback for them.
    :param header: str, the header that carries the token.
    :param scheme: str, what stands before the token; ``""`` sends it bare. None: the token's type.
    :param rejects: what says that the API rejected the token: int, an HTTP status; several; or a
        callable that gets the :class:`requests.Response` and returns a bool. It may read the body,
        also of a streamed response, from which the caller then reads it once more.
    :param pool_connections: int, as in :class:`requests.adapters.HTTPAdapter`.
    :param pool_maxsize: int, as there.
    :param max_retries: int or :class:`urllib3.util.Retry`, as there. With DPoP, only a Retry that
        repeats failed connections and nothing else: a proof is valid once. Never with a status of
        ``rejects`` in its ``status_forcelist``.
    :param pool_block: bool, as there.
    :raises ConfigurationError: if a setting is wrong, or if there is no origin.

    Safe to share between threads as far as requests' own adapters are. A request for any other
    origin is sent unchanged, without a token, and so is one whose ``Host`` header names another
    host. A forked child has connections of its own. RFC 6750 section 2.1.
    """

    __attrs__ = [  # noqa: RUF012 - a list in requests
        *HTTPAdapter.__attrs__,
        *("_source", "_audience", "_allow_http", "_cache", "_transport", "_header", "_rejections"),
    ]

    _last: tuple[AccessToken | None, str]

    def __init__(  # noqa: PLR0913 - HTTPAdapter's own four
        self,
        source: TokenSource,
        *,
        origins: str | Iterable[str] | None = None,
        cache: TokenCache | None = None,
        transport: BaseAdapter | None = None,
        allow_http: bool = False,
        header: str = AUTHORIZATION,
        scheme: str | None = None,
        rejects: RejectsSetting = UNAUTHORIZED,
        pool_connections: int = DEFAULT_POOLSIZE,
        pool_maxsize: int = DEFAULT_POOLSIZE,
        max_retries: int | Retry = 0,
        pool_block: bool = DEFAULT_POOLBLOCK,
    ) -> None:
        pool = (pool_connections, pool_maxsize, max_retries, pool_block)
        if transport is not None and pool != (DEFAULT_POOLSIZE, DEFAULT_POOLSIZE, 0, False):
            raise ConfigurationError(
                "pool_connections, pool_maxsize, max_retries and pool_block have no effect with "
                "transport=; set them on the transport"
            )
        check_source(source, cache)
        if transport is not None and not isinstance(transport, BaseAdapter):
            raise ConfigurationError("transport must be a requests adapter, such as HTTPAdapter()")
        self._source = source
        self._cache = cache
        self._transport = transport
        self._allow_http = allow_http
        self._audience = Audience(origins_of(source, origins), allow_http=allow_http)
        self._header = TokenHeader(header, scheme)
        self._rejections = Rejections(rejects)
        super().__init__(pool_connections, pool_maxsize, max_retries, pool_block)
        self._bind()
        self._check_sender()

    def __call__(self, *_args: object) -> NoReturn:
        """Raise the error that an adapter as ``auth=`` is."""
        raise ConfigurationError(
            f"auth is a {type(self).__name__}, which is not a requests auth object; mount it with "
            f"mount(session, adapter), or pass auth=ClientCredentialsAuth(credentials)"
        )

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
                "the session of a token request has a ClientCredentialsAdapter mounted for that "
                "URL; pass AuthorizationServer(session=...) another session"
            )
        options = (stream, timeout, verify, cert, proxies)
        url = request.url or ""
        # An origin ends at the first slash after "http://" or "https://"; a host is never empty.
        if url[: url.find("/", 8) + 1] not in self._prefixes and not self._audience.includes(url):
            return self._send(request, *options)
        if names_host(request.headers) and not self._audience.includes_host(
            url, host_of(request.headers)
        ):
            return self._send(request, *options)
        if proxies and not self._allow_http and url[:5].lower() == "http:":
            from ..http.proxies import check_proxy  # noqa: PLC0415 - for plain http

            check_proxy(url, proxies)
        cache = default_cache() if self._cache is None else self._cache
        token = cache.token(self._source)
        rewind = None if request.body is None else rewinder(request.body)
        response = self._send_authorized(request, options, token)
        if response.status_code not in self._suspects:
            return response
        from .resend import Attempt, resend_once  # noqa: PLC0415 - after the first rejection

        send_again = partial(self._send_authorized, request, options)
        attempt = Attempt(token, send_again, rewind, stream, self._dpop, self._rejections)
        return resend_once(response, attempt, partial(cache.renewal, self._source))

    def request_url(
        self, request: requests.PreparedRequest, proxies: Mapping[str, str] | None
    ) -> str:
        """Return the target of a request, as :class:`requests.adapters.HTTPAdapter` does."""
        if not proxies:  # the usual case, for which requests looks for a proxy for 4 µs
            path = request.path_url
            if not path.startswith("//"):
                return path
        return super().request_url(request, proxies)  # type: ignore[arg-type] # any mapping

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
        known, value = self._last
        if known is not token:
            value = self._value_of(token)
        authorized = authorized_copy(request, value, self._header_name, self._header_key)
        if self._is_bound:
            options = self._prove(authorized, token, options)
        try:
            response = self._send(authorized, *options)
        except BaseException as error:  # a worker's time limit too
            hide_copy(error, value, request, self._header_name)
            is_of_call = isinstance(error, requests.RequestException)
            if self._certificate is None or last_attempt or not is_of_call:
                raise error  # noqa: TRY201 - a bare one restores the frames, in Python 3.10
            from ..http.failure import is_of_own_certificate  # noqa: PLC0415 - few requests fail

            if not is_of_own_certificate(error):
                raise error  # noqa: TRY201 - as above
        else:
            if self._dpop is not None:
                self._dpop.take_nonce(str(request.url), response.headers)
            response.request = request
            response.connection = self  # where an auth object's hook, such as Digest's, sends again
            return response
        # The certificate's files were being replaced: now they belong together.
        return self._send_authorized(request, options, token, last_attempt=True)

    def _value_of(self, token: AccessToken) -> str:
        """Return the header's value for a token, which is checked when it is first sent."""
        if self._dpop is None:
            check_unbound(token, self._source)
        value = self._header.value(token)
        self._last = token, value
        return value

    def _prove(
        self, authorized: requests.PreparedRequest, token: AccessToken, options: SendOptions
    ) -> SendOptions:
        """Add the DPoP proof that a token needs, and the certificate to present with it."""
        stream, timeout, verify, cert, proxies = options
        if self._dpop is not None:
            authorized.headers["DPoP"] = self._dpop.proof(
                str(authorized.method), str(authorized.url), token.value
            )
        if self._certificate is not None:
            cert = self._certificate.present_with(token, self)
        return stream, timeout, verify, cert, proxies

    def _send(
        self,
        request: requests.PreparedRequest,
        stream: bool,
        timeout: Any,
        verify: Any,
        cert: Any,
        proxies: dict[str, str] | None,
    ) -> requests.Response:
        if self._transport is None:
            return super().send(request, stream, timeout, verify, cert, proxies)
        # By name, since some transports take them in no other way.
        return self._transport.send(
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
        """Set what follows from the rest, and need not be looked up at each call."""
        self._prefixes = self._audience.prefixes
        self._dpop = proof_key_of(self._source)
        cert = certificate_of(self._source)
        self._certificate: PresentedCertificate | None = None
        if cert is not None:
            from .bound_token import PresentedCertificate  # noqa: PLC0415 - few clients have one

            self._certificate = PresentedCertificate(cert)
        self._is_bound = self._dpop is not None or self._certificate is not None
        self._suspects = self._rejections.suspects(with_proofs=self._dpop is not None)
        self._header_name, self._header_key = self._header.name, self._header.key
        # The last token that was sent, and the header's value for it. One tuple: threads share it.
        self._last = (None, "")
        adapters = (self, self._transport)
        self._connections = [
            ConnectionsOfParent(each) for each in adapters if isinstance(each, HTTPAdapter)
        ]

    def _check_sender(self) -> None:
        sender = self if self._transport is None else self._transport
        check_forcelist(sender, self._rejections.statuses | {UNAUTHORIZED})
        if self._transport is not None:
            check_not_shared(self._transport, self._source)
        if self._dpop is not None:
            from .bound_token import check_header, check_retries  # noqa: PLC0415 - few have a key

            check_retries(getattr(sender, "max_retries", 0))
            check_header(self._header)


def check_source(source: object, cache: object) -> None:
    """Check who supplies the tokens, and who keeps them.

    :raises ConfigurationError: if either is something else.
    """
    if isinstance(source, type) or not isinstance(source, TokenSource):
        raise ConfigurationError(
            "the first argument must be a source of tokens, ClientCredentials(...) or an object "
            f"with request_token() and cache_key, not {type(source).__name__}"
        )
    if cache is not None and not isinstance(cache, TokenCache):
        raise ConfigurationError("cache must be a TokenCache, or None for the process-wide one")
