"""The tables of README.rst and docs/, and what they name, compared with the library."""

from __future__ import annotations

import ast
import importlib
import inspect
import logging
import re
import runpy
from xml.etree import ElementTree

import pytest
import requests

import requests_cc
from requests_cc import events
from requests_cc.cache.journal import Journal
from requests_cc.cli.options import each_setting

from .conftest import ExampleDotCom
from .messages import covers
from .pages import DOCS, DOCUMENTS, README, ROOT, name_of, rows

OPERATIONS = DOCS / "operations.rst"
SITE = re.compile(r"https://requests-cc\.readthedocs\.io/page/([\w/]+)\.html(?:#([\w-]+))?")


def test_files_that_the_documents_name_are_there() -> None:
    for document in [*DOCUMENTS, ROOT / "CONTRIBUTING.rst", ROOT / "CHANGES.rst"]:
        text = document.read_text(encoding="utf-8")
        for path in re.findall(r"(?<!tests/)(?:docs|examples|benchmarks)/\w+\.\w+", text):
            assert (ROOT / path).is_file(), f"{name_of(document)} names {path}"


def test_addresses_of_the_site_lead_to_a_page() -> None:
    code = [*(ROOT / "requests_cc").rglob("*.py"), *(ROOT / "examples").rglob("*.*")]
    named = 0
    for path in [README, ROOT / "setup.cfg", *code]:
        if path.suffix not in {".py", ".rst", ".cfg", ".sh"}:
            continue
        for page, _ in SITE.findall(path.read_text(encoding="utf-8")):
            named += 1
            assert (DOCS / f"{page}.rst").is_file(), f"{path} names the page {page}"
    assert named >= 5


def test_each_public_name_is_in_the_reference() -> None:
    reference = "\n".join(p.read_text("utf-8") for p in (DOCS / "reference").glob("*.rst"))
    shown = set(re.findall(r"^\.\. auto\w+:: requests_cc(?:\.errors)?\.(\w+)", reference, re.M))
    assert set(requests_cc.__all__) <= shown


def test_the_table_of_errors_is_complete() -> None:
    public = {name: getattr(requests_cc, name) for name in requests_cc.__all__}
    errors = {
        name for name, it in public.items() if inspect.isclass(it) and issubclass(it, Exception)
    }
    page = (DOCS / "reference" / "errors.rst").read_text("utf-8")
    assert set(rows(page)) == errors


@pytest.mark.parametrize(
    "name", ["ClientCredentials", "AuthorizationServer", "TokenCache", "ClientCredentialsAdapter"]
)
def test_the_table_of_options_is_complete(name: str) -> None:
    text = (DOCS / "configuration.rst").read_text("utf-8").partition(f"\n``{name}(")[2]
    table = rows(re.split(r"^\S.*\n---", text, flags=re.MULTILINE)[0])
    parameters = inspect.signature(getattr(requests_cc, name)).parameters
    assert list(table) == [each for each in parameters if not each.startswith("_")]
    for option in set(parameters) & {"leeway", "maxsize", "timeout"}:
        assert f"``{parameters[option].default}``" in table[option]


def test_the_table_of_variables_is_complete() -> None:
    table = rows((DOCS / "environment.rst").read_text("utf-8"))
    known = {f"OAUTH_{setting.name}" for setting in each_setting()}
    themselves = {"OAUTH_CLIENT_SECRET_FILE", "OAUTH_PRIVATE_KEY_FILE"}
    assert set(table) == (known - themselves) | {name.removesuffix("_FILE") for name in themselves}


def test_the_operators_page_has_each_event_and_count() -> None:
    text = OPERATIONS.read_text(encoding="utf-8")
    kinds = [k for k in events.Event.__subclasses__() if k.__module__ == events.__name__]
    for kind in kinds:
        row = re.search(rf"^``{kind.__name__}``.*\n(?: .*\n)*", text, flags=re.MULTILINE)
        assert row, f"{kind.__name__} has no row"
        for name in kind.__setting_names__()[1:]:
            assert f"``{name}``" in row[0]
    for name in requests_cc.CacheStats._fields:
        assert re.search(rf"^``{name}`` ", text, flags=re.MULTILINE), name


