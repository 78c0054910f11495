"""Checks that several settings share, and what to say when an optional package is missing."""

from __future__ import annotations

import importlib
import math
from typing import TYPE_CHECKING, Any

from .errors import ConfigurationError

if TYPE_CHECKING:
    from typing import TypeGuard


def require(module: str, extra: str) -> Any:
    """Import a module of an optional package.

    :param module: str, its full name.
    :param extra: str, the extra of requests_cc that brings the package.
    :returns: the module.
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

    :param value: what was set.
    :param setting: str, its name in the message.
    :raises ConfigurationError: if it is not a bool.
    """
    if not isinstance(value, bool):
        raise ConfigurationError(f"{setting} must be True or False, not {type(value).__name__}")


def required_text(value: object, setting: str) -> str:
    """Check a setting that must be a text.

    :param value: what was set.
    :param setting: str, its name in the message.
    :returns: str, the value.
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


def optional_text(value: object, setting: str) -> str | None:
    """Check a setting that is a text or None, as :func:`required_text` does."""
    return None if value is None else required_text(value, setting)
