"""A program in a process of its own that makes one API call for each line that it reads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from .journey import CLIENT_ID, SECRET, Journey

PROGRAMS = Path(__file__).parent / "programs"
SAID = "said "  # begins a program's own lines; packages may print others


def environment(journey: Journey, folder: Path) -> dict[str, str]:
    """Return the variables that ``ClientCredentials.from_env()`` and a program need.

    :param folder: the program's home, with all that packages write there.
    """
    return {
        **os.environ,
        "HOME": str(folder),
        "PYTHONPATH": str(PROGRAMS),
        "PYTHONWARNINGS": "default",
        "OAUTH_TOKEN_URL": journey.server.token_url,
        "OAUTH_CLIENT_ID": CLIENT_ID,
        "OAUTH_CLIENT_SECRET": SECRET,
        "API_URL": journey.url,
    }


class Program:
    """One of the files in ``programs/``, running; all that it prints goes into its folder.

    :param journey: whose server it calls.
    :param folder: where it runs.
    :param command: the file's name and its arguments.
    :param variables: further environment variables.
    """

    def __init__(
        self, journey: Journey, folder: Path, *command: str, variables: Mapping[str, str]
    ) -> None:
        self._command = [sys.executable, str(PROGRAMS / command[0]), *command[1:]]
        self._environment = {**environment(journey, folder), **variables}
        self._folder = folder

    def __enter__(self) -> Program:  # noqa: PYI034 - typing.Self is new in Python 3.11
        with (self._folder / "stderr").open("wb") as errors:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                bufsize=1,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def call(self, number: int) -> str:
        """Let it make a call, and return what it says about it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{number}\n")
        with (self._folder / "stdout").open("a") as output:
            for line in self._process.stdout:
                output.write(line)
                if line.startswith(SAID):
                    return line.removeprefix(SAID).strip()
        raise AssertionError((self._folder / "stderr").read_text())
