"""How do processes share a token?

- ``sharing``: from the store, or by a request under the store's lock.
- ``guard`` and ``bounded``: a store that fails or hangs costs its callers next to nothing.
- ``redis`` and ``file``: the stores; ``folder`` is where the second one keeps its files.
- ``sealed``: what both stores do; with ``vault`` and ``names``: what a store holds, and under which
  name.
"""
