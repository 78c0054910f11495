"""The parameters in the body of a request to the authorization server."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.response import bad_request, refused


class Parameters:
    """The parameters of a form-encoded or JSON body: RFC 6749 §3.2.

    :raises RefusedError: if the request is not a POST, or its body is not valid.
    """

    def __init__(self, request: RecordedRequest) -> None:
        if request.method != "POST":
            raise refused(
                HTTPStatus.METHOD_NOT_ALLOWED,
                "invalid_request",
                "A request to this endpoint must be a POST.",
                ("Allow", "POST"),
            )
        self._values = _values(request)

    def all(self, name: str) -> tuple[str, ...]:
        """Return the values of a parameter that may be sent several times.

        :raises RefusedError: if one is not a string.
        """
        value = self._values.get(name)
        values = value if isinstance(value, list) else [value]
        # §3.2: "Parameters sent without a value MUST be treated as if they were omitted".
        sent = [each for each in values if each not in (None, "")]
        strings = tuple(each for each in sent if isinstance(each, str))
        if len(strings) < len(sent):
            raise bad_request("invalid_request", f"{name} must be a string.")
        return strings

    def get(self, name: str) -> str | None:
        """Return the value of a parameter; None if it was not sent.

        :raises RefusedError: if it is not a string, or was sent more than once.
        """
        values = self.all(name)
        if len(values) > 1:  # §3.2: "parameters MUST NOT be included more than once".
            raise bad_request("invalid_request", f"{name} must be sent only once.")
        return values[0] if values else None

    def require(self, name: str) -> str:
        """Return the value of a parameter.

        :raises RefusedError: if it is missing, not a string, or was sent more than once.
        """
        value = self.get(name)
        if value is None:
            raise bad_request(
                "invalid_request", f"{name} is missing: send it in a form-encoded or JSON body."
            )
        return value


def _values(request: RecordedRequest) -> Mapping[str, object]:
    try:
        content = request.json
    except ValueError:
        raise bad_request(
            "invalid_request", "The body is declared as JSON and is not valid JSON."
        ) from None
    if content is None:
        return request.form
    if not isinstance(content, dict):
        raise bad_request("invalid_request", "The JSON body must be an object.")
    return content
