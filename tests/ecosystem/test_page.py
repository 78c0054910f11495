"""docs/ecosystem.rst names the packages that the tests run with, in versions that were run."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

import pytest
from packaging.version import Version

from .page import asked_for, documented, environment


def test_it_names_every_package_of_the_environment_and_no_other() -> None:
    assert set(documented()) == asked_for()


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
