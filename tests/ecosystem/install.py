"""tox's install command: where pip cannot install everything, install what it can.

A registry may lack one package today. The tests of that package are skipped then with pip's reason,
and conftest.py fails the run if more than two are.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

NOT_INSTALLED = Path(sys.prefix) / "not_installed.json"


def pip(*packages: str) -> str | None:
    """Install packages.

    :returns: None, or the last line that pip printed about why it could not.
    """
    command = [sys.executable, "-m", "pip", "install", "--prefer-binary", "--quiet", *packages]
    ended = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True)
    sys.stderr.write(ended.stderr)
    errors = [line for line in ended.stderr.splitlines() if line.startswith("ERROR")]
    return None if ended.returncode == 0 else (errors or ["pip failed"])[-1]


def main(arguments: list[str]) -> int:
    """Install all packages at once, or else one by one.

    :param arguments: pip's options and packages; a file's path is a package that must be there.
    """
    if pip(*arguments) is None:
        return 0
    options = [each for each in arguments if each.startswith("-")]
    reasons = {each: pip(*options, each) for each in arguments if each not in options}
    failed = {each: reason for each, reason in reasons.items() if reason is not None}
    names = {re.split(r"[\[<>=!~; ]", each)[0]: reason for each, reason in failed.items()}
    NOT_INSTALLED.write_text(json.dumps(names))
    return int(any(Path(each).exists() for each in failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
