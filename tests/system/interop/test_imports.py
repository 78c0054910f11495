"""What the extra ``jwt`` brings is imported by those alone who use it."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """
import sys
import requests
for name in ("joserfc", "cryptography"):
    for loaded in [one for one in sys.modules if one.partition(".")[0] == name]:
        del sys.modules[loaded]  # urllib3 or another may have brought it
{lines}
print(*sorted({{one.partition(".")[0] for one in sys.modules}} & {{"joserfc", "cryptography"}}))
"""


def imported_by(lines: str) -> list[str]:
    program = _PROGRAM.format(lines=lines)
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    "lines",
    [
        "import requests_cc",
        "import requests_cc; [getattr(requests_cc, name) for name in requests_cc.__all__]",
        "import requests_cc; requests_cc.ClientCredentials('https://a.example/token', 'i', 's')",
        "import requests_cc; requests_cc.AuthorizationServer.discover('https://a.example')",
    ],
)
def test_importing_the_library_imports_neither_joserfc_nor_cryptography(lines: str) -> None:
    assert imported_by(lines) == []


def test_a_key_imports_them() -> None:
    assert imported_by("import requests_cc; requests_cc.DPoPKey.generate()") == [
        "cryptography",
        "joserfc",
    ]