# Each event has a line in the log.
SHOWN = [
    events.TokenRequested("it", "missing"),
    events.TokenReceived("it", 0.081, 3600.0),
    events.TokenShared("it", "missing", 3540.0),
    events.TokenRejected("it"),
    events.RenewalAccepted("it"),
    events.TokenRequestFailed("it", 0.590, "TokenEndpointUnreachable"),
    events.CoolingDown("it", 1.2),
    events.RenewalAheadFailed("it", "TokenEndpointTimeout", 42.0),
    events.RenewalHeld("it", 8.0),
]


def lines_of_the_log() -> dict[str, str]:
    """Return each line of the log that the page shows, with its level."""
    text = (DOCS / "troubleshooting.rst").read_text(encoding="utf-8")
    found = re.findall(
        r"^   \* - ``([^`]+)``\n     - (DEBUG|INFO|WARNING)$", text, flags=re.MULTILINE
    )
    return {" ".join(line.split()): level for line, level in found}


def level_of(line: str) -> str | None:
    """Return the level that the page gives for a line."""
    return next((level for shown, level in lines_of_the_log().items() if covers(shown, line)), None)


@pytest.mark.parametrize("event", SHOWN, ids=lambda event: type(event).__name__)
def test_the_page_has_each_line_of_the_log(
    event: events.Event, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "requests_cc")
    Journal(()).record(event, None)
    [record] = caplog.records
    assert level_of(record.getMessage()) == record.levelname


class OwnSource:
    def __init__(self, number: int) -> None:
        self.cache_key = number

    def request_token(self) -> requests_cc.AccessToken:
        return requests_cc.AccessToken("value")


def test_the_page_has_the_warnings_that_are_not_events(
    caplog: pytest.LogCaptureFixture, example_dot_com: ExampleDotCom
) -> None:
    def observe(_: events.Event) -> None:
        raise KeyError

    cache = requests_cc.TokenCache(maxsize=1, observers=[observe])
    for number in range(2):
        cache.token(OwnSource(number))
    session = requests.Session()
    session.mount(
        "https://",
        requests_cc.ClientCredentialsAdapter(
            OwnSource(0), origins="https://api.example.com", cache=cache
        ),
    )
    session.get("https://www.evil.net/")
    said = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(said) == 3
    assert [level_of(line) for line in said] == ["WARNING"] * 3


def test_each_constant_is_the_librarys() -> None:
    text = (DOCS / "constants.rst").read_text(encoding="utf-8")
    numbers = re.findall(
        r"     - ``([^`]+)``\n     - ``([\w.]+)\.(\w+)``$", text, flags=re.MULTILINE
    )
    assert len(numbers) == text.count("   * - ") - 1
    for shown, module, constant in numbers:
        actual = getattr(importlib.import_module(f"requests_cc.{module}"), constant)
        assert ast.literal_eval(shown) == actual, f"{module}.{constant}"


def test_the_drawings_are_what_their_source_draws() -> None:
    drawn = runpy.run_path(str(DOCS / "drawings"))["DRAWINGS"]
    assert len(drawn) == 4
    for name, draw in drawn.items():
        kept = (DOCS / "_static" / f"{name}.svg").read_text(encoding="utf-8")
        assert kept == draw().svg(), "run python docs/drawings, and commit what it writes"
        ElementTree.fromstring(kept)


def test_the_tests_that_the_page_about_security_names_exist() -> None:
    page = (DOCS / "security.rst").read_text(encoding="utf-8")
    named = set(re.findall(r"``(test_\w+)``", page))
    tests = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "tests").rglob("test_*.py"))
    known = set(re.findall(r"def (test_\w+)\(", tests))
    assert len(named) >= 15
    assert not named - known


def test_no_page_has_a_table_of_contents_beside_that_of_the_theme() -> None:
    # furo shows an error in red in its place, and sphinx reports nothing.
    assert not [page.name for page in DOCS.rglob("*.rst") if ".. contents::" in page.read_text()]
