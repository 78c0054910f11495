"""Checks that several settings share."""

from __future__ import annotations

import math
import traceback

import pytest

from requests_cc import ConfigurationError
from requests_cc.settings import check_bool, is_number, optional_text, require, required_text


def test_an_optional_module_is_imported() -> None:
    assert require("json.decoder", "jwt").__name__ == "json.decoder"


def test_a_missing_package_is_named_with_the_command_that_installs_it() -> None:
    with pytest.raises(ConfigurationError) as caught:
        require("no_such_package.module", "jwt")
    assert str(caught.value) == (
        'the package no_such_package is not installed: pip install "requests_cc[jwt]"'
    )
    assert "ModuleNotFoundError" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("value", [0, -1, 1.5, 2**60])
def test_a_finite_int_or_float_is_a_number(value: object) -> None:
    assert is_number(value)


@pytest.mark.parametrize("value", [True, None, "1", math.nan, math.inf, 10**400, 1j])
def test_nothing_else_is_a_number(value: object) -> None:
    assert not is_number(value)


@pytest.mark.parametrize("value", [0, None, "false", ""])
def test_what_is_not_a_bool_is_refused(value: object) -> None:
    with pytest.raises(ConfigurationError, match="allow_http must be True or False, not "):
        check_bool(value, "allow_http")
    check_bool(True, "allow_http")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "scope must be a non-empty str; it is missing"),
        ("", "scope must be a non-empty str; it is empty"),
        (b"s3cret", "scope must be a non-empty str; it is bytes"),
        ("s3cret\ud800", "scope cannot be encoded as UTF-8"),
    ],
)
def test_what_is_not_a_text_is_refused_and_not_shown(value: object, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        required_text(value, "scope")
    assert str(caught.value) == message
    assert caught.value.__context__ is None
    assert required_text("read", "scope") == "read"


def test_an_optional_text_may_be_none() -> None:
    assert optional_text(None, "scope") is None
    assert optional_text("read", "scope") == "read"
    with pytest.raises(ConfigurationError, match="it is empty"):
        optional_text("", "scope")
