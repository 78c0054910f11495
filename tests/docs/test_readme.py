"""What README.rst and docs/*.rst show and list, held against the library itself."""

from __future__ import annotations

import ast
import base64
import dataclasses
import importlib
import inspect
import itertools
import json
import logging
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
import requests
import responses
import trustme
from joserfc.jwk import RSAKey

import requests_cc
from requests_cc import events
from requests_cc.cache.journal import Journal

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.rst"
OPERATIONS = ROOT / "docs" / "operations.rst"
DOCUMENTS = [README, *sorted((ROOT / "docs").glob("*.rst"))]

AUTH = "https://auth.example.com"
TOKEN_URL = f"{AUTH}/oauth/token"

DEMO_COMMAND = "python -m pip install . && python -m requests_cc demo"
TEST_COMMAND = 'python -m pip install ".[test]" && python -m pytest'


@dataclasses.dataclass(frozen=True)
class Block:
    """A python block of a document.

    :param line: where its code begins, counted from 0.
    :param introduced_by: the last line of text before it.
    """

    document: Path
    line: int
    code: str
    introduced_by: str

    @property
    def is_test_module(self) -> bool:
        return "def test_" in self.code

    def run(self, namespace: dict[str, Any]) -> None:
        # Blank lines before it give a traceback the line of the document.
        source = "\n" * self.line + self.code
        exec(compile(source, str(self.document), "exec"), namespace)


def blocks(document: Path) -> list[Block]:
    lines = document.read_text(encoding="utf-8").splitlines()
    found, introduction = [], ""
    for number, line in enumerate(lines):
        if line.strip() == ".. code-block:: python":
            indentation = len(line) - len(line.lstrip())
            body = itertools.takewhile(
                lambda text: not text.strip() or len(text) - len(text.lstrip()) > indentation,  # noqa: B023
                lines[number + 1 :],
            )
            found.append(
                Block(document, number + 1, textwrap.dedent("\n".join(body)), introduction)
            )
        elif line.strip():
            introduction = line.strip()
    return found


