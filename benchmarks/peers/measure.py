"""One scenario for one library, in an interpreter of its own: prints its results as JSON.

``python -m peers.measure SCENARIO LIBRARY EFFORT``, in the folder ``benchmarks``. It ends without
waiting for threads that still wait for a token.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from peers import costs, expiry, fleets, outages, rejections
from peers.setting import Effort

MEASURES: dict[str, Callable[[str, Effort], dict[str, Any]]] = {
    "imports": costs.imports,
    "warm_call": costs.warm_call,
    "cold_start": expiry.cold_start,
    "revocation": rejections.revocation,
    "short_tokens": expiry.short_tokens,
    "failing": outages.failing,
    "hanging": outages.hanging,
    "body_replay": rejections.body_replay,
    "many_clients": costs.many_clients,
    "fleet": fleets.fleet,
}


def main() -> None:
    """Measure what the command line names."""
    scenario, peer, effort = sys.argv[1:]
    try:
        found = MEASURES[scenario](peer, Effort(**json.loads(effort)))
    except ModuleNotFoundError as error:
        found = {"missing": error.name}
    print(json.dumps(found), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
