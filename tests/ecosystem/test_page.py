"""docs/ecosystem.rst names the packages that the tests run with, in versions that were run."""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.version import Version

from .page import TOOLS, asked_for, documented, environment


def test_it_names_every_package_of_the_environment_and_no_other() -> None:
    assert set(documented()) == asked_for()


def test_each_package_has_a_test() -> None:
    modules = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
    named = re.compile(r"\b(?:needed\(\s*\"[\w.]+\", |installed\()\"([\w.-]+)\"")
    assert {name for text in modules for name in named.findall(text)} - TOOLS == asked_for()


@pytest.mark.parametrize("package", sorted(documented()))
def test_its_version_has_been_run(package: str) -> None:
    try:
        running = version(package)
    except PackageNotFoundError:
        return  # the package's own tests are skipped, with the reason
    advice = "run python tests/ecosystem/page.py in the environment, and commit the page"
    assert Version(running) >= Version(documented()[package]), advice


def test_python_and_requests_are_those_of_the_environment() -> None:
    python, requests = environment()
    assert python == "{}.{}".format(*sys.version_info)
    assert Version(version("requests")) >= Version(requests)
