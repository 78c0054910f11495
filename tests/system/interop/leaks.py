"""Whether an error shows what nobody may see."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from .material import PRIVATE_MEMBERS

_JWT = "eyJ"  # how every JWT begins: '{"' in base64url


def shown(error: BaseException) -> str:
    """All that a log, a crash report or a pickle of an error shows."""
    pickled = pickle.dumps(error).decode("latin-1")
    frames = [
        repr(frame.f_locals)
        for frame, _line in traceback.walk_tb(error.__traceback__)
        if frame.f_globals["__name__"].partition(".")[0] == "requests_cc"
    ]
    chain = [repr(error.__cause__), repr(error.__context__)]
    return "\n".join([str(error), repr(error), repr(vars(error)), pickled, *frames, *chain])


def private_values(key: dict[str, Any]) -> list[str]:
    """The members of a JWK that are secret."""
    return [value for name, value in key.items() if name in PRIVATE_MEMBERS]


def lines_of(path: Path) -> list[str]:
    """The lines of a PEM file between its markers."""
    return [line for line in path.read_text().splitlines() if not line.startswith("-")]


def assert_shows_none_of(error: BaseException, secrets: Iterable[str]) -> None:
    """Fails when an error shows one of the secrets, as it is or encoded, or any JWT."""
    text = shown(error)
    for secret in secrets:
        for form in {secret, quote(secret, safe=""), quote_plus(secret)}:
            assert form not in text
    assert _JWT not in text
