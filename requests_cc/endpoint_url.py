"""The URL of an endpoint: what it must be, and how much of it a message may show."""

from __future__ import annotations

from urllib.parse import urlsplit

from .errors import ConfigurationError
from .origin import Origin


def without_query(url: str) -> str:
    """A URL as a message may show it: queries can hold keys."""
    return urlsplit(url)._replace(query="", fragment="").geturl()


def check_url(url: object, what: str, *, allow_http: bool) -> None:
    """Checks the URL of an endpoint; no message shows its userinfo, query or fragment.

    :param url: what was set.
    :param what: str, its name in the message.
    :param allow_http: bool, whether plain http beyond loopback is accepted.
    :raises ConfigurationError: when it is no absolute http(s) URL that can be trusted, or
        ``allow_http`` no bool.
    """
    check_allow_http(allow_http)
    if not isinstance(url, str) or not url:
        raise ConfigurationError(f"{what} is missing: write its URL, https://...")
    origin, reason = _origin(url)
    if origin is None:
        raise ConfigurationError(f"{what} is no URL that can be used: {reason}")
    if "@" in urlsplit(url).netloc:
        raise ConfigurationError(f"{what} (at {origin}) holds a user name: leave it out")
    shown = without_query(url)
    if "#" in url:
        raise ConfigurationError(f"{what} ({shown!r}) has a fragment: leave out # and the rest")
    if " " in url or not url.isprintable():
        raise ConfigurationError(f"{what} ({shown!r}) holds white space or a control character")
    if origin.scheme == "http" and not origin.is_loopback and not allow_http:
        raise ConfigurationError(
            f"{what} ({shown!r}) would be asked over plain http: write https://, or, where the "
            f"network is trusted, allow_http=True beside it"
        )


def check_allow_http(allow_http: object) -> None:
    """Checks a setting that opens a door: any text from the environment would count as true.

    :raises ConfigurationError: when it is no bool.
    """
    if not isinstance(allow_http, bool):
        raise ConfigurationError(
            f"allow_http must be True or False, not {type(allow_http).__name__}"
        )


def _origin(url: str) -> tuple[Origin | None, str]:
    try:
        return Origin.from_url(url), ""
    except ValueError as error:
        return None, str(error)
