"""From environment variables to the arguments of ``ClientCredentials``."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError
from ..protocols import Cert
from ..server.authorization_server import AuthorizationServer
from ..url import check_url
from .auth_setting import NEEDS_MORE, method_named
from .environment import Environment
from .parameters import OWN
from .tracebacks import entry_point

if TYPE_CHECKING:  # imported when one is made here
    import requests

logger = logging.getLogger("requests_cc")

# What proves who the client is: one of these; and the names of the methods that use it.
METHODS = {
    "CLIENT_SECRET": ("client_secret_basic", "client_secret_post", "client_secret_jwt"),
    "PRIVATE_KEY": ("private_key_jwt",),
    "CERTIFICATE_FILE": ("tls_client_auth", "self_signed_tls_client_auth"),
    "CLIENT_ASSERTION_FILE": ("private_key_jwt",),
}
# What belongs to another setting, which must be there.
BELONGS = {"KEY_ID": "PRIVATE_KEY", "CERTIFICATE_KEY_FILE": "CERTIFICATE_FILE"}


@entry_point
def client_arguments(
    environment: Environment, session: requests.Session | None = None
) -> dict[str, Any]:
    """Read the settings of a client.

    :param environment: the variables.
    :param session: for the requests to the authorization server; None: a new one for each.
    :returns: dict, the arguments of :class:`~requests_cc.ClientCredentials`.
    :raises ConfigurationError: if a setting is wrong or missing, or two exclude each other. The
        message names a variable that nearly fits, if there is one; without an error, a WARNING
        does.
    """
    hint = environment.hint()
    try:
        arguments = _arguments(environment, session)
    except ConfigurationError as error:
        problem = str(error)
    else:
        if hint:
            logger.warning("%s", hint)
        return arguments
    raise ConfigurationError(f"{problem} ({hint})" if hint else problem)


def _arguments(environment: Environment, session: requests.Session | None) -> dict[str, Any]:
    return {
        "server": _server(environment, session),
        "client_id": environment.required("CLIENT_ID"),
        **_authentication(environment),
        "scope": (environment.text("SCOPE") or "").split(),
        "audience": (environment.text("AUDIENCE") or "").split(),
        "resource": (environment.text("RESOURCE") or "").split(),
        "params": _params(environment) or None,
    }


def _params(environment: Environment) -> dict[str, str]:
    params = dict(environment.several("PARAM_"))
    for name in sorted(OWN.keys() & params):
        raise ConfigurationError(
            f"{environment.named_as_set('PARAM_' + name)} repeats the parameter {name}, which has "
            f"a setting of its own: use that instead"
        )
    return params


def _server(environment: Environment, session: requests.Session | None) -> AuthorizationServer:
    url, issuer = environment.text("TOKEN_URL"), environment.text("ISSUER")
    names = environment.named("TOKEN_URL"), environment.named("ISSUER")
    if url and issuer:
        raise ConfigurationError(f"{' and '.join(names)} are both set: unset one")
    reach = _reach(environment, session)
    allow_http = bool(reach.get("allow_http"))
    advice = f"set {environment.named('ALLOW_HTTP')}=1"
    if url:
        check_url(url, names[0], allow_http=allow_http, advice=advice)
        return AuthorizationServer(url, **reach)
    if issuer:
        check_url(issuer, names[1], allow_http=allow_http, advice=advice)
        return AuthorizationServer.discover(issuer, **reach)
    raise ConfigurationError(f"{names[0]} (or {names[1]}) is missing or empty: set one of them")


def _reach(environment: Environment, session: requests.Session | None) -> dict[str, Any]:
    """Return the arguments of ``AuthorizationServer`` that are set, but for its endpoints."""
    reach: dict[str, Any] = {} if session is None else {"session": session}
    timeout = environment.seconds("TIMEOUT")
    if timeout is not None:
        reach["timeout"] = timeout if len(timeout) > 1 else timeout[0]
    if environment.switch("ALLOW_HTTP"):
        reach["allow_http"] = True
    ca_bundle = environment.path("CA_BUNDLE")
    if ca_bundle is not None:
        import requests  # noqa: PLC0415 - not every program has a session made here

        reach.setdefault("session", requests.Session()).verify = ca_bundle
    return reach


def _authentication(environment: Environment) -> dict[str, Any]:
    """Return the arguments ``client_secret``, ``auth`` and ``cert``."""
    proof = _proof(environment)
    if environment.has("CERTIFICATE_FILE") and not _is_tls_client_auth(proof.get("auth")):
        proof["cert"] = _certificate(environment)
    return proof


def _is_tls_client_auth(auth: object) -> bool:
    return getattr(auth, "method", None) in METHODS["CERTIFICATE_FILE"]


def _proof(environment: Environment) -> dict[str, Any]:
    auth, given = environment.text("AUTH"), _only_proof(environment)
    if auth is not None and auth not in NEEDS_MORE:
        method_named(auth, environment.named("AUTH"))
    _check_proof(environment, auth, given)
    if given == "PRIVATE_KEY":
        return {"auth": _private_key(environment)}
    if given == "CERTIFICATE_FILE":
        from ..client_auth.certificate import TLSClientAuth  # noqa: PLC0415 - rarely used

        return {"auth": TLSClientAuth(_certificate(environment))}
    if given == "CLIENT_ASSERTION_FILE":
        from ..client_auth.supplied_assertion import AssertionFile  # noqa: PLC0415 - rarely used

        return {"auth": AssertionFile(str(environment.path(given)))}
    return {"client_secret": environment.secret("CLIENT_SECRET"), "auth": auth}


def _only_proof(environment: Environment) -> str | None:
    given = [name for name in METHODS if environment.has(name)]
    proofs = given
    if len(given) > 1 and environment.text("AUTH") not in METHODS["CERTIFICATE_FILE"]:
        proofs = [name for name in given if name != "CERTIFICATE_FILE"]  # it stands beside another
    if len(proofs) > 1:
        names = " and ".join(map(environment.named_as_set, proofs[:2]))
        raise ConfigurationError(f"{names} are both set: unset one")
    for name, owner in BELONGS.items():
        if environment.has(name) and owner not in given:
            raise ConfigurationError(
                f"{environment.named(name)} is set without {environment.named(owner)}: set that "
                f"too, or unset {environment.named(name)}"
            )
    return proofs[0] if proofs else None


def _check_proof(environment: Environment, auth: str | None, given: str | None) -> None:
    variable = environment.named("AUTH")
    if auth == "none":
        if given is not None:
            raise ConfigurationError(
                f"{variable}=none sends no {environment.named_as_set(given)}: unset one of them"
            )
        return
    wanted = [name for name, methods in METHODS.items() if auth is None or auth in methods]
    if given in wanted:
        return
    if given is None and "CLIENT_SECRET" in wanted:
        secret, file = (environment.named(f"CLIENT_SECRET{end}") for end in ("", "_FILE"))
        raise ConfigurationError(
            f"{secret} is missing: set it, or {file}; or set what proves the client otherwise, "
            f"such as {environment.named('PRIVATE_KEY')}"
        )
    needed = " or ".join(map(environment.named, wanted))
    too_much = "" if given is None else f", and unset {environment.named_as_set(given)}"
    raise ConfigurationError(f"{variable}={auth} needs {needed}: set it{too_much}")


def _private_key(environment: Environment) -> object:
    from ..client_auth.assertion import PrivateKeyJWT  # noqa: PLC0415 - rarely used

    try:
        return PrivateKeyJWT(_key(environment), kid=environment.text("KEY_ID"))
    except ConfigurationError as error:
        variable = environment.named_as_set("PRIVATE_KEY")
        raise ConfigurationError(f"the private key in {variable} cannot be used: {error}") from None


def _key(environment: Environment) -> Any:
    """Return a JWK, or a PEM; its lines may end in a spelled-out ``\\n``, as in .env files."""
    text = environment.text("PRIVATE_KEY") or ""
    try:
        return json.loads(text) if text.startswith("{") else text.replace("\\n", "\n")
    except ValueError:
        raise ConfigurationError("it begins as a JWK, and is not valid JSON") from None


def _certificate(environment: Environment) -> Cert:
    certificate = str(environment.path("CERTIFICATE_FILE"))
    key = environment.path("CERTIFICATE_KEY_FILE")
    return certificate if key is None else (certificate, key)
