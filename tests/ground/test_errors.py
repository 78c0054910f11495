"""The errors that a caller can catch."""

from __future__ import annotations

import copy
import pickle

import pytest
import requests

from requests_cc import errors
from requests_cc.errors import (
    ClientCredentialsError,
    ConfigurationError,
    InvalidClient,
    InvalidTokenResponse,
    OAuthError,
    ServerError,
    TemporarilyUnavailable,
    TokenEndpointTimeout,
    TokenEndpointUnreachable,
    TokenRequestError,
    TokenStoreError,
    own_copy,
)

PARENTS = {
    "ClientCredentialsError": (requests.RequestException,),
    "ConfigurationError": (ClientCredentialsError, ValueError),
    "TokenRequestError": (ClientCredentialsError,),
    "TokenEndpointUnreachable": (TokenRequestError, requests.ConnectionError),
    "TokenEndpointTimeout": (TokenRequestError, requests.Timeout),
    "InvalidTokenResponse": (TokenRequestError,),
    "OAuthError": (TokenRequestError,),
    "InvalidClient": (OAuthError,),
    "InvalidScope": (OAuthError,),
    "UnauthorizedClient": (InvalidClient,),
    "InvalidGrant": (OAuthError,),
    "InvalidRequest": (OAuthError,),
    "UnsupportedGrantType": (OAuthError,),
    "InvalidTarget": (OAuthError,),
    "ServerError": (OAuthError,),
    "TemporarilyUnavailable": (OAuthError,),
    "TokenStoreError": (ClientCredentialsError,),
}


def _subclasses(cls: type) -> set[type]:
    return {cls}.union(*(_subclasses(each) for each in cls.__subclasses__()))


def test_the_tree_is_the_documented_one() -> None:
    tree = {
        each.__name__: each.__bases__
        for each in _subclasses(ClientCredentialsError)
        if each.__module__.startswith("requests_cc")
    }
    assert tree == PARENTS


def _oauth_error(cls: type[OAuthError]) -> OAuthError:
    error = cls(
        "it says no",
        error="nope",
        error_description="the server's words",
        error_uri="https://auth.example.com/help",
        status_code=400,
        retry_after=7.0,
    )
    error.retry_at = 1_700_000_000.0
    error.permanent = False
    return error


def _token_request_error(cls: type[TokenRequestError]) -> TokenRequestError:
    error = cls("no token", retry_after=3.0, retry_at=1_700_000_000.0)
    error.permanent = True
    return error


EXAMPLES = [
    _oauth_error(cls) if issubclass(cls, OAuthError)
    else _token_request_error(cls) if issubclass(cls, TokenRequestError)
    else cls("a message")
    for cls in (getattr(errors, name) for name in PARENTS)
]  # fmt: skip


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "duplicated",
    [
        lambda error: pickle.loads(pickle.dumps(error)),
        copy.copy,
        copy.deepcopy,
        own_copy,
    ],
    ids=["pickle", "copy", "deepcopy", "own_copy"],
)
def test_an_error_survives_with_its_attributes(error: ClientCredentialsError, duplicated) -> None:
    twin = duplicated(error)
    assert twin is not error
    assert type(twin) is type(error)
    assert twin.args == error.args
    assert str(twin) == str(error)
    assert vars(twin) == vars(error)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_request_and_response_are_none(error: ClientCredentialsError) -> None:
    assert error.request is None
    assert error.response is None


def test_a_message_says_until_when_no_token_request_is_made() -> None:
    error = TokenRequestError("no token", retry_at=1_700_000_000.0)
    assert str(error) == "no token (no token request before 2023-11-14T22:13:20Z)"


def test_a_message_without_a_moment_is_just_the_message() -> None:
    assert str(TokenRequestError("no token")) == "no token"
    assert str(TokenRequestError()) == ""


@pytest.mark.parametrize("never", [1e18, float("inf"), float("nan")])
def test_a_moment_beyond_the_calendar_can_be_shown(never: float) -> None:
    message = str(TokenRequestError("no token", retry_at=never))
    assert message == "no token (no token request before a time beyond the calendar)"


@pytest.mark.parametrize(
    ("error", "permanent"),
    [
        (TokenEndpointTimeout("x"), False),
        (TokenEndpointUnreachable("x"), False),
        (InvalidTokenResponse("x"), False),
        (OAuthError("x"), True),
        (InvalidClient("x"), True),
        (ServerError("x"), False),
        (TemporarilyUnavailable("x"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_asking_again_helps_after_some_errors_only(
    error: TokenRequestError, permanent: bool
) -> None:
    assert error.permanent is permanent


def _raised() -> InvalidClient:
    try:
        try:
            {}["inner"]
        except KeyError as inner:
            raise InvalidClient("outer", error="invalid_client") from inner
    except InvalidClient as error:
        return error


def test_an_own_copy_has_no_traceback_cause_or_context() -> None:
    error = _raised()
    twin = own_copy(error)
    assert error.__traceback__ is not None
    assert (twin.__traceback__, twin.__cause__, twin.__context__) == (None, None, None)
    assert twin.error == "invalid_client"


class Own(Exception):
    """A user's exception, with arguments of its own."""

    def __init__(self, host: str, *, port: int) -> None:
        super().__init__(f"{host} is down")
        self.port = port


class Slotted(Exception):
    __slots__ = ("port",)


def raised(error: Exception) -> Exception:
    try:
        raise error from ZeroDivisionError()  # noqa: TRY301
    except Exception as caught:  # noqa: BLE001
        return caught


@pytest.mark.parametrize(
    "error",
    [
        KeyError("a user's"),
        Own("host", port=1),
        OSError(2, "not there", "/path"),
        ConnectionResetError(104, "reset"),
        requests.ConnectionError("down", response=None),
    ],
)
def test_a_users_exception_is_copied_without_the_frames_that_it_came_through(
    error: Exception,
) -> None:
    copied = own_copy(raised(error))
    assert copied is not error
    assert type(copied) is type(error)
    assert (copied.args, str(copied), vars(copied)) == (error.args, str(error), vars(error))
    assert (copied.__traceback__, copied.__cause__, copied.__context__) == (None, None, None)
    for name in ("errno", "strerror", "filename"):
        assert getattr(copied, name, None) == getattr(error, name, None)


@pytest.mark.parametrize("error", [UnicodeError("x"), ImportError("x", name="y"), Slotted("x")])
def test_what_cannot_be_copied_faithfully_is_given_back_as_it_is(error: Exception) -> None:
    assert own_copy(error) is error


class Theirs(TokenStoreError):
    """A user's subclass, with arguments of its own."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"{host}:{port} is down")
        self.port = port


def test_an_own_copy_of_a_users_subclass_needs_none_of_its_arguments() -> None:
    error = Theirs("redis", 6379)
    twin = own_copy(error)
    assert twin is not error
    assert type(twin) is Theirs
    assert (str(twin), twin.port) == ("redis:6379 is down", 6379)


def test_existing_code_that_catches_requests_errors_goes_on_working() -> None:
    with pytest.raises(requests.ConnectionError):
        raise TokenEndpointUnreachable("down")
    with pytest.raises(requests.Timeout):
        raise TokenEndpointTimeout("slow")
    with pytest.raises(ValueError, match="wrong"):
        raise ConfigurationError("wrong")
