"""When is a token requested?

The cache knows threads, clocks and tokens; it knows no HTTP and no OAuth wire format. Read in this
order:

- ``lifecycle``: the states of one key and the transitions between them, on one screen.
- ``pacing``: how long each pause lasts.
- ``token_cache``: what a user calls, and the path of a call that finds a fresh token.
- ``single_flight``: one token request at a time for one key; ``flight`` is one such request, and
  ``table`` the keys, of which some leave when there are too many.
- ``renewal``: the dialogue after an API rejected a token.
- ``journal``: events, log lines, counts.
- ``stores``: one token for several processes.
"""
