"""The public API changes only on purpose."""

from __future__ import annotations

import difflib

import pytest

from tests.support.public_api import COMMAND, SNAPSHOT, public_api


def test_the_public_api_is_the_one_in_the_snapshot():
    before, now = SNAPSHOT.read_text(encoding="utf-8").splitlines(), public_api().splitlines()
    if before != now:
        changes = "\n".join(difflib.unified_diff(before, now, "snapshot", "now", lineterm="", n=0))
        pytest.fail(
            f"the public API is not the one in {SNAPSHOT.name}. If the change is meant, run "
            f"`{COMMAND}`, commit the file, and add a line to CHANGES.rst:\n{changes}"
        )
