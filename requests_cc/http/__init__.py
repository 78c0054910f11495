"""How does one exchange with an authorization server go?

- ``exchange``: one request and its response: bounded in time and size, no redirect, no netrc.
- ``sending``: the request's way through a session, in a thread of its own; ``proxies`` it refuses.
- ``sockets``: how it ends at its deadline, whatever it is doing.
- ``body``: reading a body up to a limit.
- ``failure``: from an exception of requests or urllib3 to one of ours. ``shown`` makes texts of
  other programs fit for its message; ``sent`` finds the secrets that they may repeat.
"""
