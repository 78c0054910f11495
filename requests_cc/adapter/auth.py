"""The token as a requests auth object, for code that takes nothing but ``auth=``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple, NoReturn

import requests
from requests import PreparedRequest
from requests.auth import AuthBase
from requests.utils import get_environ_proxies

from ..access_token import AccessToken
from ..cache.token_cache import TokenCache, default_cache
from ..errors import ConfigurationError
from ..protocols import TokenSource, name_of, proof_key_of
from .adapter import check_source
from .allowed_origins import Audience, origins_of
from .authorized_copy import host_of, names_host
from .rejection import UNAUTHORIZED, Rejections, RejectsSetting
from .rewinding import rewinder
from .token_header import AUTHORIZATION, TokenHeader, check_unbound


class ClientCredentialsAuth(AuthBase):
    """A requests auth object that adds a token to requests, and resends a rejected one once.

    :param source: as in :class:`ClientCredentialsAdapter`, like all the others.
    :param origins: where the token may be sent.
    :param cache: a :class:`TokenCache`; None: :func:`default_cache`.
    :param allow_http: bool, whether origins may use plain http beyond loopback.
    :param header: str, the header that carries the token.
    :param scheme: str or None, what stands before the token.
    :param rejects: what says that the API rejected the token.
    :raises ConfigurationError: if a setting is wrong, or if there is no origin.

    For ``requests.get(url, auth=...)``, ``session.auth = ...`` and libraries that take a requests
    auth object. A session that you make yourself is better served by the adapter, which can do
    what an auth object cannot:

    - The token is on the caller's own request: in ``response.request``, and in the request of an
      error. If a response redirects to another origin, it is removed.
    - A redirect to another one of the origins arrives without a token. After its rejection it is
      sent again with one.
    - It knows nothing of the proxies, retries and certificates of the session: set ``cert``
      there if the tokens are bound to one (RFC 8705). Tokens that are bound to a key
      (``dpop=``) need the adapter. Of proxies it knows those of the environment: a token for
      loopback http does not leave through one of them without ``allow_http``.

    Safe to share between threads and sessions. RFC 6750 section 2.1.
    """

    def __init__(  # noqa: PLR0913 - those of the adapter
        self,
        source: TokenSource,
        *,
        origins: str | Iterable[str] | None = None,
        cache: TokenCache | None = None,
        allow_http: bool = False,
        header: str = AUTHORIZATION,
        scheme: str | None = None,
        rejects: RejectsSetting = UNAUTHORIZED,
    ) -> None:
        check_source(source, cache)
        if proof_key_of(source) is not None:
            raise ConfigurationError(
                "ClientCredentialsAuth cannot send tokens that are bound to a key (dpop=), since "
                "each send needs a proof of its own; mount a ClientCredentialsAdapter"
            )
        self._settings = _Settings(
            source,
            cache,
            Audience(origins_of(source, origins), allow_http=allow_http),
            allow_http,
            TokenHeader(header, scheme),
            Rejections(rejects),
        )

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins that the token may be sent to, such as ``https://host:8443``."""
        return self._settings.audience.origins

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the token to a request that is being prepared, if it is for one of the origins.

        :param request: is changed.
        :returns: the same request.
        :raises TokenRequestError: if no token can be obtained.
        """
        sent = _Sent(self._settings, request)
        if self._settings.may_receive(request):
            url = request.url or ""
            if not self._settings.allow_http and url[:5].lower() == "http:":
                from ..http.proxies import check_proxy  # noqa: PLC0415 - for plain http

                check_proxy(url, get_environ_proxies(url))
            sent.authorize(request, self._settings.current_cache.token(self._settings.source))
        request.register_hook("response", sent.look_at)
        return request

    def send(self, *_args: object, **_options: object) -> NoReturn:
        """Raise the error that an auth object in ``session.mount()`` is."""
        raise ConfigurationError(
            f"a {type(self).__name__} is mounted on the session, which is not an adapter; write "
            f"session.mount(url, ClientCredentialsAdapter(credentials))"
        )

    def close(self) -> None:
        """Do nothing: a session closes all that is mounted on it."""

    def __repr__(self) -> str:
        name, origins = name_of(self._settings.source), ", ".join(self.origins)
        return f"<{type(self).__name__} {name} for {origins}>"


class _Settings(NamedTuple):
    source: TokenSource
    cache: TokenCache | None
    audience: Audience
    allow_http: bool
    header: TokenHeader
    rejections: Rejections

    @property
    def current_cache(self) -> TokenCache:
        return default_cache() if self.cache is None else self.cache

    def may_receive(self, request: PreparedRequest) -> bool:
        """Return whether a request may carry the token."""
        url, headers = request.url or "", request.headers
        return self.audience.includes(url) and (
            not names_host(headers) or self.audience.includes_host(url, host_of(headers))
        )


class _Sent:
    """One request of a caller, and the token that was sent with it.

    Requests calls :meth:`look_at` with each response, also with those to the requests that follow
    a redirect: these are copies of the first one, with its headers and its hooks.
    """

    def __init__(self, settings: _Settings, request: PreparedRequest) -> None:
        self._settings = settings
        self._token: AccessToken | None = None
        self._rewind = None if request.body is None else rewinder(request.body)

    def authorize(self, request: PreparedRequest, token: AccessToken) -> None:
        check_unbound(token, self._settings.source)
        request.headers[self._settings.header.name] = self._settings.header.value(token)
        self._token = token

    def look_at(self, response: requests.Response, **options: Any) -> requests.Response:
        """Resend a request once if its token was rejected; keep the token from other origins."""
        suspects = self._settings.rejections.suspects(with_proofs=False)
        if response.status_code in suspects and self._settings.may_receive(response.request):
            send = getattr(getattr(response, "connection", None), "send", None)
            if send is not None:  # mocks have none
                response = self._judge(response, partial(send, **options), options)
        if response.is_redirect:
            target = _target(response)
            if target is None or not self._settings.audience.includes(target):
                response.request.headers.pop(self._settings.header.name, None)
        return response

    def _judge(
        self,
        response: requests.Response,
        send: Callable[[PreparedRequest], requests.Response],
        options: dict[str, Any],
    ) -> requests.Response:
        from .resend import Attempt, resend_once, send_first_token  # noqa: PLC0415 - as in adapter

        source, cache = self._settings.source, self._settings.current_cache
        request = response.request

        def send_again(token: AccessToken) -> requests.Response:
            self.authorize(request, token)
            return send(request)

        token = self._token
        header = self._settings.header
        # Requests removes the header of a request that is redirected to another host.
        if token and request.headers.get(header.name) != header.value(token):
            token = None
        stream = bool(options.get("stream"))
        attempt = Attempt(
            token or cache.token(source), send_again, self._rewind, stream, None,
            self._settings.rejections,
        )  # fmt: skip
        if token is None:
            return send_first_token(response, attempt)
        return resend_once(response, attempt, partial(cache.renewal, source))


# White space, which some parsers delete, a backslash, which some read as a slash, and slashes
# that leave it open where the host begins are in none of these.
_ABSOLUTE = re.compile(r"https?://[!-.0-\[\]-~][!-\[\]-~]*", re.IGNORECASE)
_OWN_ORIGIN = re.compile(r"/|(?:/(?!/)|[?#]|[!-.0-9;-\[\]-~]+(?=[/?#]|\Z))[!-\[\]-~]*")


def _target(response: requests.Response) -> str | None:
    """Return the URL that a response redirects to; None if parsers could disagree about it."""
    location = response.headers["location"]
    if _ABSOLUTE.fullmatch(location):
        return location
    return response.url if _OWN_ORIGIN.fullmatch(location) else None
