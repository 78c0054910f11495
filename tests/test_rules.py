"""Each rule of RULES.rst has a test that guards it, and ``--rule`` selects it."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

HERE = Path(__file__).parent
RULES = [int(number) for number in re.findall(r"^(\d+)\. ", (HERE / "RULES.rst").read_text(), re.M)]


@cache
def _guarded() -> set[tuple[int, str]]:
    """Return each rule that a marker names, with the file that it stands in."""
    return {
        (ast.literal_eval(rule), path.name)
        for path in HERE.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.rule"
        for rule in node.args
    }


def test_the_rules_are_numbered_from_1_to_26():
    assert list(range(1, 27)) == RULES


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_has_a_test(rule):
    assert rule in dict(_guarded())


def test_each_marker_names_a_rule():
    assert [(rule, file) for rule, file in _guarded() if rule not in RULES] == []


def test_the_option_selects_the_tests_of_a_rule(pytester):
    pytester.makeconftest((HERE / "conftest.py").read_text(encoding="utf-8"))
    pytester.makeini("[pytest]\nmarkers = rule(n): guards rule n")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.rule(1)
        def test_of_one(): pass

        @pytest.mark.rule(1, 2)
        @pytest.mark.rule(3)
        def test_of_three(): pass

        def test_of_none(): pass
        """
    )
    for options, count in [(["1"], 2), (["2"], 1), (["3", "--rule=1"], 2), (["4"], 0)]:
        outcome = pytester.runpytest("--rule", *options)
        outcome.assert_outcomes(passed=count, deselected=3 - count)
