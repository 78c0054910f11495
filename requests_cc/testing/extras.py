"""Optional packages, imported when one of their features is used."""

from __future__ import annotations

import importlib
from typing import Any


class MissingExtraError(RuntimeError):
    """A feature was used whose package is not installed."""


def optional(module: str, extra: str) -> Any:
    """Import a module of an optional package.

    :param module: str, its dotted name.
    :param extra: str, the extra of requests_cc that installs it.
    :raises MissingExtraError: if it is not installed; the message has the line to install it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        package = module.partition(".")[0]
    raise MissingExtraError(
        f'LocalServer needs {package} for this: run python -m pip install "requests_cc[{extra}]"'
    )
