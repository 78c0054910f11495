"""The pytest fixtures, as the tests of a user's own project use them."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

INSTALLED = any(e.value == "requests_cc.pytest_plugin" for e in entry_points(group="pytest11"))

CLIENT = """
import pytest
import requests
from requests_cc import *

def client(server="https://auth.example.com/oauth/token", api="https://api.example.com"):
    session = requests.Session()
    credentials = ClientCredentials(server, "id", "secret", audience=api)
    mount(session, ClientCredentialsAdapter(credentials))
    return session
"""


def run(
    folder: Path,
    tests: str,
    *,
    passed: int,
    by_itself: bool = False,
    conftest: str = "",
    ini: str = "",
) -> None:
    """Run these tests as another project's.

    :param by_itself: whether pytest has to find the plugin, if the package is installed.
    :param conftest: the text of ``conftest.py``.
    :param ini: further lines of ``pytest.ini``.
    """
    done = outcome(folder, CLIENT + tests, by_itself=by_itself, conftest=conftest, ini=ini)
    assert f"{passed} passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


def outcome(
    folder: Path, tests: str, *, by_itself: bool = False, conftest: str = "", ini: str = ""
) -> subprocess.CompletedProcess[str]:
    (folder / "test_of_a_user.py").write_text(tests)
    (folder / "conftest.py").write_text(conftest)
    by_itself = by_itself and INSTALLED
    plugin = [] if by_itself else ["-p", "requests_cc.pytest_plugin"]
    alone = {} if by_itself else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    (folder / "pytest.ini").write_text(f"[pytest]\n{ini}\n")
    # From here rather than from the folder, so that coverage is measured.
    options = ["-p", "no:cacheprovider", "-q", "-W", "error", *plugin, "--rootdir", folder]
    strict = ["--strict-markers", "--strict-config"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *strict, "-c", folder / "pytest.ini", folder],
        env={**os.environ, **alone},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_each_test_has_a_clean_default_cache_and_a_server_of_its_own(tmp_path):
    run(
        tmp_path,
        """
seen = []

@pytest.mark.parametrize("number", [1, 2])
def test_code_that_uses_the_default_cache(oauth_server, oauth_cache, number):
    assert default_cache() is oauth_cache
    assert default_cache().stats().tokens == 0
    for _ in range(2):
        with client(oauth_server.token_url, oauth_server.origin) as session:
            assert session.get(oauth_server.api_url).status_code == 200
    assert len(oauth_server.token_requests) == 1
    assert default_cache() not in seen
    seen.append(default_cache())

def test_the_cache_of_before_is_back():
    assert default_cache() not in seen
""",
        passed=3,
        by_itself=True,
    )


def test_the_default_cache_from_before_is_back_afterwards(tmp_path):
    run(
        tmp_path,
        """
before = default_cache()
now = []

@pytest.fixture(scope="module", autouse=True)
def around():
    yield
    assert default_cache() is before
    assert now[0] is not before

def test_one(oauth_cache):
    now.append(default_cache())
""",
        passed=1,
    )


def test_a_test_that_requests_no_fixture_keeps_its_default_cache(tmp_path):
    run(
        tmp_path,
        """
before = default_cache()

def test_one():
    assert default_cache() is before

class TestClass:
    def test_two(self):
        assert default_cache() is before
""",
        passed=2,
    )


@pytest.mark.parametrize("fixture", ["oauth_server", "oauth_responses"])
def test_the_server_and_the_mock_come_with_a_clean_cache(tmp_path, fixture):
    run(
        tmp_path,
        f"""
before = default_cache()

def test_one({fixture}):
    assert default_cache() is not before

def test_two():
    assert default_cache() is before
""",
        passed=2,
    )


def test_an_ini_option_gives_each_test_a_clean_cache(tmp_path):
    run(
        tmp_path,
        """
import unittest

before = default_cache()
seen = [before]

