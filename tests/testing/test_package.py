"""The package as a whole: what it imports, and what it hands on."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import requests_cc.testing


def test_the_package_needs_the_standard_library_only() -> None:
    folder = Path(requests_cc.testing.__file__).parent
    imported = set()
    for module in set(folder.glob("*.py")) - {folder / "oauth_responses.py"}:
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                imported.add(str(node.module))
    others = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}
    assert others
    assert all(name.startswith("requests_cc.testing.") for name in others)


def test_the_package_hands_two_names_on() -> None:
    assert requests_cc.testing.__all__ == ["LocalServer", "RecordedRequest"]
