"""The copy of a request that carries the token, which the caller never gets to see."""

from __future__ import annotations

from collections.abc import Iterable

import requests
from requests import PreparedRequest
from requests.structures import CaseInsensitiveDict

_PARTS = tuple(vars(CaseInsensitiveDict()))  # what a mapping of headers is made of

_new = object.__new__  # without __init__, which would set what is set again


class AuthorizedHeaders(CaseInsensitiveDict[str | bytes]):
    """Headers that are copied part by part, since urllib3 makes one more copy of them.

    An ordinary mapping of headers builds its copy name by name, in three times the time.
    """

    def copy(self: CaseInsensitiveDict[str | bytes]) -> AuthorizedHeaders:
        headers = _new(AuthorizedHeaders)
        for part in _PARTS:
            setattr(headers, part, getattr(self, part).copy())
        return headers


def authorized_copy(request: PreparedRequest, authorization: str) -> PreparedRequest:
    """A copy of a request with an ``Authorization`` header, in place of any that it has.

    :param request: stays as it is, and shares with the copy all but the headers:
        ``PreparedRequest.copy()`` takes 6 µs and more.
    :param authorization: str, the header's value.
    """
    given = request.headers
    if type(given) is CaseInsensitiveDict:
        headers = AuthorizedHeaders.copy(given)
    else:
        headers = AuthorizedHeaders(given)  # a caller may have put a plain dict there
    headers["Authorization"] = authorization
    authorized = _new(type(request))
    # One by one: an instance whose dict was touched is slower to read from then on.
    for name, value in request.__dict__.items():
        setattr(authorized, name, value)
    authorized.headers = headers
    return authorized


def hide_copy(
    error: requests.RequestException, authorization: str, request: PreparedRequest
) -> None:
    """Puts the caller's own request in the copy's place, in what the API call raised.

    Also in the place of further copies that a transport made, and in the errors that led to this
    one: wherever the token is.

    :param authorization: str, the header that carries it.
    :param request: the caller's own.
    """
    for each in _chain(error):
        if isinstance(each, requests.RequestException):
            for holder in (each, each.response):
                held = getattr(holder, "request", None)
                headers = getattr(held, "headers", None) or {}
                if headers.get("Authorization") == authorization:
                    holder.request = request  # type: ignore[union-attr] # it has one


def _chain(error: BaseException) -> Iterable[BaseException]:
    """An error and all that led to it."""
    chain: dict[int, BaseException] = {}
    ahead: list[BaseException | None] = [error]
    while ahead:
        each = ahead.pop()
        if each is not None and id(each) not in chain:
            chain[id(each)] = each
            ahead += (each.__cause__, each.__context__)
    return chain.values()
