"""A token that something else keeps fresh in a file: an agent, a kubelet, a sidecar."""

from __future__ import annotations

import os
import time
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from os import PathLike

from ..access_token import VISIBLE_ASCII, AccessToken
from ..client_auth.assertion import check_lifetime
from ..client_auth.secret import cleaned
from ..errors import TokenRequestError, moment
from ..settings import contents, required_path
from .source import Source
from .token_response import jwt_expiry
from .tracebacks import entry_point, guarded_constructor

LARGEST = 1024 * 1024  # bytes
PAUSES = (0.01, 0.05)  # seconds, while a writer that truncates the file first is between the two


@guarded_constructor
@dataclass(frozen=True, repr=False, eq=False)
class TokenFile(Source):
    """A source whose token is what a file holds.

    :param path: str or path. White space around the token is dropped.
    :param lifetime: float, seconds for which a token that was read is used, from one to a day;
        then the file is read again. None: until the token's own expiry, if it is a JWT.
    :raises ConfigurationError: if a setting is wrong.

    The file is read again when it has changed (each use of the token compares its time, size and
    inode), before the token expires, and after an API rejected the token. While the file is empty,
    half written or missing, a token that was read before serves until it expires.

    Its tokens stay in this process, whatever store a cache has: on another machine, another token
    may be at the same path. Frozen; safe to share between threads. Its ``repr`` names the path.
    """

    path: str | PathLike[str]
    lifetime: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        # Absolute, since a daemon changes its working directory later.
        self._set(path=os.path.abspath(required_path(self.path, "path")), _last_good=None)
        if self.lifetime is not None:
            check_lifetime(self.lifetime)

    @entry_point
    def request_token(self) -> AccessToken:
        """Read the file.

        :returns: an :class:`AccessToken`.
        :raises TokenRequestError: if the file cannot be read, or holds no token, or one that has
            expired; the message names the path.
        """
        value = self._read_in_a_few_attempts()
        now = time.time()
        expiries = [] if self.lifetime is None else [now + self.lifetime]
        expiry = jwt_expiry(value)
        if expiry is not None:
            if expiry <= now:
                raise self._error(
                    f"holds a token that expired at {moment(expiry)}",
                    "check that the program that writes it is running, and this machine's clock",
                )
            expiries.append(expiry)
        return AccessToken(value, expires_at=min(expiries, default=None), issued_at=now)

    @property
    def cache_key(self) -> Hashable:
        """Equal only for sources of the same file, as long as it does not change."""
        return (*self.key_part, self._stamp())

    @property
    def key_part(self) -> tuple[Hashable, ...]:
        """The part of another source's cache key: a new token in the file keeps that."""
        return ("token_file", str(self.path), self.lifetime)

    @property
    def label(self) -> str:
        """The path, as log lines and events name it."""
        return f"the token file {self.path}"

    def _stamp(self) -> Hashable:
        """Return the file's time, size and inode; the last ones while it holds no token."""
        last: Hashable = self._last_good  # type: ignore[attr-defined] # since __post_init__
        try:
            status = os.stat(self.path)
        except (OSError, ValueError):
            return last
        found = (status.st_mtime_ns, status.st_size, status.st_ino)
        if found != last:
            try:
                self._read()
            except TokenRequestError:
                return last
            self._set(_last_good=found)
        return found

    def _read_in_a_few_attempts(self) -> str:
        for pause in PAUSES:
            with suppress(TokenRequestError):
                return self._read()
            time.sleep(pause)
        return self._read()

    def _read(self) -> str:
        try:
            content = contents(str(self.path), LARGEST + 1)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            reason = getattr(error, "strerror", None) or "it is not a valid path"
            problem = f"cannot be read: {reason}"
        else:
            token = cleaned(content.decode("utf-8", "replace"))
            if token and len(content) <= LARGEST and VISIBLE_ASCII.issuperset(token):
                return token
            problem = "does not hold a token, which is one word of ASCII" if token else "is empty"
        raise self._error(problem, "check the path, and that the program that writes it is running")

    def _error(self, problem: str, advice: str) -> TokenRequestError:
        return TokenRequestError(f"the token file {self.path} {problem}; {advice}")

    def __repr__(self) -> str:
        lifetime = "" if self.lifetime is None else f", lifetime={self.lifetime!r}"
        return f"TokenFile({self.path!r}{lifetime})"
