"""Validate and normalize the settings that become parameters of a token request."""

from __future__ import annotations

import hashlib
import json
from collections.abc import (
    Callable,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
    Set as AbstractSet,
)
from types import MappingProxyType
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from ..client_auth.secret import callable_key_part
from ..errors import ConfigurationError
from ..settings import required_line, required_text

#: The value of a parameter; a callable is called for each request.
Value: TypeAlias = "str | int | Callable[[], str]"
Params: TypeAlias = Mapping[str, "Value | Sequence[Value]"]
#: A parameter as a request keeps it.
Pair: TypeAlias = "tuple[str, str | Callable[[], str]]"

# Parameters that have a setting of their own, or belong to client authentication.
OWN = {
    "grant_type": "grant_type",
    "client_id": "client_id",
    "client_secret": "client_secret",
    "scope": "scope",
    "audience": "audience",
    "resource": "resource",
    "client_assertion": "auth",
    "client_assertion_type": "auth",
}


def scope_text(scope: str | Iterable[str] | None) -> str | None:
    """Return a scope as words with a space between them, or None (RFC 6749 §3.3)."""
    words = _texts(scope, "scope")
    return " ".join(words) or None


def audiences(audience: str | Iterable[str] | None) -> str | tuple[str, ...] | None:
    """Return audiences: None, one as a str, several as a tuple (RFC 8693 §2.1 repeats them)."""
    if isinstance(audience, str) or audience is None:
        return None if audience is None else required_line(audience, "audience")
    texts = _texts(audience, "audience")
    return texts if len(texts) > 1 else texts[0] if texts else None


def resource_uris(resource: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return resource indicators as a tuple.

    :raises ConfigurationError: if one is not "an absolute URI" without a fragment (RFC 8707 §2).
    """
    uris = _texts(resource, "resource")
    for uri in uris:
        if not _is_absolute_uri(uri):
            raise ConfigurationError(
                f"resource {uri!r} must be an absolute URI without a fragment (RFC 8707 §2)"
            )
    return uris


def further_params(
    params: Params | None, own: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """Return ``params`` with its values as str, callables and tuples, in the order of its names.

    Equal mappings may hold their items in another order; the request and its key have one order.

    :param own: mapping from the grant's own parameters to their settings.
    :raises ConfigurationError: if one repeats a parameter that has a setting of its own.
    """
    if params is None:
        return {}
    if not isinstance(params, Mapping):
        raise ConfigurationError(f"params must be a mapping, not {type(params).__name__}")
    own = {**OWN, **own}
    further: dict[str, Any] = {}
    for name in sorted(required_text(name, "each name in params") for name in params):
        value = params[name]
        if name in own:
            raise ConfigurationError(f"params repeats {name!r}: use {own[name]}= instead")
        several = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
        further[name] = tuple(_param(v, name) for v in value) if several else _param(value, name)  # type: ignore[union-attr] # a sequence
    return further


def pairs(params: Mapping[str, Any]) -> tuple[Pair, ...]:
    """Return parameters as they are sent: each not at all (None), once, or repeated."""
    return tuple(
        (name, one)
        for name, value in params.items()
        if value is not None
        for one in ([value] if isinstance(value, str) or callable(value) else value)
    )


def current(params: Iterable[Pair]) -> Iterator[tuple[str, str]]:
    """Yield parameters with the present values of those that are callables.

    :raises ConfigurationError: if a callable returns anything but a str.
    """
    for name, value in params:
        if callable(value):
            yield name, _text(value(), f"the value that the callable params[{name!r}] returned")
        else:
            yield name, value


def params_key_part(params: Iterable[Pair]) -> Hashable:
    """Return the part of a cache key for parameters; no callable is called for it."""
    return tuple(
        (name, callable_key_part(value) if callable(value) else value) for name, value in params
    )


def _texts(value: str | Iterable[str] | None, setting: str) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    if isinstance(value, (bytes, Mapping)) or not isinstance(value, Iterable):
        raise ConfigurationError(
            f"{setting} must be a str or an iterable of str, not {type(value).__name__}"
        )
    several = (value,) if isinstance(value, str) else value
    texts = [required_line(one, f"each part of {setting}") for one in several]
    # A set has another order in each process; the request has one order.
    return tuple(sorted(texts) if isinstance(value, AbstractSet) else texts)


def _param(value: Any, name: str) -> str | Callable[[], str]:
    if callable(value):
        return value  # type: ignore[no-any-return] # what it returns is checked for each request
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ConfigurationError(
            f"params[{name!r}] must be a str, a callable or a list of those, not "
            f"{type(value).__name__}"
        )
    return _text(str(value), f"params[{name!r}]")


def _text(value: object, what: str) -> str:
    return "" if value == "" else required_text(value, what)


def _is_absolute_uri(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return bool(parts.scheme and (parts.netloc or parts.path)) and "#" not in uri


def cache_key(kind: str, *parts: Hashable) -> Hashable:
    """Return one key of everything that shapes a token.

    :param kind: str, the kind of source.
    :param parts: nested tuples of str, int and None, secrets as digests; or, if a part cannot be
        read, another hashable in its place.
    :returns: a str, the same in each process: a digest of an injective encoding. With an unreadable
        part: a tuple, which is meaningful in this process only.
    """
    try:
        # Lists of JSON texts are injective: no two different parts have one encoding.
        encoded = json.dumps([kind, parts])
    except TypeError:
        return (kind, parts)
    return hashlib.sha256(encoded.encode("ascii")).hexdigest()