@pytest.fixture(autouse=True)
def new_each_time():
    yield
    assert default_cache() not in seen
    seen.append(default_cache())

def test_one():
    pass

def test_two(oauth_cache):
    assert default_cache() is oauth_cache

class Tests(unittest.TestCase):
    def test_three(self):
        assert default_cache() not in seen
""",
        passed=3,
        ini="requests_cc_clean_cache = true",
    )


def test_the_token_endpoint_is_mocked_beside_the_api(tmp_path):
    pytest.importorskip("responses")
    run(
        tmp_path,
        """
import responses

URLS = [
    "https://auth.example.com/oauth/token",
    "https://login.example.com/tenant/oauth2/v2.0/token",
    "http://localhost:8080/token",
    "https://auth.example.com/token?api-version=1",
]

@pytest.mark.parametrize("url", URLS)
def test_with_responses(oauth_responses, url):
    oauth_responses.get("https://api.example.com/orders", json=[1, 2])
    with client(url) as session:
        assert session.get("https://api.example.com/orders").json() == [1, 2]
    token, api = oauth_responses.calls
    assert token.request.url == url

def test_a_401_is_followed_by_the_next_token(oauth_responses):
    matcher = responses.matchers.header_matcher
    url = "https://api.example.com/"
    oauth_responses.get(url, status=401, match=[matcher({"Authorization": "Bearer token-1"})])
    oauth_responses.get(url, json={}, match=[matcher({"Authorization": "Bearer token-2"})])
    with client() as session:
        response = session.get(url)
    assert response.status_code == 200
    assert [first.status_code for first in response.history] == [401]

def test_the_count_starts_over(oauth_responses):
    matcher = responses.matchers.header_matcher({"Authorization": "Bearer token-1"})
    oauth_responses.get("https://api.example.com/", json={}, match=[matcher])
    with client() as session:
        assert session.get("https://api.example.com/").status_code == 200

def test_an_api_that_nobody_mocked_is_an_error(oauth_responses):
    with client() as session, pytest.raises(requests.ConnectionError):
        session.get("https://api.example.com/")

def test_what_is_mocked_need_not_be_used(oauth_responses):
    oauth_responses.get("https://api.example.com/", json={})
""",
        passed=8,
    )


def test_the_users_own_responses_needs_only_a_clean_cache(tmp_path):
    pytest.importorskip("responses")
    run(
        tmp_path,
        """
import responses

@responses.activate
@pytest.mark.parametrize("number", [1, 2])
def test_with_a_mock_of_ones_own(oauth_cache, number):
    token = {"access_token": "mine", "token_type": "Bearer", "expires_in": 3600}
    responses.post("https://auth.example.com/oauth/token", json=token)
    responses.get("https://api.example.com/", json={"number": number})
    with client() as session:
        assert session.get("https://api.example.com/").json() == {"number": number}
    assert len(responses.calls) == 2
""",
        passed=2,
    )


def test_the_mock_takes_options_from_a_marker(tmp_path):
    pytest.importorskip("responses")
    run(
        tmp_path,
        """
API = "https://api.example.com/"

@pytest.fixture(autouse=True)
def api(oauth_responses):
    oauth_responses.get(API, json={})

@pytest.mark.oauth_responses(token="mine", lifetime=60)
def test_the_token_and_its_lifetime(oauth_responses, oauth_cache):
    with client() as session:
        session.get(API)
    assert oauth_responses.calls[-1].request.headers["Authorization"] == "Bearer mine"
    [token] = [oauth_cache.token(ClientCredentials(
        "https://auth.example.com/oauth/token", "id", "secret", audience=API))]
    assert 50 < token.expires_in <= 60

@pytest.mark.oauth_responses(lifetime=None)
def test_no_lifetime(oauth_responses, oauth_cache):
    source = ClientCredentials("https://auth.example.com/oauth/token", "id", "secret")
    assert source.request_token().expires_in is None

