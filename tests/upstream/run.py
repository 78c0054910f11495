"""Run the tests of the installed requests with our adapter in its sessions."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

PLUGIN = "requests_with_tokens"


def source(folder: Path) -> Path:
    """Return the source distribution of the installed requests; download it if it is missing.

    :param folder: where it is kept.
    """
    unpacked = folder / f"requests-{version('requests')}"
    if not unpacked.is_dir():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        which = ["--no-binary=requests", f"requests=={version('requests')}"]
        subprocess.run([*pip, f"--dest={folder}", *which], check=True)
        with tarfile.open(f"{unpacked}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    return unpacked


def main(arguments: list[str]) -> int:
    """Run pytest in requests' folder, where its configuration and conftest.py apply, not ours.

    :param arguments: pytest's; if there are none, all tests run.
    :returns: pytest's exit status.
    """
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    pytest = [sys.executable, "-m", "pytest", "-p", PLUGIN, "-p", "no:cacheprovider"]
    return subprocess.run(
        [
            *pytest,
            *(arguments or ["tests", "--numprocesses=4", "--quiet", "--disable-warnings", "-rx"]),
        ],
        cwd=source(Path(sys.prefix) / "upstream"),
        env=environment,
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
