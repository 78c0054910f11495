"""Work in a forked child of a test, and what came of it."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable

import pytest

from tests.support.sources import PATIENCE

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


def in_child(work: Callable[[], object]) -> str:
    """What ``work`` gives in a forked child, or its error."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork with threads: the point of it
        pid = os.fork()
    if pid == 0:
        try:
            signal.alarm(int(PATIENCE))
            os.write(write, str(work()).encode())
        except BaseException as error:  # noqa: BLE001
            os.write(write, repr(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        said = answer.read()
    os.waitpid(pid, 0)
    return said
