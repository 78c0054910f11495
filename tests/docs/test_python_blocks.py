"""The python of README.rst and docs/ runs, from the top of each page to its end."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from .conftest import ExampleDotCom
from .pages import DOCS, DOCUMENTS, README, ROOT, Block, blocks, name_of

DEMO_COMMAND = "python -m pip install . && python -m requests_cc demo"
TEST_COMMAND = 'python -m pip install ".[test]" && python -m pytest'
LONGEST_README = 150  # lines


def missing_packages(block: Block) -> set[str]:
    """Return the packages of other projects that a block imports and that are not installed."""
    imported = re.findall(r"^(?:from|import) (\w+)", block.code, flags=re.MULTILINE)
    return {name for name in imported if find_spec(name) is None}


def executable(document: Path) -> list[Block]:
    """Return the blocks that run here: no test module, no file that a shell runs."""
    return [
        block
        for block in blocks(document)
        if not block.is_test_module and not (block.file and block.file != "api_client.py")
    ]


def is_before(block: Block) -> bool:
    return block.introduced_by.startswith("Before")


@pytest.mark.parametrize(
    "document",
    # Its servers are not at example.com: see test_identities.py.
    [document for document in DOCUMENTS if document.name != "identities.rst"],
    ids=name_of,
)
def test_the_python_of_a_document_runs_from_top_to_bottom(
    document: Path, example_dot_com: ExampleDotCom
) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in executable(document):
        if is_before(block) and missing_packages(block):
            continue  # tox run -e docs has them
        block.run(namespace)
    assert set(example_dot_com.api_statuses) <= {200}
    assert not [r for r in example_dot_com.strangers if "Authorization" in r.headers]


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= LONGEST_README


def test_the_first_block_of_the_readme_runs_as_it_stands(
    capsys: pytest.CaptureFixture[str], oauth_cache: object
) -> None:
    blocks(README)[0].run({})
    assert capsys.readouterr().out == "shop\n200\n2 token requests\n"


def test_the_second_has_ten_statements_and_works_alone(example_dot_com: ExampleDotCom) -> None:
    second = blocks(README)[1]
    second.run({})
    assert example_dot_com.api_statuses == [200]
    assert len(ast.parse(second.code).body) <= 10


def test_the_page_about_mounting_calls_a_stranger(example_dot_com: ExampleDotCom) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in executable(DOCS / "mounting.rst"):
        block.run(namespace)
    assert len(example_dot_com.api_statuses) >= 2
    assert len(example_dot_com.strangers) == 1


MOVING = [block for block in blocks(DOCS / "moving.rst") if "def orders" in block.code]


@pytest.mark.parametrize("block", MOVING, ids=lambda block: f"line {block.line}")
def test_the_code_before_and_after_moving_over_does_the_same(
    block: Block, example_dot_com: ExampleDotCom
) -> None:
    if missing_packages(block):
        pytest.skip(f"wants {', '.join(missing_packages(block))}: tox run -e docs has it")
    namespace: dict[str, Any] = {}
    block.run(namespace)
    assert [namespace["orders"](), namespace["orders"]()] == [{"path": "/orders"}] * 2
    assert example_dot_com.token_requests == 1


def test_the_test_modules_of_the_documents_pass_as_they_are(tmp_path: Path) -> None:
    modules = [b for document in DOCUMENTS for b in blocks(document) if b.is_test_module]
    assert len(modules) >= 2
    for block in modules:
        path = tmp_path / f"test_{block.document.stem}_{block.line}.py"
        path.write_text(block.code, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    ended = subprocess.run(
        [*command, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_readme_has_the_two_commands() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    commands = [line.strip().removeprefix("$ ") for line in lines if line.strip().startswith("$ ")]
    assert commands[:2] == [DEMO_COMMAND, TEST_COMMAND]


def test_continuous_integration_runs_the_test_command_of_the_readme() -> None:
    assert TEST_COMMAND in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_the_demo_command_exists() -> None:
    assert (ROOT / "requests_cc" / "__main__.py").is_file()