class ExampleDotCom:
    """The servers that the documents name: the only thing that stands in for what they show."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.issued: set[str] = set()
        self.strangers: list[requests.PreparedRequest] = []
        self.api_statuses: list[int] = []
        self.token_requests = 0
        mock.add_passthru("http://127.0.0.1")
        mock.add_passthru("https://127.0.0.1")
        for url in (TOKEN_URL, TOKEN_URL.replace("auth", "mtls", 1)):
            mock.add_callback(responses.POST, url, self.token)
        mock.add_callback(responses.POST, f"{AUTH}/oauth/introspect", self.introspect)
        mock.add_callback(responses.POST, f"{AUTH}/oauth/revoke", self.revoke)
        metadata = {"issuer": AUTH, "token_endpoint": TOKEN_URL}
        mock.get(f"{AUTH}/.well-known/oauth-authorization-server", json=metadata)
        mock.add_callback(responses.GET, re.compile("https://auth.example.com/broker"), self.broker)
        for method in (responses.GET, responses.POST):
            api = re.compile(r"https://(api|files)\.example\.com(:\d+)?/")
            mock.add_callback(method, api, self.api)
            mock.add_callback(method, re.compile(r"https://[^/]*\.evil\.net/"), self.stranger)

    def issue(self, token_type: str = "Bearer") -> str:
        self.token_requests += 1
        token = f"token-{self.token_requests}"
        self.issued.add(f"{token_type} {token}")
        return token

    def token(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        form = dict(parse_qsl(str(request.body)))
        if "client_assertion" in form:
            known = form["client_assertion"].count(".") == 2
        elif "Authorization" in request.headers:
            basic = request.headers["Authorization"].removeprefix("Basic ")
            secret = unquote(base64.b64decode(basic).decode().partition(":")[2])
            known = secret in ("secret", "new secret")
        else:
            known = str(request.url).startswith("https://mtls.") and form["client_id"] == "client"
        if not known:
            return 401, {}, json.dumps({"error": "invalid_client"})
        token_type = "DPoP" if "DPoP" in request.headers else "Bearer"
        token = {"access_token": self.issue(token_type), "token_type": token_type}
        return 200, {}, json.dumps({**token, "expires_in": 3600})

    def introspect(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        token = dict(parse_qsl(str(request.body)))["token"]
        return 200, {}, json.dumps({"active": f"Bearer {token}" in self.issued})

    def revoke(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        self.issued.discard(f"Bearer {dict(parse_qsl(str(request.body)))['token']}")
        return 200, {}, ""

    def broker(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        return 200, {}, json.dumps({"token": self.issue(), "seconds": 300})

    def api(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        status = 200 if request.headers.get("Authorization") in self.issued else 401
        self.api_statuses.append(status)
        return status, {}, json.dumps({"path": urlsplit(str(request.url)).path})

    def stranger(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        self.strangers.append(request)
        return 200, {}, "{}"


def write_keys(folder: Path) -> None:
    """The files that the documents name, in the folder where their code runs."""
    key = RSAKey.generate_key(2048).as_pem(private=True).decode()
    account = {
        "type": "service_account",
        "client_email": "robot@project.iam.gserviceaccount.com",
        "private_key": key,
        "private_key_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    (folder / "private_key.pem").write_text(key, encoding="utf-8")
    (folder / "service-account.json").write_text(json.dumps(account), encoding="utf-8")
    (folder / "assertion.jwt").write_text("e30.e30.c2ln\n", encoding="utf-8")
    certificate = trustme.CA().issue_cert("client.example.com")
    certificate.cert_chain_pems[0].write_to_path(str(folder / "client.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "client.key"))


@pytest.fixture
def example_dot_com(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, oauth_cache: requests_cc.TokenCache
) -> Iterator[ExampleDotCom]:
    for name in [name for name in os.environ if name.startswith("OAUTH_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    write_keys(tmp_path)
    secret_file = tmp_path / "client_secret"
    secret_file.write_text("secret\n", encoding="utf-8")
    monkeypatch.setenv("CLIENT_ID", "client")
    monkeypatch.setenv("CLIENT_SECRET", "secret")
    monkeypatch.setenv("NEW_CLIENT_SECRET", "new secret")
    monkeypatch.setenv("OAUTH_TOKEN_URL", "https://auth.example.com/oauth/token")
    monkeypatch.setenv("OAUTH_CLIENT_ID", "client")
    monkeypatch.setenv("OAUTH_CLIENT_SECRET_FILE", str(secret_file))
    logger = logging.getLogger("requests_cc")
    level = logger.level
    try:
        with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
            yield ExampleDotCom(mock)
    finally:
        logger.setLevel(level)  # the documents show how to set it


@pytest.mark.parametrize(
    "document",
    # Its servers are not at example.com: see test_identities.py.
    [document for document in DOCUMENTS if document.name != "identities.rst"],
    ids=lambda document: document.name,
)
def test_the_python_of_a_document_runs_from_top_to_bottom(
    document: Path, example_dot_com: ExampleDotCom
) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(document):
        if not block.is_test_module:
            block.run(namespace)
    assert set(example_dot_com.api_statuses) <= {200}
    assert not [r for r in example_dot_com.strangers if "Authorization" in r.headers]


def test_the_readme_calls_the_api_and_a_stranger(example_dot_com: ExampleDotCom) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(README):
        if not block.is_test_module:
            block.run(namespace)
    assert len(example_dot_com.api_statuses) >= 4
    assert len(example_dot_com.strangers) == 1


def test_the_first_block_has_ten_statements_and_works_alone(example_dot_com: ExampleDotCom) -> None:
    first = blocks(README)[0]
    first.run({})
    assert example_dot_com.api_statuses == [200]
    assert len(ast.parse(first.code).body) <= 10


def test_the_code_before_and_after_moving_over_does_the_same(
    example_dot_com: ExampleDotCom,
) -> None:
    results = {}
    for block in blocks(README):
        if block.introduced_by in ("Before:", "After:"):
            namespace: dict[str, Any] = {}
            block.run(namespace)
            results[block.introduced_by] = [namespace["orders"](), namespace["orders"]()]
    assert results["Before:"] == results["After:"] == [{"path": "/orders"}] * 2
    assert example_dot_com.token_requests == 2


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
    assert commands == [DEMO_COMMAND, TEST_COMMAND]


def test_continuous_integration_runs_the_test_command_of_the_readme() -> None:
    assert TEST_COMMAND in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_the_demo_command_exists() -> None:
    assert (ROOT / "requests_cc" / "__main__.py").is_file()


def test_files_that_the_documents_name_are_there() -> None:
    for document in [*DOCUMENTS, ROOT / "CONTRIBUTING.rst"]:
        text = document.read_text(encoding="utf-8")
        for path in re.findall(r"(?<!tests/)(?:docs|examples|benchmarks)/\w+\.\w+", text):
            assert (ROOT / path).is_file(), f"{document.name} names {path}"


def rows(text: str) -> dict[str, str]:
    """The rows of list-tables by the literal in their first cell."""
    found = re.split(r"^   \* - ", text, flags=re.MULTILINE)[1:]
    names = [(re.match(r"``(\w+)``", row), row) for row in found]
    return {name[1]: row for name, row in names if name}


def section(title: str) -> str:
    """The text of a section of the README, up to the next one's title."""
    text = README.read_text(encoding="utf-8")
    _, _, rest = text.partition(f"\n{title}\n{'-' * len(title)}\n")
    assert rest, f"README.rst has no section {title!r}"
    return re.split(r"\n.+\n-{4,}\n", rest)[0]


