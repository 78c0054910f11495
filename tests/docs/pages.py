"""README.rst, and the pages under docs/: their blocks of code."""

from __future__ import annotations

import dataclasses
import itertools
import re
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.rst"
DOCUMENTS = [README, *sorted(DOCS.rglob("*.rst"))]


def name_of(document: Path) -> str:
    """Return the name of a document in the output of the tests."""
    return document.relative_to(ROOT).as_posix()


@dataclasses.dataclass(frozen=True)
class Block:
    """A block of code of a document.

    :param line: where its code begins, counted from 0.
    :param introduced_by: the last line of text before it.
    :param file: its caption, if that names a file: a shell runs it.
    """

    document: Path
    line: int
    code: str
    introduced_by: str
    file: str | None = None

    @property
    def is_test_module(self) -> bool:
        return "def test_" in self.code

    def run(self, namespace: dict[str, Any]) -> None:
        # Blank lines before it give a traceback the line of the document.
        source = "\n" * self.line + self.code
        exec(compile(source, str(self.document), "exec"), namespace)


def blocks(document: Path, language: str = "python") -> list[Block]:
    """Return the blocks of one language, in their order."""
    lines = document.read_text(encoding="utf-8").splitlines()
    found, introduction = [], ""
    for number, line in enumerate(lines):
        if line.strip() == f".. code-block:: {language}":
            indentation = len(line) - len(line.lstrip())
            body = list(
                itertools.takewhile(
                    lambda text: not text.strip() or len(text) - len(text.lstrip()) > indentation,  # noqa: B023
                    lines[number + 1 :],
                )
            )
            options = list(itertools.takewhile(str.strip, body))
            caption = re.search(r":caption: (\S+\.\w+)", " ".join(options))
            code = textwrap.dedent("\n".join(body[len(options) :]))
            first = number + 1 + len(options)
            found.append(
                Block(document, first, code, introduction, caption[1] if caption else None)
            )
        elif line.strip():
            introduction = line.strip()
    return found


def rows(text: str) -> dict[str, str]:
    """Return the rows of list-tables by the literal in their first cell."""
    found = re.split(r"^   \* - ", text, flags=re.MULTILINE)[1:]
    names = [(re.match(r"``([\w<>]+)``", row), row) for row in found]
    return {name[1]: row for name, row in names if name}
