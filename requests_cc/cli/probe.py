"""Each step of a connection by itself: name, connection, proxy, TLS."""

from __future__ import annotations

import base64
import os
import socket
import ssl
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit

import requests
from requests.utils import get_environ_proxies, prepend_scheme_if_needed, select_proxy
from urllib3.util.ssl_ import create_urllib3_context

from ..url import Origin
from .output import NEEDS_A_PERSON, TRY_AGAIN, moment, relative, safe

CONNECT_TIMEOUT = 5.0  # seconds, for each step
_LONGEST_HEAD = 65_536  # bytes of a proxy's response
_SUPPORTED = ("http", "https")
_OK, _AUTHENTICATE = 200, 407  # RFC 9110 §15

# OpenSSL's codes (X509_V_ERR_...)
_NOT_YET_VALID, _EXPIRED = 9, 10
_OTHER_NAMES = (62, 64)
_UNKNOWN_ISSUER = (2, 18, 19, 20, 21)


class StepError(Exception):
    """A step failed.

    :param what: str, what is wrong.
    :param change: str, what to change.
    :param status: int, the exit status.
    """

    def __init__(self, what: str, change: str, status: int = NEEDS_A_PERSON) -> None:
        super().__init__(what)
        self.what = what
        self.change = change
        self.status = status


#: Runs one step: prints ``ok`` and what it returns, or ``FAILED`` and what it raises.
Step: TypeAlias = "Callable[[str, Callable[[], str]], None]"


class Trust(NamedTuple):
    """The certificates that TLS trusts and presents.

    :param session: of which ``verify`` and the environment's proxies and CA bundle count.
    :param cert: the client certificate, as in requests, or None.
    """

    session: requests.Session
    cert: Any = None

    def context(self, url: str) -> tuple[ssl.SSLContext, str]:
        """Return the context that requests would use, and the path of the CA bundle."""
        merged = self.session.merge_environment_settings(url, {}, False, self.session.verify, None)
        bundle = (
            requests.utils.DEFAULT_CA_BUNDLE_PATH
            if merged["verify"] is True
            else str(merged["verify"])
        )
        context = create_urllib3_context()
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = True  # urllib3 1.26 compares the names itself, later
        try:
            context.load_verify_locations(
                **{"capath" if os.path.isdir(bundle) else "cafile": bundle}
            )
        except OSError:
            raise StepError(
                f"no CA certificate can be read from {bundle}",
                "pass --cacert FILE with the CA's certificate, or set REQUESTS_CA_BUNDLE",
            ) from None
        if self.cert is not None:
            files = (self.cert,) if isinstance(self.cert, str) else self.cert
            context.load_cert_chain(*files)
        return context, bundle


