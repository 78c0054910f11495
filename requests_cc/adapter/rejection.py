"""The rejection of a token by an API: a 401, other statuses, or a function's verdict."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterable
from typing import Any, TypeAlias

import requests

from ..access_token import AccessToken
from ..errors import ConfigurationError

#: The setting ``rejects`` of an adapter.
RejectsSetting: TypeAlias = "int | Iterable[int] | Callable[[requests.Response], bool]"

UNAUTHORIZED = 401  # RFC 9110 section 15.5.2
_LEAST_ERROR = 400
_LAST_STATUS = 599

logger = logging.getLogger("requests_cc")


class Verdict:
    """The meaning of a response for the token and the proof that were sent.

    :param rejected: bool, whether another token may help.
    :param wants_nonce: bool, whether the proof was rejected, and not the token (RFC 9449 section
        9).
    """

    __slots__ = ("rejected", "wants_nonce")

    def __init__(self, *, rejected: bool, wants_nonce: bool) -> None:
        self.rejected = rejected
        self.wants_nonce = wants_nonce


class Rejections:
    """The responses that reject a token.

    :param rejects: int, an HTTP status; several; or a callable that returns whether the
        :class:`requests.Response` that it gets rejects the token.
    :raises ConfigurationError: if it is none of these, or a status that is not an error.

    As safe to share between threads as the callable is.
    """

    def __init__(self, rejects: RejectsSetting) -> None:
        self._function = rejects if callable(rejects) else None
        self.statuses = frozenset() if callable(rejects) else _statuses(rejects)
        self._reported = False

    def suspects(self, *, with_proofs: bool) -> Container[int]:
        """Return the statuses of responses that must be judged; no other one rejects a token.

        :param with_proofs: bool, whether requests carry DPoP proofs, which a 401 may reject.
        """
        if self._function is not None:
            return _Everything()
        return self.statuses | {UNAUTHORIZED} if with_proofs else self.statuses

    def judge(self, response: requests.Response, token: AccessToken) -> Verdict:
        """Return what a response says; a callable is called once for each.

        :param response: unread.
        :param token: the one that was sent.
        """
        rejected = self._names(response)
        if not rejected and response.status_code != UNAUTHORIZED:
            return Verdict(rejected=False, wants_nonce=False)
        errors = _errors(response, token)
        wants_nonce = (
            response.status_code == UNAUTHORIZED
            and "use_dpop_nonce" in errors
            and "invalid_token" not in errors
        )
        # RFC 6750 section 3.1: another token of the same scope does not help.
        helps = not wants_nonce and "insufficient_scope" not in errors
        return Verdict(rejected=rejected and helps, wants_nonce=wants_nonce)

    def report_unsent(self) -> None:
        """Log, once, that a request was not resent, since its body cannot be read again."""
        if not self._reported:
            self._reported = True
            logger.warning(
                "the API rejected a token, and the request was not resent: its body is a generator "
                "or another stream that cannot be read again; pass bytes or a seekable file. The "
                "token is renewed for the next call. Further cases are not logged"
            )

    def _names(self, response: requests.Response) -> bool:
        if self._function is None:
            return response.status_code in self.statuses
        from .look import look  # noqa: PLC0415 - only functions look into a response

        return look(self._function, response)


class _Everything:
    def __contains__(self, status: object) -> bool:
        return True


def _statuses(rejects: object) -> frozenset[int]:
    found: Iterable[Any] = (
        rejects if isinstance(rejects, Iterable) and not isinstance(rejects, str) else (rejects,)
    )
    statuses = frozenset(found)
    if not statuses or not all(
        type(status) is not bool and isinstance(status, int) for status in statuses
    ):
        raise ConfigurationError(
            "rejects must be an HTTP status, several of them, or a function of the response that "
            "returns a bool; pass rejects=[401, 403], for example"
        )
    for status in sorted(statuses):
        if not _LEAST_ERROR <= status <= _LAST_STATUS:
            raise ConfigurationError(
                f"rejects has the status {status:d}, which is not an error; pass a function that "
                f"looks into the response: rejects=lambda response: ..."
            )
    return statuses


def _errors(response: requests.Response, token: AccessToken) -> set[str | None]:
    """Return the error codes of the challenges for the token's scheme, or else of all."""
    from .challenge import Challenge  # noqa: PLC0415 - its pattern takes a while to compile

    challenges = Challenge.parse(response.headers.get("WWW-Authenticate", ""))
    scheme = token.token_type.lower()
    own = [challenge for challenge in challenges if challenge.scheme == scheme]
    return {challenge.parameters.get("error") for challenge in own or challenges}
