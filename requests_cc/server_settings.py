"""The settings of an authorization server as people write them: what is taken, what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .endpoint_url import check_url
from .errors import ConfigurationError


def names(several: Iterable[str] | None, setting: str) -> tuple[str, ...] | None:
    """A setting that is a list of names, or not set.

    :param several: what was set.
    :param setting: str, its name in the message.
    :raises ConfigurationError: when it is empty, or anything else.
    """
    if several is None:
        return None
    listed = isinstance(several, Iterable) and not isinstance(several, (str, bytes))
    read = tuple(several) if listed else ()
    if not read or not all(isinstance(name, str) for name in read):
        raise ConfigurationError(f"{setting} must be one or more str, in a list, or None")
    return read


def trusted_issuers(issuers: Iterable[str] | None, *, allow_http: bool) -> tuple[str, ...] | None:
    """The issuers that a protected resource may name; None: any.

    :raises ConfigurationError: when one is no URL that can be trusted.
    """
    trusted = names(issuers, "issuers")
    for url in trusted or ():
        check_url(url, "each of issuers", allow_http=allow_http)
    return trusted


def endpoint_aliases(aliases: object) -> dict[str, str] | None:
    """``mtls_endpoint_aliases``, copied; its URLs are not checked here.

    :raises ConfigurationError: when it is no mapping.
    """
    if aliases is None:
        return None
    if not isinstance(aliases, Mapping):
        raise ConfigurationError(
            "mtls_endpoint_aliases must be a mapping from an endpoint's name to its URL"
        )
    return dict(aliases)


def check_optional_urls(urls: Mapping[str, str | None], *, allow_http: bool) -> None:
    """Checks those that are set.

    :param urls: mapping from a setting's name in the message to what was set.
    :raises ConfigurationError: when one cannot be trusted.
    """
    for setting, url in urls.items():
        if url is not None:
            check_url(url, setting, allow_http=allow_http)


def check_body_format(body_format: object) -> None:
    """Checks how the parameters of a token request are to be written.

    :raises ConfigurationError: when it is neither ``"form"`` nor ``"json"``.
    """
    if body_format not in ("form", "json"):
        raise ConfigurationError('body_format must be "form" or "json"')
