"""The names that the package hands on, and what importing it costs."""

from __future__ import annotations

import ast
import inspect
import textwrap
from pathlib import Path

import pytest
import requests

import requests_cc
from tests.support.fresh_interpreter import printed_by


@pytest.mark.parametrize("name", requests_cc.__all__)
def test_each_public_name_is_there(name):
    assert getattr(requests_cc, name) is not None
    assert name in dir(requests_cc)


def test_type_checkers_see_the_same_names_as_programs():
    tree = ast.parse(Path(requests_cc.__file__).read_text(encoding="utf-8"))
    seen = {
        alias.asname: node.module or ""
        for branch in tree.body
        if isinstance(branch, ast.If)
        for node in branch.body
        for alias in node.names
    }
    assert seen == requests_cc._MODULES


def test_dir_shows_public_names_only():
    assert sorted(dir(requests_cc)) == sorted([*requests_cc.__all__, "__doc__", "__version__"])


def test_an_unknown_name_is_an_attribute_error_that_names_it():
    with pytest.raises(AttributeError, match=r"requests_cc.*no attribute 'Credentials'"):
        requests_cc.Credentials  # noqa: B018


def test_a_star_import_brings_every_public_name():
    namespace = {}
    exec("from requests_cc import *", namespace)
    assert set(requests_cc.__all__) <= set(namespace)


def test_importing_the_package_imports_no_optional_part():
    code = (
        "import sys, requests_cc; requests_cc.ClientCredentials; requests_cc.TokenCache; "
        "requests_cc.ClientCredentialsAdapter; requests_cc.OriginRouter; "
        "optional = ['joserfc', 'cryptography', 'redis', 'filelock', 'opentelemetry', 'pytest', "
        "'responses', 'requests_cc.testing', 'http.server']; "
        "print([name for name in optional if name in sys.modules])"
    )
    # requests imports cryptography by itself on machines whose ssl module is too old for it.
    assert printed_by(code) == "[]"


def test_every_error_is_a_requests_exception():
    errors = [
        value
        for name in requests_cc.__all__
        if inspect.isclass(value := getattr(requests_cc, name)) and issubclass(value, Exception)
    ]
    assert len(errors) == 17
    assert all(issubclass(error, requests.RequestException) for error in errors)


THREE_NAMES = "from requests_cc import ClientCredentials, ClientCredentialsAdapter, mount"
MOST_MODULES = 50  # of this package: a file costs 50 microseconds, whatever is in it

# What a short script does not need before it uses it, and what it costs to define classes with it.
NOT_AT_THE_START = (
    "adapter.challenge", "cache.stores", "client_auth.assertion", "client_auth.dpop",
    "client_auth.private_key", "client_auth.signing_key", "credentials.environment",
    "credentials.introspection", "credentials.jwt_bearer", "providers", "server.discovery",
    "server.provider_table", "server.well_known", "telemetry", "testing",
)  # fmt: skip
NEVER = ("dataclasses", "inspect", "difflib")


def test_three_names_load_few_modules_and_nothing_that_they_do_not_use():
    code = (
        f"import sys, requests; before = set(sys.modules); {THREE_NAMES}; "
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = printed_by(code).split()
    own = [name.removeprefix("requests_cc.") for name in loaded if name.startswith("requests_cc.")]
    assert len(own) <= MOST_MODULES
    assert not [name for name in own if name.startswith(NOT_AT_THE_START)]
    assert not set(loaded) & set(NEVER)


def test_the_docstring_begins_with_an_example_that_runs_and_ends_with_the_site() -> None:
    document = inspect.getdoc(requests_cc) or ""
    example = textwrap.dedent(
        document.partition("python\n")[2].rpartition("https://requests-cc")[0]
    )
    names = {node.id for node in ast.walk(ast.parse(example)) if isinstance(node, ast.Name)}
    assert {"ClientCredentials", "ClientCredentialsAdapter", "mount"} <= names & {*dir(requests_cc)}
    assert len(document.splitlines()) <= 15