class Probe:
    """Opens one connection, step by step.

    :param url: str, where it leads.
    :param setting: str, the option or variable that holds the URL, to name it in messages.
    :param trust: how TLS is set up.
    """

    def __init__(self, url: str, setting: str, trust: Trust) -> None:
        self._url = url
        self._setting = setting
        self._trust = trust
        self._origin = Origin.from_url(url)
        proxy = select_proxy(url, get_environ_proxies(url, no_proxy=None))
        self._proxy = None if proxy is None else _proxy_parts(proxy)
        self._addresses: list[Any] = []
        self._socket: Any = None  # a socket, once there is a connection

    def run(self, step: Step) -> None:
        """Run the steps.

        :raises StepError: if one fails.
        """
        proxy = self._proxy
        if proxy is not None and proxy.scheme not in _SUPPORTED:
            step("proxy", lambda: f"{_shown(proxy)}, which is not looked into")
            return
        try:
            step("name look-up", self._look_up)
            step("connection", self._connect)
            if proxy is not None:
                step("proxy", lambda: self._pass(proxy))
            if self._origin.scheme == "https":
                step("TLS", self._shake_hands)
        finally:
            if self._socket is not None:
                self._socket.close()

    @property
    def _peer(self) -> tuple[str, int]:
        """Host and port to connect to: the server's, or those of the proxy before it."""
        if self._proxy is None:
            return self._origin.host, self._origin.port
        default = 443 if self._proxy.scheme == "https" else 80
        return self._proxy.hostname or "", self._proxy.port or default

    @property
    def _place(self) -> str:
        """The setting that names the peer, for a message."""
        return self._setting if self._proxy is None else "HTTP_PROXY or HTTPS_PROXY"

    def _look_up(self) -> str:
        host, port = self._peer
        try:
            self._addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise StepError(
                f"the name {host} cannot be resolved",
                f"check the host in {self._place}, and this machine's name server",
                TRY_AGAIN,
            ) from None
        found = list(dict.fromkeys(address[4][0] for address in self._addresses))
        return f"{host} is {'an address' if found == [host] else ', '.join(map(str, found))}"

    def _connect(self) -> str:
        host, port = self._peer
        try:
            self._socket = socket.create_connection((host, port), CONNECT_TIMEOUT)
        except TimeoutError:
            raise StepError(
                f"{host} port {port} did not respond within {CONNECT_TIMEOUT:.0f} s",
                f"check host and port in {self._place}; if a firewall is in between, open it or "
                f"set HTTPS_PROXY",
                TRY_AGAIN,
            ) from None
        except OSError as error:
            refused = isinstance(error, ConnectionRefusedError)
            reason = "refused the connection" if refused else f"failed: {error.strerror}"
            raise StepError(
                f"{host} port {port} {reason}",
                f"check host and port in {self._place}, and that the server is running",
                TRY_AGAIN,
            ) from None
        return f"to {host} port {port}"

    def _pass(self, proxy: SplitResult) -> str:
        shown, target = _shown(proxy), f"{self._host_in_url}:{self._origin.port}"
        try:
            if proxy.scheme == "https":
                context, _ = self._trust.context(self._url)
                self._socket = context.wrap_socket(self._socket, server_hostname=proxy.hostname)
            if self._origin.scheme == "http":
                return shown
            self._socket.sendall(_connect_request(proxy, target))
            status, words = _status(self._head())
        except (OSError, ValueError):
            status, words = 0, "nothing that HTTP allows"
        if status == _OK:
            return f"{shown} opened a tunnel to {target}"
        change = f"allow {target} at the proxy, or add {self._origin.host} to NO_PROXY"
        if status == _AUTHENTICATE:
            change = "put the proxy's user name into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT"
        raise StepError(f"{shown} responded {words} to CONNECT {target}", change, TRY_AGAIN)

    def _head(self) -> bytes:
        head = b""
        while b"\r\n\r\n" not in head and len(head) < _LONGEST_HEAD:
            piece = self._socket.recv(1)  # no more: what follows the head belongs to TLS
            if not piece:
                break
            head += piece
        return head

    @property
    def _host_in_url(self) -> str:
        return f"[{self._origin.host}]" if ":" in self._origin.host else self._origin.host

    def _shake_hands(self) -> str:
        host = self._origin.host
        context, bundle = self._trust.context(self._url)
        try:
            secured = context.wrap_socket(self._socket, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            raise _certificate_error(error, host, bundle, self._setting) from None
        except OSError as error:
            reason = getattr(error, "reason", None) or "the connection was closed"
            raise StepError(
                f"the TLS handshake with {host} failed: {safe(reason)}",
                f"check that {self._setting} names a port that speaks TLS, and the client "
                f"certificate, if the server wants one",
            ) from None
        self._socket = secured
        certificate: Any = secured.getpeercert() or {}
        until = ssl.cert_time_to_seconds(certificate["notAfter"])
        left = relative(until, "in {}", "{} ago")
        return f"{secured.version()}, the certificate is valid until {moment(until)} ({left})"


def _certificate_error(
    error: ssl.SSLCertVerificationError, host: str, bundle: str, setting: str
) -> StepError:
    code = error.verify_code
    if code == _EXPIRED:
        return StepError(
            f"the certificate of {host} has expired",
            f"have {host} renew it; or set this machine's clock, if it is wrong",
        )
    if code == _NOT_YET_VALID:
        return StepError(
            f"the certificate of {host} is not valid yet", "set this machine's clock: it is behind"
        )
    if code in _OTHER_NAMES:
        return StepError(
            f"the certificate is not for {host}: {safe(error.verify_message)}",
            f"use a name of the certificate in {setting}",
        )
    if code in _UNKNOWN_ISSUER:
        return StepError(
            f"the certificate of {host} is not signed by a CA in {bundle}",
            "pass --cacert FILE with the CA's certificate, or set REQUESTS_CA_BUNDLE",
        )
    return StepError(
        f"the certificate of {host} is not accepted: {safe(error.verify_message)}",
        f"have {host} use another one",
    )


def _connect_request(proxy: SplitResult, target: str) -> bytes:
    """Return the request for a tunnel (RFC 9110 §9.3.6)."""
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.username is not None:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        encoded = base64.b64encode(pair.encode()).decode("ascii")
        lines.append(f"Proxy-Authorization: Basic {encoded}")
    return "\r\n".join([*lines, "", ""]).encode()


def _status(head: bytes) -> tuple[int, str]:
    """Return the status, and with it the reason.

    :raises ValueError: if it is not HTTP.
    """
    version, _, rest = head.split(b"\r\n")[0].decode("latin-1").partition(" ")
    if not version.startswith("HTTP/"):
        raise ValueError
    return int(rest[:3]), safe(rest)


def _proxy_parts(proxy: str) -> SplitResult:
    return urlsplit(prepend_scheme_if_needed(proxy, "http"))


def _shown(proxy: SplitResult) -> str:
    """Return a proxy without its user name and password."""
    host = proxy.netloc.rpartition("@")[2]
    return f"{proxy.scheme}://{host}"
