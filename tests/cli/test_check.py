"""``check`` against what is wrong most often, over real sockets."""

from __future__ import annotations

import re

import pytest

from tests.support.check_scenarios import SCENARIOS, SECRET, TRANSCRIPT, play, transcript
from tests.support.scripts import answer, drop, hang, token
from tests.support.server import Server

# What each scenario's last two lines say.
SAYS = {
    "A wrong host": ("name look-up", "auth.invalid cannot be resolved", "the host in --token-url"),
    "A port that refuses": ("connection", "refused the connection", "port in OAUTH_TOKEN_URL"),
    "A certificate that is not trusted": ("TLS", "not signed by a CA", "--cacert FILE"),
    "A certificate that has expired": ("TLS", "has expired", "have 127.0.0.1 renew it"),
    "A proxy that refuses": ("proxy", "responded 403 Forbidden to CONNECT", "NO_PROXY"),
    "A wrong path": ("token request", "404 Not Found with text/html", "the path in --token-url"),
    "A wrong secret": ("token request", "401 invalid_client", "OAUTH_CLIENT_SECRET: the secret"),
    "The secret in the wrong place": (
        "token request",
        "it accepts the secret elsewhere",
        "pass --auth client_secret_post, or set OAUTH_AUTH=client_secret_post",
    ),
    "A wrong scope": ("token request", "400 invalid_scope", "pass --scope with what"),
    "A token that the API refuses": ("API call", "401 Unauthorized", "--audience, --resource"),
}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.title)
def test_a_fault_is_shown_in_a_line_and_what_to_change_in_the_next(scenario):
    played = play(scenario)
    assert played.status == scenario.status, played.lines
    text = "\n".join(played.lines)
    assert SECRET not in text
    assert "Traceback" not in text
    if scenario.status == 0:
        assert "FAILED" not in text
        return
    failed = [line for line in played.lines if line.startswith("FAILED")]
    step, what, change = SAYS[scenario.title]
    assert len(failed) == 1
    assert failed[0] == played.lines[-2]
    assert failed[0].startswith(f"FAILED  {step}")
    assert what in failed[0]
    assert played.lines[-1].startswith("        to change: ")
    assert change in played.lines[-1]


def test_the_scenarios_say_ten_different_things():
    assert set(SAYS) == {scenario.title for scenario in SCENARIOS if scenario.status}
    assert len({play(s).lines[-1] for s in SCENARIOS if s.status}) == len(SAYS) == 10


def test_the_transcript_in_the_docs_is_what_is_printed_now():
    shown = TRANSCRIPT.read_text(encoding="utf-8")
    assert shown == transcript(), "python -m tests.support.check_scenarios writes it anew"


def failure(ended):
    lines = ended.out.splitlines()
    assert lines[-2].startswith("FAILED"), ended.out
    return f"{lines[-2]}\n{lines[-1]}"


# --- settings -----------------------------------------------------------------------------------


def test_a_missing_setting_is_the_first_failure(cli):
    ended = cli("check")
    assert ended.status == 78
    assert ended.out.splitlines()[0].startswith(
        "FAILED  settings      no authorization server is set"
    )
    assert "to change: pass --token-url URL or --issuer URL" in ended.out


def test_an_api_url_that_is_none_is_wrong_usage(client, cli):
    ended = cli("check", "--url", "api.example.com")
    assert ended.status == 2
    assert client.token_requests == ()


def test_an_error_without_advice_leads_to_the_docs(client, cli, tmp_path):
    path = tmp_path / "secret"
    path.write_text("")
    ended = cli("check", "--client-secret-file", str(path))
    assert ended.status == 78
    assert "names an empty file" in failure(ended)


# --- discovery ----------------------------------------------------------------------------------


@pytest.fixture
def issuer(client, environment):
    environment.delenv("OAUTH_TOKEN_URL")
    with Server(path="") as server:
        environment.setenv("OAUTH_ISSUER", server.url)
        server.routes["/.well-known/oauth-authorization-server"] = {
            "issuer": server.url,
            "token_endpoint": client.token_url,
        }
        yield server


def test_the_metadata_leads_to_the_token_endpoint(issuer, client, cli):
    ended = cli("check")
    assert ended.status == 0
    assert f"ok      discovery     the token endpoint is {client.token_url} (" in ended.out
    assert ended.out.count("connection    to 127.0.0.1 port") == 2


def test_the_issuer_can_be_in_a_file(issuer, client, cli, environment, tmp_path):
    path = tmp_path / "issuer"
    path.write_text(issuer.url)
    environment.delenv("OAUTH_ISSUER")
    environment.setenv("OAUTH_ISSUER_FILE", str(path))
    assert cli("check").status == 0


