"""Keep secrets and tokens out of the cassettes of vcrpy.

Tokens are numbered instead of blanked, since two tokens of a cassette must differ when it is
replayed: the adapter does not resend a rejected request with the token that was rejected.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

HIDDEN = "hidden"
SECRET_PARAMETERS = frozenset({"assertion", "client_assertion", "client_secret", "password"})
TOKEN_PARAMETERS = frozenset(
    {"access_token", "actor_token", "id_token", "refresh_token", "subject_token", "token"}
)
TOKEN_MEMBERS = frozenset({"access_token", "id_token", "refresh_token"})  # RFC 6749 §5.1
NUMBERED = re.compile(r"token-(\d+)")


def without_secrets(*, headers: Iterable[str] = (), members: Iterable[str] = ()) -> dict[str, Any]:
    """Return options for ``vcr.VCR`` or ``use_cassette`` that keep secrets out of cassettes.

    ``Authorization`` headers, client secrets, assertions and DPoP proofs become ``hidden``. Tokens
    become ``token-1``, ``token-2`` and so on, the same one wherever it occurs::

        recorder = vcr.VCR(**without_secrets())

    :param headers: further request headers that hold a token or a secret.
    :param members: further members of JSON responses that hold a token.
    :returns: keyword arguments; safe to use from several threads.
    """
    filters = _Filters(frozenset(name.lower() for name in headers), TOKEN_MEMBERS | set(members))
    return {
        "before_record_request": filters.request,
        "before_record_response": filters.response,
        "decode_compressed_response": True,  # a compressed token cannot be found
    }


class _Numbers:
    """The name of each token in a cassette; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the two below
        self._names: dict[str, str] = {}
        self._last = 0

    def name(self, token: str) -> str:
        """Return the token's name; a name from a replayed response stays."""
        with self._lock:
            replayed = NUMBERED.fullmatch(token)
            if replayed:
                self._last = max(self._last, int(replayed[1]))
                return token
            if token not in self._names:
                self._last += 1
                self._names[token] = f"token-{self._last}"
            return self._names[token]

    def replace_in(self, text: str) -> str:
        """Return the text with every known token replaced."""
        with self._lock:
            names = list(self._names.items())
        for token, name in names:
            text = text.replace(token, name)
        return text


class _Filters:
    """The two callbacks, which share the numbers of the tokens."""

    def __init__(self, headers: frozenset[str], members: frozenset[str]) -> None:
        self._hidden_headers = headers | {"dpop"}
        self._members = members
        self._numbers = _Numbers()

    def request(self, request: Any) -> Any:
        """Return vcrpy's own copy of a request without secrets; what is sent stays as it is."""
        content_type = str(request.headers.get("Content-Type", ""))
        request.headers = {
            name: self._header(name.lower(), value) for name, value in request.headers.items()
        }
        path, mark, query = request.uri.partition("?")
        request.uri = path + mark + self._parameters(query)
        if isinstance(request.body, bytes):
            request.body = self._body(request.body, content_type.partition(";")[0].strip().lower())
        return request

    def response(self, response: Mapping[str, Any]) -> dict[str, Any]:
        """Return a recorded response without tokens, and with the length that it has now."""
        text = response["body"]["string"].decode("utf-8", "surrogateescape")
        text = self._numbers.replace_in(self._json(text, self._response_member))
        body = text.encode("utf-8", "surrogateescape")
        headers = {
            name: [str(len(body))] if name.lower() == "content-length" else values
            for name, values in response["headers"].items()
        }
        return {**response, "headers": headers, "body": {**response["body"], "string": body}}

    def _header(self, name: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._header(name, each) for each in value]
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        if name in self._hidden_headers:
            return HIDDEN
        if name not in {"authorization", "proxy-authorization"}:
            return self._numbers.replace_in(text)
        scheme, _, rest = text.rpartition(" ")
        if scheme.lower() in {"basic", "digest"} or "," in text:
            return f"{text.partition(' ')[0]} {HIDDEN}"
        return f"{scheme} {self._numbers.name(rest)}".strip()

    def _body(self, body: bytes, content_type: str) -> bytes:
        text = body.decode("utf-8", "surrogateescape")
        if content_type == "application/x-www-form-urlencoded":
            text = self._parameters(text)
        elif content_type.endswith("json"):
            text = self._json(text, self._parameter)
        return text.encode("utf-8", "surrogateescape")

    def _parameters(self, text: str) -> str:
        found = parse_qsl(text, keep_blank_values=True)
        changed = [(name, self._parameter(name, value)) for name, value in found]
        return text if changed == found else urlencode(changed)

    def _parameter(self, name: str, value: str) -> str:
        if name in SECRET_PARAMETERS:
            return HIDDEN
        return self._numbers.name(value) if name in TOKEN_PARAMETERS else value

    def _response_member(self, name: str, value: str) -> str:
        return self._numbers.name(value) if name in self._members else value

    def _json(self, text: str, change: Callable[[str, str], str]) -> str:
        try:
            document = json.loads(text)
        except ValueError:
            return text
        changed = _changed(document, change)
        return text if changed == document else json.dumps(changed)


def _changed(value: Any, change: Callable[[str, str], str]) -> Any:
    """Return a JSON value, with each string that is an object's member changed."""
    if isinstance(value, list):
        return [_changed(each, change) for each in value]
    if isinstance(value, dict):
        return {
            name: change(name, each) if isinstance(each, str) else _changed(each, change)
            for name, each in value.items()
        }
    return value
