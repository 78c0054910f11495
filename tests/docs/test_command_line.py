"""docs/command_line.rst, held against the command."""

from __future__ import annotations

import re
from pathlib import Path

from requests_cc.cli import output
from requests_cc.cli.main import VERBS
from requests_cc.cli.options import each_setting

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "command_line.rst").read_text("utf-8")


def test_each_option_and_its_variable_stand_in_the_table() -> None:
    rows = re.findall(r"^(--[a-z-]+) +([A-Z_]+(?:<name>)?) ", PAGE, re.MULTILINE)
    assert rows == [(setting.option, setting.name) for setting in each_setting()]


def test_each_verb_stands_in_the_table() -> None:
    table = PAGE.partition("verb          what")[2].partition("\n\n")[0]
    assert re.findall(r"^([a-z]+) ", table, re.MULTILINE) == list(VERBS)


def test_each_exit_status_stands_in_the_table() -> None:
    statuses = {
        value for name, value in vars(output).items() if name.isupper() and isinstance(value, int)
    }
    table = PAGE.partition("exit status  meaning")[2].partition("\n\n")[0]
    shown = {int(number) for number in re.findall(r"^(\d+) ", table, re.MULTILINE)}
    assert shown == statuses - {output.LONGEST_TEXT, output.LEAST_HIDDEN}
