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


def run(folder: Path, tests: str, *, passed: int, by_itself: bool = False) -> None:
    """Runs these tests as another project's.

    :param by_itself: whether pytest has to find the plugin, where the package is installed.
    """
    (folder / "test_of_a_user.py").write_text(CLIENT + tests)
    by_itself = by_itself and INSTALLED
    plugin = [] if by_itself else ["-p", "requests_cc.pytest_plugin"]
    alone = {} if by_itself else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    (folder / "pytest.ini").write_text("[pytest]\n")
    # From here rather than from the folder, so that coverage is measured.
    options = ["-p", "no:cacheprovider", "-q", "-W", "error", *plugin, "--rootdir", folder]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-c", folder / "pytest.ini", folder],
        env={**os.environ, **alone},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert f"{passed} passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


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

def test_the_cache_is_clean_without_a_fixture_too():
    assert default_cache().stats().tokens == 0
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

def test_one():
    now.append(default_cache())
""",
        passed=1,
    )


def test_the_token_endpoint_is_mocked_beside_the_apis_responses(tmp_path):
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

def test_a_401_brings_the_next_token(oauth_responses):
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


def test_the_users_own_responses_needs_no_fixture(tmp_path):
    pytest.importorskip("responses")
    run(
        tmp_path,
        """
import responses

@responses.activate
@pytest.mark.parametrize("number", [1, 2])
def test_with_a_mock_of_ones_own(number):
    token = {"access_token": "mine", "token_type": "Bearer", "expires_in": 3600}
    responses.post("https://auth.example.com/oauth/token", json=token)
    responses.get("https://api.example.com/", json={"number": number})
    with client() as session:
        assert session.get("https://api.example.com/").json() == {"number": number}
    assert len(responses.calls) == 2
""",
        passed=2,
    )


def test_the_plugin_costs_a_test_run_no_optional_package(tmp_path):
    run(
        tmp_path,
        """
import sys

def test_what_is_imported():
    assert "responses" not in sys.modules
    assert "requests_cc.testing" not in sys.modules
""",
        passed=1,
    )