def test_the_table_of_errors_is_complete() -> None:
    public = {name: getattr(requests_cc, name) for name in requests_cc.__all__}
    errors = {
        name for name, it in public.items() if inspect.isclass(it) and issubclass(it, Exception)
    }
    assert set(rows(section("Errors"))) == errors


@pytest.mark.parametrize(
    "name", ["ClientCredentials", "AuthorizationServer", "TokenCache", "ClientCredentialsAdapter"]
)
def test_the_table_of_options_is_complete(name: str) -> None:
    text = section("Options").partition(f"``{name}(")[2]
    table = rows(re.split(r"^``\w+\(", text, flags=re.MULTILINE)[0])
    parameters = inspect.signature(getattr(requests_cc, name)).parameters
    assert list(table) == [each for each in parameters if not each.startswith("_")]
    for option in set(parameters) & {"leeway", "maxsize", "timeout"}:
        assert f"``{parameters[option].default}``" in table[option]


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


# As the page shows them: each event with its line in the log.
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


def lines_for_operators() -> dict[str, str]:
    """Each line of the log that the page shows, with its level."""
    text = OPERATIONS.read_text(encoding="utf-8")
    found = re.findall(r"^   \* - ([A-Z]+)\n     - ``([^`]+)``$", text, flags=re.MULTILINE)
    return {" ".join(line.split()): level for level, line in found}


@pytest.mark.parametrize("event", SHOWN, ids=lambda event: type(event).__name__)
def test_the_operators_page_has_each_line_of_the_log(
    event: events.Event, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "requests_cc")
    Journal(()).record(event)
    [record] = caplog.records
    assert lines_for_operators()[record.getMessage().removeprefix("it: ")] == record.levelname


class OwnSource:
    def __init__(self, number: int) -> None:
        self.cache_key = number

    def request_token(self) -> requests_cc.AccessToken:
        return requests_cc.AccessToken("value")


def test_the_operators_page_has_the_warnings_that_are_not_events(
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
    shown = [
        line.replace("maxsize=16384", "maxsize=1").replace("api.example.net", "www.evil.net")
        for line, level in lines_for_operators().items()
        if level == "WARNING"
    ]
    assert len(said) == 3
    assert set(said) <= set(shown)


def test_each_number_of_the_operators_page_is_the_librarys() -> None:
    text = OPERATIONS.read_text(encoding="utf-8")
    numbers = re.findall(
        r"     - ``([^`]+)``\n     - ``([\w.]+)\.(\w+)``$", text, flags=re.MULTILINE
    )
    assert len(numbers) == 11
    for shown, module, constant in numbers:
        actual = getattr(importlib.import_module(f"requests_cc.{module}"), constant)
        assert ast.literal_eval(shown) == actual, f"{module}.{constant}"
