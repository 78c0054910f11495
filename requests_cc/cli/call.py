"""``requests-cc call``: one request to an API, through the adapter; the body goes to stdout."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

import requests

from ..adapter.adapter import ClientCredentialsAdapter
from ..adapter.mounting import mount
from ..errors import ClientCredentialsError
from .get_token import session_for
from .options import add_client_options, add_store_option
from .output import API_REFUSED, DONE, NEEDS_A_PERSON, TRY_AGAIN, UsageError, note, safe
from .settings import Settings, cache_for, check_standard_input
from .wire import Wire

CHUNK = 65_536  # bytes
DEFAULT_TIMEOUT = (5.0, 60.0)  # seconds to connect, and to wait for each piece of the response
_FIRST_ERROR = 400  # RFC 9110 §15.5
_METHOD = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)  # a token: RFC 9110 §5.6.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the argument and the options of this verb."""
    parser.add_argument("url", metavar="URL", help="of the API")
    parser.add_argument(
        "-X", "--request", metavar="METHOD", help="default: GET, or POST if there is a body"
    )
    parser.add_argument(
        "-d",
        "--data",
        metavar="DATA|@FILE",
        help="the body; @FILE reads a file, @- standard input. JSON is sent as such, anything "
        "else as a form, unless -H names a Content-Type",
    )
    parser.add_argument(
        "-H", "--header", metavar="NAME:VALUE", action="append", help="again for more"
    )
    add_store_option(parser)
    add_client_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Send the request and print the response's body."""
    if arguments.data == "@-":
        check_standard_input(arguments)
    settings, headers = Settings(arguments), _headers(arguments.header or [])
    body = _body(arguments.data)
    if body is not None and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = _content_type(body)
    method = arguments.request or ("GET" if body is None else "POST")
    if _METHOD.fullmatch(method) is None:
        raise UsageError("-X takes an HTTP method, such as PUT")
    request = requests.Request(method, arguments.url, headers=headers, data=body)
    credentials = settings.client(session_for(arguments))
    adapter = ClientCredentialsAdapter(
        credentials,
        origins=arguments.url,
        cache=cache_for(arguments.store),
        transport=Wire(verbose=arguments.verbose),
        allow_http=credentials.server.allow_http,
    )
    try:
        return _send(request, adapter, settings.value("CA_BUNDLE"))
    except ClientCredentialsError:
        raise
    except requests.RequestException as error:
        return report(error)


def _send(
    request: requests.Request, adapter: ClientCredentialsAdapter, ca_bundle: str | None
) -> int:
    with requests.Session() as session:
        mount(session, adapter)
        response = session.request(
            request.method or "GET",
            request.url or "",
            data=request.data,
            headers=request.headers,
            timeout=DEFAULT_TIMEOUT,
            stream=True,
            verify=ca_bundle,  # None: the environment's, or certifi's
        )
        with response:
            return _print(response)


def report(error: requests.RequestException) -> int:
    """Write to stderr why the API sent no response, and return the exit status."""
    if isinstance(error, ValueError):  # so requests says that a URL or a header is not valid
        raise UsageError("the URL or a header is not valid") from None
    if isinstance(error, requests.exceptions.SSLError):
        note("requests-cc call: TLS with the API failed: requests-cc check --url URL says why")
        return NEEDS_A_PERSON
    problem = "did not respond in time" if isinstance(error, requests.Timeout) else "failed"
    note(f"requests-cc call: the API {problem}: requests-cc check --url URL says where")
    return TRY_AGAIN


def _print(response: requests.Response) -> int:
    end = b""
    for chunk in response.iter_content(CHUNK):
        sys.stdout.buffer.write(chunk)
        end = chunk[-1:]
    if end not in (b"", b"\n") and sys.stdout.isatty():
        sys.stdout.buffer.write(b"\n")  # or the prompt would stand behind the body
    sys.stdout.flush()
    if response.status_code < _FIRST_ERROR:
        return DONE
    reason = safe(response.reason or "")
    note(f"requests-cc call: the API responded {response.status_code} {reason}".rstrip())
    return API_REFUSED


def _headers(given: list[str]) -> dict[str, str]:
    headers = {}
    for header in given:
        name, colon, value = header.partition(":")
        if not colon or not name.strip():
            raise UsageError("-H takes NAME:VALUE")
        if name.strip().lower() == "authorization":
            raise UsageError("-H Authorization: the token goes there")
        headers[name.strip()] = value.strip()
    return headers


def _body(data: str | None) -> bytes | None:
    if data is None or not data.startswith("@"):
        return None if data is None else data.encode("utf-8", "surrogateescape")
    if data == "@-":
        return sys.stdin.buffer.read()
    try:
        return Path(data[1:]).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not a valid path"
    raise UsageError(f"-d {data} cannot be read: {reason}")


def _content_type(body: bytes) -> str:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    is_json = isinstance(value, (dict, list))
    return "application/json" if is_json else "application/x-www-form-urlencoded"
