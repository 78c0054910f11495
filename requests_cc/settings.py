"""Checks that several settings share, and what to say when an optional package is missing."""

from __future__ import annotations

import errno
import importlib
import math
import os
import re
import stat
from typing import TYPE_CHECKING, Any

from .errors import ConfigurationError

if TYPE_CHECKING:
    from typing import TypeGuard


# A line's end, a PEM, JSON, a JWT (whose header is JSON too, in base64), or a word that is longer
# than a file's name can be.
_CONTENTS_OF_A_FILE = r"[\r\n]|-----BEGIN|^\s*\{|^e(?:y[AJ]|w[0o])[\w-]*\.[\w-]*\.|[^/\\]{256}"


def require(module: str, extra: str) -> Any:
    """Import a module of an optional package.

    :param extra: str, the extra of requests_cc that brings the package.
    :raises ConfigurationError: if it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        raise ConfigurationError(
            f"the package {module.partition('.')[0]} is not installed: "
            f'pip install "requests_cc[{extra}]"'
        ) from None


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a finite int or float; a bool is neither."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an int larger than any float
        return False


def check_bool(value: object, setting: str) -> None:
    """Check a setting that is True or False: any text from the environment would count as true.

    :param setting: str, its name in the message.
    :raises ConfigurationError: if it is not a bool.
    """
    if not isinstance(value, bool):
        raise ConfigurationError(f"{setting} must be True or False, not {type(value).__name__}")


def required_text(value: object, setting: str) -> str:
    """Check a setting that must be a text.

    :param setting: str, its name in the message.
    :raises ConfigurationError: if it is not a str, is empty, or cannot be encoded as UTF-8.
    """
    if not isinstance(value, str) or not value:
        found = "empty" if value == "" else "missing" if value is None else type(value).__name__
        raise ConfigurationError(f"{setting} must be a non-empty str; it is {found}")
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair; its error would hold the whole text
        pass
    else:
        return value
    raise ConfigurationError(f"{setting} cannot be encoded as UTF-8")


def required_line(value: object, setting: str) -> str:
    """Check a setting that must be a text of one line, as :func:`required_text` does."""
    text = required_text(value, setting)
    if "\n" in text or "\r" in text:  # of a file that was read, or of an editor
        raise ConfigurationError(f"{setting} holds a line end; remove it, for example with strip()")
    return text


# A pipe is opened without waiting for its writer, and a terminal without becoming this process's.
_READING = os.O_RDONLY | sum(
    getattr(os, flag, 0) for flag in ("O_NONBLOCK", "O_NOCTTY", "O_BINARY")
)


def contents(path: str, most: int) -> bytes:
    """Return the contents of a regular file, or of what a symbolic link to one leads to.

    :param most: int, bytes; what comes after them is left out.
    :raises OSError: if it cannot be read, or is a pipe, a device or a folder.
    :raises ValueError: for a NUL in the path.
    """
    descriptor = os.open(path, _READING)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise OSError(
                errno.EINVAL,
                "it is not a regular file (a pipe, as of <(...), can be read only once)",
            )
        with open(descriptor, "rb", closefd=False) as file:  # refuses a folder
            return file.read(most)
    finally:
        os.close(descriptor)


def optional_text(value: object, setting: str) -> str | None:
    """Check a setting that is a text or None, as :func:`required_text` does."""
    return None if value is None else required_text(value, setting)


def required_path(value: object, setting: str) -> str:
    """Check a setting that must be a path. No message repeats what may be a secret.

    :param value: what was set, a str or PathLike.
    :param setting: str, its name in the message.
    :raises ConfigurationError: if it is not a path, or is the contents of a file instead: a key, a
        certificate, JSON or a JWT.
    """
    path: object = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str) or not path:
        found = "empty" if path == "" else "missing" if path is None else type(path).__name__
        raise ConfigurationError(f"{setting} must be a path, str or PathLike; it is {found}")
    if re.search(_CONTENTS_OF_A_FILE, path):  # compiled when it is needed
        raise ConfigurationError(
            f"{setting} looks like the contents of a file; pass the file's path"
        )
    return path
