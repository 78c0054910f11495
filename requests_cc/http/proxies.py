"""The proxy of a request: one elsewhere reads whatever is sent to it over plain http.

It stands alone since few requests use plain http: the others do not load it.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from requests.utils import select_proxy

from ..errors import ConfigurationError
from ..url import Origin, without_query


def check_proxy(url: str, proxies: Mapping[str, str]) -> None:
    """Check that a request over plain http does not leave this machine through a proxy.

    :param proxies: mapping, as requests passes it to an adapter.
    :raises ConfigurationError: if it would.
    """
    proxy = select_proxy(url, dict(proxies))
    if not proxy:
        return
    host = "?"
    try:
        host = urlsplit(proxy if "://" in proxy else f"http://{proxy}").hostname or ""
        in_url = f"[{host}]" if ":" in host else host
        # Without a host, requests raises an error of its own.
        is_here = not host or Origin.from_url(f"http://{in_url}/").is_loopback
    except ValueError:
        is_here = False
    if not is_here:
        raise ConfigurationError(
            f"no request was sent to {without_query(url)}: it would go over plain http through the "
            f"proxy {host}, which is not on this machine and can read it; set "
            f"NO_PROXY=localhost,127.0.0.1, use https://, or pass allow_http=True if the "
            f"network is trusted"
        )
