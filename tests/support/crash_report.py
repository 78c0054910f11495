"""What a crash reporter such as Sentry shows of an exception: the variables of every frame."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping


def crash_report(error: BaseException) -> str:
    """Return all that is shown of the frames that an exception left, and of those before it.

    The first frame is the test's own. Containers are walked, a named tuple too, whatever its
    ``repr`` says.
    """
    shown: list[str] = []
    chain: list[BaseException | None] = [error]
    seen: list[BaseException] = []
    while chain:
        one = chain.pop()
        if one is None or one in seen:
            continue
        seen.append(one)
        shown.append(repr(one))
        frames = [frame for frame, _ in traceback.walk_tb(one.__traceback__)]
        for frame in frames[one is error :]:
            for name, value in list(frame.f_locals.items()):
                shown += [f"{frame.f_code.co_name}, {name}: {text}" for text in texts_of(value)]
        chain += [one.__cause__, one.__context__]
    return "\n".join(shown)


def texts_of(value: object, depth: int = 6) -> Iterator[str]:
    """Yield the texts that stand for a value."""
    if depth and isinstance(value, Mapping):
        for pair in list(value.items()):
            yield from texts_of(pair, depth - 1)
    elif depth and isinstance(value, (list, tuple, set, frozenset)):
        for member in list(value):
            yield from texts_of(member, depth - 1)
    else:
        yield repr(value)
