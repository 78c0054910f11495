from __future__ import annotations

import re

import pytest

from requests_cc import ClientCredentials


@pytest.mark.parametrize("prefix", ["OAUTH_", "BILLING_"])
def test_the_template_has_every_variable_commented(cli, prefix):
    ended = cli("env", *(() if prefix == "OAUTH_" else ("--prefix", prefix)))
    assert ended.status == 0
    assert all(line.startswith("#") or not line for line in ended.out.splitlines())
    named = set(re.findall(rf"^# {prefix}([A-Z_]+)", ended.out, re.MULTILINE))
    documented = re.findall(r"``([A-Z]+(?:_[A-Z]+)*)", ClientCredentials.from_env.__doc__ or "")
    for name in set(documented) - {"NAME_FILE"}:
        assert {name, f"{name}_FILE", f"{name}_"} & named, name


def test_the_template_names_the_secret_itself_too(cli):
    text = cli("env").out
    assert "OAUTH_CLIENT_SECRET, the secret itself" in text
    assert "OAUTH_PRIVATE_KEY, the key itself" in text
    assert "again for more" not in text
    assert "any other parameter; a variable for each" in text  # its value is not split at spaces
    assert "standard input" not in text
