from __future__ import annotations

import io
import os
import runpy
import subprocess
import sys

import pytest

import requests_cc.__main__  # which runs nothing
from requests_cc.cli import demo, main as cli
from requests_cc.testing import LocalServer


class ServerThatRefusesClients(LocalServer):
    def start(self) -> LocalServer:
        self.fail_next(1_000_000, status=401, error="invalid_client")
        return super().start()


def test_without_a_command_it_prints_help_and_exits_2(capsys):
    assert cli.main([]) == 2
    output = capsys.readouterr()
    assert "usage: requests-cc" in output.err
    assert "demo" in output.err
    assert output.out == ""


def test_an_unknown_command_exits_2(capsys):
    with pytest.raises(SystemExit) as ending:
        cli.main(["demmo"])
    assert ending.value.code == 2
    assert "demmo" in capsys.readouterr().err


def test_version_prints_the_library_version(capsys):
    with pytest.raises(SystemExit) as ending:
        cli.main(["--version"])
    assert ending.value.code == 0
    assert capsys.readouterr().out == f"requests-cc {requests_cc.__version__}\n"


def test_the_arguments_of_the_process_count_if_none_are_given(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["requests-cc"])
    assert cli.main() == 2
    assert "usage: requests-cc" in capsys.readouterr().err


def test_the_demo_exits_1_when_its_promises_do_not_hold(monkeypatch, capsys):
    monkeypatch.setattr(demo, "LocalServer", ServerThatRefusesClients)
    assert cli.main(["demo"]) == 1
    assert "FAILED" in capsys.readouterr().out


@pytest.mark.parametrize(("held", "status"), [(True, 0), (False, 1)])
def test_the_exit_status_says_whether_the_demo_held(monkeypatch, held, status):
    monkeypatch.setattr(demo, "demonstrate", lambda out: held)
    assert cli.main(["demo"]) == status


def test_a_reader_that_goes_away_ends_the_demo_without_a_traceback(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert cli.main(["demo"]) == 141
        out.write("what the interpreter flushes at its end")
        out.flush()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["token", "--secret", "hunter2"], "unrecognized arguments: --secret ..."),
        (["token", "--client-sec=hunter2", "-phunter2"], "arguments: --client-sec -p"),
        (["--client-secret", "hunter2", "token"], "the verb comes first"),
        (["--client-secret=hunter2"], "unrecognized arguments: --client-secret"),
    ],
)
def test_what_is_not_understood_may_be_a_secret_and_is_not_repeated(given, words, capsys):
    with pytest.raises(SystemExit) as ending:
        cli.main(given)
    assert ending.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert words in printed.err
    assert "hunter2" not in printed.err


@pytest.mark.parametrize("verb", cli.VERBS)
def test_the_help_of_each_verb_has_an_example_and_the_page_of_the_docs(verb, capsys):
    with pytest.raises(SystemExit) as ending:
        cli.main([verb, "--help"])
    assert ending.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: requests-cc {verb}")
    assert f"example:\n  {cli.VERBS[verb].example}\n" in text
    assert "more: https://requests-cc.readthedocs.io/page/command_line.html" in text


def test_ctrl_c_ends_quietly(monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "demonstrate", interrupt)
    assert cli.main(["demo"]) == 130
    assert capsys.readouterr() == ("", "")


def test_streams_that_cannot_be_changed_stay_as_they_are(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    assert cli.main(["env"]) == 0
    assert "OAUTH_TOKEN_URL" in out.getvalue()


def test_python_m_is_the_same_as_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["requests-cc", "--version"])
    with pytest.raises(SystemExit) as ending:
        runpy.run_path(requests_cc.__main__.__file__, run_name="__main__")
    assert ending.value.code == 0
    assert capsys.readouterr().out.startswith("requests-cc ")


def test_python_m_prints_the_version_in_a_process_of_its_own():
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-m", "requests_cc", "--version"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout == f"requests-cc {requests_cc.__version__}\n"
