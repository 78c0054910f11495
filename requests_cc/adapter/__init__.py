"""Where does the token go?

The adapter that a user mounts, and what it does to a request on its way. Read in this order:

- ``adapter``: the adapter; a request's whole way through it is its ``send``.
- ``allowed_origins``: the origins that a token may be sent to, and no other.
- ``authorized_copy``: the copy of the request that carries the token.
- ``resend``: the dialogue after a rejection; ``challenge`` reads its ``WWW-Authenticate`` header.
- ``bound_token``: tokens that are bound to a certificate or a key.
- ``mounting``: one adapter on several origins, and one mount for thousands of them.
"""
