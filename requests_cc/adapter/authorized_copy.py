"""The copy of a request that carries the token; the caller never sees it."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, ValuesView
from types import TracebackType
from typing import Any

import requests
from requests import PreparedRequest
from requests.structures import CaseInsensitiveDict

from .token_header import AUTHORIZATION

_new = object.__new__  # without __init__, which would set what is set again


def _spellings_attribute() -> str | None:
    """Find where requests keeps headers: {lower-case name: (name, value)}; None if elsewhere.

    Reading that dict whole takes a fifth of the time of reading the headers name by name.
    """
    parts = vars(CaseInsensitiveDict({"Name": "value"}))
    kept = [name for name, part in parts.items() if part == {"name": ("Name", "value")}]
    return kept[0] if len(parts) == 1 and kept else None


_SPELLINGS = _spellings_attribute()


class AuthorizedHeaders(CaseInsensitiveDict[Any]):
    """Headers over one plain dict, in the spelling that the caller gave.

    urllib3 copies the headers once more and walks through the copy twice, which costs a plain dict
    next to nothing. A look-up in another spelling walks through the names.
    """

    named: dict[Any, Any]

    def __init__(self, data: Any = None, **more: Any) -> None:
        self.named = {}
        self.update(data or {}, **more)

    def __getitem__(self, name: Any) -> Any:
        spelling = name if name in self.named else self._spelling(name)
        return self.named[spelling]

    def __setitem__(self, name: Any, value: Any) -> None:
        before = name if name in self.named else self._spelling(name)
        if before == name or before not in self.named:
            self.named[name] = value
        else:
            items = ((name, value) if n == before else (n, v) for n, v in self.named.items())
            self.named = dict(items)

    def __delitem__(self, name: Any) -> None:
        del self.named[name if name in self.named else self._spelling(name)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.named)

    def __len__(self) -> int:
        return len(self.named)

    def __contains__(self, name: object) -> bool:
        return name in self.named or self._spelling(name) in self.named

    def keys(self) -> KeysView[Any]:
        return self.named.keys()

    def values(self) -> ValuesView[Any]:
        return self.named.values()

    def items(self) -> ItemsView[Any, Any]:
        return self.named.items()

    def lower_items(self) -> Iterator[tuple[Any, Any]]:
        return ((name.lower(), value) for name, value in self.named.items())

    def update(self, other: Any = (), /, **more: Any) -> None:
        if other or more:  # urllib3 updates its copy with the proxy's headers, most often none
            super().update(other, **more)

    def copy(self) -> AuthorizedHeaders:
        headers = _new(AuthorizedHeaders)
        headers.named = self.named.copy()
        return headers

    def _spelling(self, name: Any) -> Any:
        """Return the name under which a header is kept; the name itself if there is none."""
        if isinstance(name, (str, bytes)):
            lower = name.lower()
            for kept in self.named:
                if kept.lower() == lower:
                    return kept
        return name


def authorized_copy(
    request: PreparedRequest, value: str, name: str = AUTHORIZATION, key: str = "authorization"
) -> PreparedRequest:
    """Copy a request, with the token's header in place of one of that name.

    :param request: stays as it is, and shares with the copy all but the headers:
        ``PreparedRequest.copy()`` takes 6 µs and more.
    :param value: str, the header's value.
    :param name: str, the header.
    :param key: str, ``name`` in lower case.
    """
    given = request.headers
    if type(given) is CaseInsensitiveDict and _SPELLINGS is not None:
        headers = _new(AuthorizedHeaders)
        kept = getattr(given, _SPELLINGS)
        headers.named = named = dict(kept.values())
        if key in kept:
            del named[kept[key][0]]
        named[name] = value
    else:
        headers = AuthorizedHeaders(given)  # a caller may have put a plain dict there
        headers.pop(name, None)
        headers[name] = value
    authorized = _new(type(request))
    # One by one: an instance whose dict was touched is slower to read from then on.
    for attribute, shared in request.__dict__.items():
        setattr(authorized, attribute, shared)
    authorized.headers = headers
    return authorized


def names_host(headers: Any) -> bool:
    """Return whether a request's headers have a ``Host``, which most do not."""
    if type(headers) is CaseInsensitiveDict and _SPELLINGS is not None:
        return "host" in getattr(headers, _SPELLINGS)
    return bool(host_of(headers))


def host_of(headers: Any) -> str:
    """Return the ``Host`` of a request's headers; empty if there is none."""
    for name, value in headers.items():
        if _text(name).lower() == "host":
            return _text(value)
    return ""


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def hide_copy(
    error: BaseException,
    value: str,
    request: PreparedRequest,
    name: str = AUTHORIZATION,
) -> None:
    """Put the caller's own request in the copy's place, in an exception of the API call.

    Further copies that a transport made are replaced too, and those in the errors that led to this
    one: wherever the token is. Their tracebacks lose the frames that hold the bytes to send.

    :param value: str, of the header that carries it.
    :param request: the caller's own.
    :param name: str, the header that carries it.
    """
    for each in _chain(error):
        each.__traceback__ = _without_sent_bytes(each.__traceback__)
        if isinstance(each, requests.RequestException):
            for holder in (each, each.response):
                held = getattr(holder, "request", None)
                headers = getattr(held, "headers", None) or {}
                if headers.get(name) == value:
                    holder.request = request  # type: ignore[union-attr] # it has one


def _without_sent_bytes(traceback: TracebackType | None) -> TracebackType | None:
    frames = []
    while traceback is not None:
        if traceback.tb_frame.f_globals.get("__name__") != "http.client":
            frames.append(traceback)
        traceback = traceback.tb_next
    kept: TracebackType | None = None
    for each in reversed(frames):
        kept = TracebackType(kept, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return kept


def _chain(error: BaseException) -> Iterable[BaseException]:
    """Return an error and all that led to it."""
    chain: dict[int, BaseException] = {}
    ahead: list[BaseException | None] = [error]
    while ahead:
        each = ahead.pop()
        if each is not None and id(each) not in chain:
            chain[id(each)] = each
            ahead += (each.__cause__, each.__context__)
    return chain.values()
