"""The tables of docs/ecosystem.rst; run as a program it writes the installed versions into them."""

from __future__ import annotations

import re
import sys
from configparser import ConfigParser
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "ecosystem.rst"
ROW = re.compile(r"^   \* - ``([\w.-]+)``\n     - (\S+)$", re.MULTILINE)
ENVIRONMENT = re.compile(r"(?<=on Python )([\d.]+)(\s+with\s+requests\s+)(\d[\d.]*\d)")

#: What the environment needs besides the packages that the page is about.
TOOLS = {"opentelemetry-sdk", "pytest", "pytest-timeout", "pytest-xdist", "setuptools", "trustme"}


def documented() -> dict[str, str]:
    """Return the version of each package on the page."""
    return dict(ROW.findall(PAGE.read_text(encoding="utf-8")))


def environment() -> tuple[str, str]:
    """Return the versions of Python and requests on the page."""
    found = ENVIRONMENT.search(PAGE.read_text(encoding="utf-8"))
    assert found, f"{PAGE.name} does not say what the tests ran with"
    return found[1], found[3]


def asked_for() -> set[str]:
    """Return the names of the packages that tox.ini installs, without the tools."""
    tox = ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    lines = tox["testenv:ecosystem"]["deps"].split()
    return {re.split(r"[\[<>=]", line)[0] for line in lines} - TOOLS


def main() -> None:
    """Write the versions that are installed here."""
    text = PAGE.read_text(encoding="utf-8")
    text = ROW.sub(lambda row: f"   * - ``{row[1]}``\n     - {version(row[1])}", text)
    python = "{}.{}".format(*sys.version_info)
    text = ENVIRONMENT.sub(rf"{python}\g<2>{version('requests')}", text)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
