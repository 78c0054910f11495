"""No exception of a source leaves with frames that hold a secret."""

from __future__ import annotations

import dataclasses
import gc
import traceback
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from joserfc.jwk import ECKey

from requests_cc import ClientCredentials, ConfigurationError, JWTBearer
from requests_cc.credentials.tracebacks import entry_point
from requests_cc.errors import ClientCredentialsError

URL = "https://auth.example.com/token"
SECRET = "s3cret"
JWK = ECKey.generate_key("P-256").as_dict(private=True)


def frames(error: BaseException) -> Iterator[Any]:
    """The frames that the library adds to a traceback, generated code included."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_globals["__name__"].startswith("requests_cc"):
            yield frame


@pytest.mark.parametrize(
    "make",
    [
        lambda: ClientCredentials(URL, "me", SECRET, scope=7),
        lambda: ClientCredentials(URL, "", SECRET),
        lambda: ClientCredentials(URL, "me", None, auth=SECRET),
        lambda: ClientCredentials(f"/token?key={SECRET}", "me", SECRET),
        lambda: ClientCredentials(URL, "me", SECRET, params={"scope": SECRET}),
        lambda: JWTBearer(URL, issuer="", key={**JWK, "d": SECRET}),
        lambda: JWTBearer(URL, issuer="me", key=JWK, claims={"a": {SECRET}}),
        lambda: ClientCredentials(URL, "me", SECRET).introspect(SECRET),
        lambda: ClientCredentials(URL, "me", SECRET).revoke(SECRET),
    ],
)
def test_a_wrong_setting_leaves_no_secret_in_a_frame(make: Callable[[], object]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        make()
    (frame,) = frames(raised.value)
    assert SECRET not in repr(frame.f_locals)
    assert JWK["d"] not in repr(frame.f_locals)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_a_variation_that_is_wrong_leaves_no_secret_in_a_frame_of_ours() -> None:
    credentials = ClientCredentials(URL, "me", SECRET)
    with pytest.raises(ConfigurationError) as raised:
        dataclasses.replace(credentials, scope=7)
    assert all(SECRET not in repr(frame.f_locals) for frame in frames(raised.value))


def test_an_error_of_the_users_own_keeps_the_users_frames() -> None:
    @entry_point
    def call(function: Callable[[], object], secret: str) -> object:
        return function()

    def vault() -> str:
        raise LookupError("the vault is sealed")

    with pytest.raises(LookupError) as raised:
        call(vault, SECRET)
    names = [frame.f_code.co_name for frame, _ in traceback.walk_tb(raised.value.__traceback__)]
    assert names[-1] == "vault"
    assert [SECRET in repr(frame.f_locals) for frame in frames(raised.value)] == [False]


def test_what_a_caller_handles_is_still_the_context() -> None:
    @entry_point
    def call() -> None:
        try:
            {}[SECRET]
        except KeyError:
            raise ClientCredentialsError("no token") from None

    def handle() -> None:
        try:
            [].pop()
        except IndexError:
            call()

    with pytest.raises(ClientCredentialsError) as raised:
        handle()
    assert isinstance(raised.value.__context__, IndexError)


def test_an_exception_that_was_handled_is_freed_at_once() -> None:
    class Theirs(ClientCredentialsError):
        pass

    kept: list[weakref.ref[Theirs]] = []

    @entry_point
    def call() -> None:
        error = Theirs("no token")
        kept.append(weakref.ref(error))
        raise error

    gc.disable()
    try:
        with suppress(Theirs):
            call()
        assert kept[0]() is None
    finally:
        gc.enable()
