"""``python -m requests_cc``: the same as ``requests-cc``."""

from __future__ import annotations

import sys

from requests_cc.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
