"""The packages that the tests here need, one row for each."""

from __future__ import annotations

import json
from importlib import import_module
from types import ModuleType

import pytest

from .install import NOT_INSTALLED


def installed(package: str) -> None:
    """Skip the test module if a package could not be installed, without importing it.

    :param package: what install.py was asked to install.
    """
    reasons = json.loads(NOT_INSTALLED.read_text()) if NOT_INSTALLED.exists() else {}
    if package in reasons:
        pytest.skip(f"{package}: {reasons[package]}", allow_module_level=True)


def needed(module: str, package: str) -> ModuleType:
    """Import a package's module; skip the test module if the package could not be installed.

    :param module: what to import.
    :param package: as in :func:`installed`.
    """
    installed(package)
    return import_module(module)