@pytest.mark.oauth_responses(failures=[401, "invalid_client", "invalid_scope", KeyError("now")])
def test_failures(oauth_responses):
    source = ClientCredentials("https://auth.example.com/oauth/token", "id", "secret")
    for error in [InvalidClient, InvalidClient, InvalidScope, TokenRequestError]:
        with pytest.raises(error):
            source.request_token()
    assert source.request_token().value == "token-1"
    assert len(oauth_responses.token_requests) == 5

@pytest.mark.oauth_responses(url="https://auth.example.com/login")
def test_another_url(oauth_responses):
    assert ClientCredentials("https://auth.example.com/login", "id", auth="none").request_token()
    with pytest.raises(TokenEndpointUnreachable):
        ClientCredentials("https://auth.example.com/token", "id", auth="none").request_token()

@pytest.mark.oauth_responses(token="of-the-class")
class TestClass:
    def test_the_markers_of_a_class(self, oauth_responses):
        source = ClientCredentials("https://auth.example.com/token", "id", auth="none")
        assert source.request_token().value == "of-the-class"
""",
        passed=5,
    )


def test_the_mock_records_the_token_requests(tmp_path):
    pytest.importorskip("responses")
    run(
        tmp_path,
        """
def test_what_was_sent(oauth_responses):
    oauth_responses.get("https://api.example.com/", json={})
    with client() as session:
        session.get("https://api.example.com/")
    (request,) = oauth_responses.token_requests
    assert request.method == "POST"
    assert request.path == "/oauth/token"
    assert request.headers["Host"] == "auth.example.com"
    assert request.headers["Authorization"].startswith("Basic ")
    assert request.form["grant_type"] == ["client_credentials"]
    assert "secret" not in repr(request)
    requests.post("https://auth.example.com/token", data=b"bytes")
    requests.post("https://auth.example.com/token")
    assert [r.body for r in oauth_responses.token_requests[1:]] == [b"bytes", b""]
""",
        passed=1,
    )


MISSING = """
import sys
sys.modules[{name!r}] = None
"""


def test_a_missing_responses_is_an_error_with_the_line_to_install_it(tmp_path):
    done = outcome(
        tmp_path,
        "def test_one(oauth_responses): pass",
        conftest=MISSING.format(name="responses"),
    )
    assert 'python -m pip install "requests_cc[testing]"' in done.stdout
    assert "Traceback" not in done.stdout
    assert "1 error" in done.stdout


def test_another_missing_module_is_an_error_of_its_own(tmp_path):
    done = outcome(
        tmp_path,
        "def test_one(oauth_responses): pass",
        conftest=MISSING.format(name="requests_cc.testing.recorded_request"),
    )
    assert "pip install" not in done.stdout
    assert "ModuleNotFoundError" in done.stdout
    assert "1 error" in done.stdout


@pytest.mark.parametrize("ini", ["", "requests_cc_clean_cache = true"])
def test_the_plugin_imports_only_pytest_until_a_fixture_is_used(tmp_path, ini):
    done = outcome(
        tmp_path,
        """
import sys

ours = {name for name in sys.modules if name.partition(".")[0] == "requests_cc"}
others = {"requests", "urllib3", "http.client", "responses"} & set(sys.modules)

def test_what_is_imported():
    assert ours == {"requests_cc", "requests_cc.pytest_plugin"}
    assert not others
""",
        ini=ini,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_a_conftest_may_patch_with_gevent(tmp_path):
    pytest.importorskip("gevent")
    # With -W error the MonkeyPatchWarning of a late patch ends the run.
    run(
        tmp_path,
        """
import socket

def test_the_server_and_the_adapter_work(oauth_server):
    assert socket.socket.__module__.startswith("gevent")
    with client(oauth_server.token_url, oauth_server.origin) as session:
        assert session.get(oauth_server.api_url).status_code == 200
""",
        conftest="import gevent.monkey\n\ngevent.monkey.patch_all()\n",
        passed=1,
        by_itself=True,
    )
