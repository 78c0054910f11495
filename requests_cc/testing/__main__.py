"""``python -m requests_cc.testing``: a local server for other processes and languages."""

from __future__ import annotations

from requests_cc.testing.serve import main

if __name__ == "__main__":
    main()
