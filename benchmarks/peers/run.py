"""Compare this library with its peers: ``python benchmarks/peers/run.py``.

``--quick`` takes a short look and writes nothing; ``--only ours plain`` leaves out the other
libraries; ``--output FOLDER`` writes the page and its plots there instead of into ``docs``.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from peers.command import main

    sys.exit(main())
