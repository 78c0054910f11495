"""The proxy of a request: one elsewhere reads whatever is sent to it over plain http."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from requests.utils import select_proxy

from ..errors import ConfigurationError
from ..url import Origin, without_query


def check_proxy(url: str, proxies: Mapping[str, str], *, allow_http: bool) -> None:
    """Check that a request over plain http does not leave this machine through a proxy.

    :param url: str, where it goes.
    :param proxies: mapping, as requests passes it to an adapter.
    :param allow_http: bool, whether plain http beyond loopback is accepted.
    :raises ConfigurationError: if it would.
    """
    if allow_http or not url.lower().startswith("http:"):
        return
    proxy = select_proxy(url, dict(proxies))
    if proxy and not _is_on_loopback(proxy):
        raise ConfigurationError(
            f"no request was sent to {without_query(url)}: it would go over plain http through a "
            f"proxy that is not on this machine, which can read it; add the host to NO_PROXY, use "
            f"https://, or pass allow_http=True if the network is trusted"
        )


def _is_on_loopback(proxy: str) -> bool:
    try:
        host = urlsplit(proxy if "://" in proxy else f"http://{proxy}").hostname or ""
        return Origin.from_url(f"http://{f'[{host}]' if ':' in host else host}/").is_loopback
    except ValueError:
        return False