def test_without_metadata_the_issuer_is_to_be_changed(issuer, cli):
    issuer.routes.clear()
    ended = cli("check")
    assert ended.status == cli("token").status == 78
    assert "to change: check OAUTH_ISSUER: requests-cc discover tries it alone" in failure(ended)


def test_metadata_that_leads_nowhere_is_not_the_clients_fault(issuer, cli):
    issuer.routes["/token"] = answer(b"<p>", "404 X", {"Content-Type": "text/html"})
    issuer.routes["/.well-known/oauth-authorization-server"]["token_endpoint"] = (
        f"{issuer.url}/token"
    )
    ended = cli("check")
    assert ended.status == 78
    assert "its metadata names this token endpoint" in failure(ended)


def test_a_server_that_takes_no_secret_wants_another_setting(issuer, cli):
    issuer.routes["/.well-known/oauth-authorization-server"][
        "token_endpoint_auth_methods_supported"
    ] = ["private_key_jwt"]
    ended = cli("check")
    assert ended.status == 78
    assert "FAILED  token request" in ended.out


# --- the token request --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "error", "change", "exit_status"),
    [
        (400, "invalid_target", "pass --resource or --audience", 78),
        (400, "invalid_request", "check --audience, --resource and --param", 78),
        (400, "unauthorized_client", "have the client_credentials grant allowed", 78),
        (400, "unsupported_grant_type", "check the token URL", 78),
        (400, "tenant_is_gone", "see the authorization server's manual", 78),
        (429, "slow_down", "nothing here: try again later", 75),
    ],
)
def test_each_error_of_the_server_has_its_advice(client, cli, status, error, change, exit_status):
    client.fail_next(9, status=status, error=error, retry_after=9)
    ended = cli("check")
    assert ended.status == exit_status
    assert f"responded {status} {error}" in failure(ended)
    assert change in failure(ended).partition("to change: ")[2]


def test_a_server_that_hangs_wants_more_time(client, cli):
    with Server(hang) as server:
        ended = cli("check", "--token-url", server.url, "--timeout", "0.2")
    assert ended.status == 75
    assert "to change: pass a longer --timeout" in failure(ended)


def test_a_dropped_connection_is_tried_again_later(client, cli):
    with Server(drop) as server:
        ended = cli("check", "--token-url", server.url, "--timeout", "0.5")
    assert ended.status == 75
    assert "to change: nothing here: try again later" in failure(ended)


def test_json_that_is_not_a_token_is_reported_in_the_librarys_words(client, cli):
    with Server(path="") as server:
        server.routes["/"] = answer(b"{}", "200 X", {"Content-Type": "application/json"})
        ended = cli("check", "--token-url", f"{server.url}/")
    assert ended.status == 78
    assert "no access_token" in failure(ended)
    assert "no token request before" not in ended.out


def test_a_redirect_of_the_token_endpoint_is_shown_with_where_it_leads(client, cli):
    with Server(answer(b"", "301 Moved", {"Location": "/token/"})) as server:
        ended = cli("check", "--token-url", server.url)
    assert f"{server.url} returned 301, a redirect to {server.url}/, which is" in failure(ended)
    assert "to change: use the URL that it leads to" in failure(ended)


def test_a_response_without_a_type_is_named_so(client, cli):
    with Server(answer(b"hello")) as server:
        ended = cli("check", "--token-url", server.url)
    assert "responded 200 OK with nothing, not with JSON" in failure(ended)


def test_a_secret_that_the_server_does_not_decode_wants_loose_encoding(client, cli):
    with Server(path="") as server:

        def wants_it_raw(request):
            sent = request.headers.get("Authorization", "")
            raw = sent == "Basic ZGVtbzpzM2NyZXQvb2YgdGhlIGRlbW8gY2xpZW50KzE="
            return {"access_token": "t0ken"} if raw else answer(status="401 X")

        server.routes["/token"] = wants_it_raw
        ended = cli("check", "--token-url", f"{server.url}/token")
    assert ended.status == 78
    assert 'to change: use auth=ClientSecretBasic(encoding="loose")' in failure(ended)


def test_a_secret_of_plain_letters_is_tried_in_two_places(client, cli, environment):
    environment.setenv("OAUTH_CLIENT_SECRET", "plain")
    ended = cli("check", "--auth", "client_secret_post")
    assert "the secret was sent Basic and in the body, and refused" in failure(ended)
    assert len(client.token_requests) == 2


