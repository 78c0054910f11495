"""The package as a whole: its imports, and its public names."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import requests_cc.testing
from requests_cc.testing import LocalServer
from tests.support.fresh_interpreter import printed_by


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
    assert all(name.startswith("requests_cc.testing") for name in others)


def test_an_extra_is_imported_when_its_feature_is_used() -> None:
    code = """
import sys
from requests_cc.testing import Client, LocalServer
with LocalServer({"me": ["old", "new"], "you": Client("s", scopes="read")}) as server:
    print({"joserfc", "trustme", "cryptography", "requests"} & set(sys.modules))
LocalServer(tls=True, jwt=True)
print(sorted({"joserfc", "trustme", "requests"} & set(sys.modules)))
"""
    assert printed_by(code).splitlines() == ["set()", "['joserfc', 'trustme']"]


@pytest.mark.parametrize(
    ("package", "arguments", "line"),
    [
        ("joserfc.jwk", {"jwt": True}, 'pip install "requests_cc[jwt]"'),
        ("trustme", {"tls": True}, 'pip install "requests_cc[testing]"'),
    ],
)
def test_a_missing_extra_is_an_error_with_the_line_to_install_it(
    monkeypatch: pytest.MonkeyPatch, package: str, arguments: dict[str, Any], line: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(RuntimeError, match=re.escape(line)):
        LocalServer(**arguments)


def test_the_public_names() -> None:
    assert requests_cc.testing.__all__ == ["Client", "LocalServer", "RecordedRequest", "Response"]
