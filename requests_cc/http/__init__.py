"""How does one exchange with an authorization server go?

- ``exchange``: one request and its response: bounded in time and size, no redirect, no netrc.
- ``body``: reading a body up to a limit.
- ``failure``: from an exception of requests or urllib3 to one of ours.
"""
