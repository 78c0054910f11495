"""One rule for secrets in tracebacks: no exception leaves this library with frames that hold them.

Debuggers and error trackers show the variables of each frame. The frames of a token request hold
secrets, assertions and tokens, and so do those of a constructor.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from ..errors import ClientCredentialsError

P = ParamSpec("P")
T = TypeVar("T")


def entry_point(call: Callable[P, T]) -> Callable[P, T]:
    """Remove the library's frames from whatever a public method raises.

    An error of this library has no frames, cause or context of its own. Any other exception, such
    as one that a user's callable raises, keeps the frames of the user's own code.
    """

    @wraps(call)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except ClientCredentialsError as error:
            failure: BaseException = error.with_traceback(None)
            failure.__cause__ = failure.__context__ = None
        except BaseException as error:  # noqa: BLE001 - raised again below
            from ..http.failure import users_frames  # noqa: PLC0415 - few calls fail

            failure = error.with_traceback(users_frames(error.__traceback__))
        del args, kwargs  # variables of this frame, the only one that is left
        try:
            raise failure
        finally:
            del failure  # or the exception and this frame would keep each other alive

    return run


def guarded_constructor(cls: type[T]) -> type[T]:
    """Make the constructor of a dataclass an :func:`entry_point`: its arguments are secrets."""
    setattr(cls, "__init__", entry_point(getattr(cls, "__init__")))  # noqa: B009, B010 - for mypy
    return cls
