"""What the first lines of a short script cost: the import of the three names that it needs."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

from paired import Report

NAMES = "from requests_cc import ClientCredentials, ClientCredentialsAdapter, mount"


def imports(report: Report, interpreters: int) -> None:
    """Print what the import adds to that of requests.

    :param interpreters: fresh ones, for each statement.
    """
    print(f"\nAfter import requests, of {interpreters} interpreters")
    for statement, budget in (("import requests_cc", None), (NAMES, 8.0)):
        took = import_times(statement, interpreters)
        least, median = min(took), statistics.median(took)
        report.line(
            "package alone" if budget is None else "the three names",
            f"{median:.1f} ms ({least:.1f})",
            "" if budget is None else f"at most {budget:.1f} ms",
            holds=budget is None or least <= budget,
        )
    print(f"  (median, and in brackets the least: disturbances only add; {NAMES})")


def command_line(report: Report, origin: str, interpreters: int) -> None:
    """Print what ``requests-cc token`` costs over an interpreter that only imports requests.

    :param interpreters: fresh ones, in pairs.
    """
    settings = {
        "OAUTH_TOKEN_URL": f"{origin}/token?lifetime=3600&delay=0",
        "OAUTH_CLIENT_ID": "benchmark",
        "OAUTH_CLIENT_SECRET": "secret",
    }
    with tempfile.TemporaryDirectory() as compiled:
        environment = {**os.environ, **settings, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def seconds(*arguments: str) -> float:
            began = time.perf_counter()
            subprocess.run(
                [sys.executable, *arguments], env=environment, capture_output=True, check=True
            )
            return time.perf_counter() - began

        pairs = [
            seconds("-m", "requests_cc", "token") - seconds("-c", "import requests")
            for _ in range(interpreters + 1)
        ][1:]
    took = statistics.median(pairs) * 1000
    print(f"\nrequests-cc token, after import requests, of {interpreters} pairs of interpreters")
    report.line("a token on stdout", f"{took:.0f} ms", "at most 60 ms", holds=took <= 60)


def import_times(statement: str, interpreters: int) -> list[float]:
    """Return the milliseconds of a statement in interpreters that have just imported requests.

    With compiled modules, as an installed package has them: the first interpreter compiles them,
    into a folder of this measurement's own, and is not counted.
    """
    script = (
        f"import time, requests; began = time.perf_counter(); {statement};"
        "print(time.perf_counter() - began)"
    )
    with tempfile.TemporaryDirectory() as compiled:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-c", script]
        return [
            float(subprocess.check_output(command, env=environment)) * 1000
            for _ in range(interpreters + 1)
        ][1:]