def test_a_signed_secret_is_not_tried_elsewhere(client, cli, environment):
    environment.setenv("OAUTH_CLIENT_SECRET", "s" * 32)
    client.fail_next(status=401, error="invalid_client")
    ended = cli("check", "--auth", "client_secret_jwt")
    assert "the secret was sent as --auth says, and refused" in failure(ended)
    assert len(client.token_requests) == 1


def test_a_client_without_a_secret_learns_what_the_server_should_know(client, cli, tmp_path):
    path = tmp_path / "assertion"
    path.write_text("a.b.c")
    client.fail_next(status=401, error="invalid_client")
    ended = cli("check", "--client-assertion-file", str(path))
    assert "check OAUTH_CLIENT_ID, and which key or certificate the server has" in failure(ended)


def test_a_secret_file_that_goes_away_is_reported(client, cli, tmp_path, monkeypatch):
    path = tmp_path / "secret"
    path.write_text("x")
    probed = []

    def run(probe, step):
        probed.append(probe)
        path.unlink()

    monkeypatch.setattr("requests_cc.cli.probe.Probe.run", run)
    ended = cli("check", "--client-secret-file", str(path))
    assert ended.status == 78
    assert "the file that --client-secret-file names cannot be read" in failure(ended)


# --- the API ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "change", "exit_status"),
    [
        (403, {}, "pass --scope with what this API wants, or have", 78),
        (
            403,
            {"WWW-Authenticate": 'Bearer error="insufficient_scope", scope="write"'},
            "pass --scope 'write', or have",
            78,
        ),
        (404, {}, "check the path in --url; the token was not refused", 78),
        (429, {}, "nothing here: try again later", 75),
        (500, {}, "nothing here: try again later", 75),
    ],
)
def test_the_apis_response_has_its_advice(client, cli, status, headers, change, exit_status):
    with Server(path="") as api:
        api.routes["/"] = answer(status=f"{status} X", headers=headers)
        ended = cli("check", "--url", f"{api.url}/")
    assert ended.status == exit_status
    assert f"responded {status} " in failure(ended)
    assert change in failure(ended).partition("to change: ")[2]


def test_a_redirect_is_the_apis_own_business(client, cli):
    with Server(path="") as api:
        api.routes["/"] = answer(b"", "302 X", {"Location": "https://elsewhere.example.com/"})
        ended = cli("check", "-v", "--url", f"{api.url}/")
    assert ended.status == 0
    assert "> GET" in ended.err


def test_an_api_that_drops_the_call_is_tried_again_later(client, cli):
    with Server(drop) as api:
        ended = cli("check", "--url", api.url)
    assert ended.status == 75
    assert "got no response (ConnectionError)" in failure(ended)


@pytest.mark.parametrize(("failing", "exit_status"), [(429, 75), (401, 78)])
def test_a_renewal_that_fails_is_reported(client, cli, failing, exit_status):
    with Server(path="") as api:

        def refuse(request):
            client.fail_next(9, status=failing, error="x", retry_after=9)
            return answer(b"", "401 X", {"WWW-Authenticate": 'Bearer error="invalid_token"'})

        api.routes["/"] = refuse
        ended = cli("check", "--url", f"{api.url}/")
    assert ended.status == exit_status
    assert re.match(r"FAILED  API call      GET \S+: x", failure(ended))


def test_an_api_over_plain_http_elsewhere_is_refused_unless_that_is_allowed(
    client, cli, environment, monkeypatch
):
    monkeypatch.setattr("requests_cc.cli.probe.Probe.run", lambda probe, step: None)
    ended = cli("check", "--url", "http://api.invalid/")
    assert ended.status == 78
    assert "FAILED  API call" in failure(ended)
    assert "http" in failure(ended)
    environment.setenv("OAUTH_ALLOW_HTTP", "1")
    ended = cli("check", "--url", "http://api.invalid/")
    assert ended.status == 75
    assert "got no response" in failure(ended)


def test_tls_of_the_api_is_looked_into_too(client, cli, https_server, ca_bundle):
    with https_server(token()) as api:
        ended = cli("check", "--url", api.url, "--cacert", ca_bundle)
        assert ended.status == 0, ended.out
        assert re.search(
            r"ok      TLS           TLSv1\.\d, the certificate is valid until ", ended.out
        )
        ended = cli("check", "--url", api.url)
    assert ended.status == 78
    assert "FAILED  TLS" in failure(ended)


def test_one_host_is_looked_into_once(client, cli):
    ended = cli("check", "--url", client.api_url)
    assert ended.out.count("connection") == 1


def test_on_a_terminal_the_words_have_colours(client, cli, environment, monkeypatch):
    environment.setenv("TERM", "xterm")
    environment.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert cli("check").out.startswith("\033[32mok    \033[0m  settings")
