"""Where does the token go?

The adapter that a user mounts, and what it does to a request on its way. Read in this order:

- ``adapter``: the adapter; a request's whole way through it is its ``send``.
- ``allowed_origins``: the origins that a token may be sent to, and no other.
- ``authorized_copy``: the copy of the request that carries the token, in its ``token_header``.
- ``sending``: what the adapter that does the sending must be like.
- ``rejection``: the responses that reject a token; ``challenge`` reads their ``WWW-Authenticate``
  header, and ``look`` lets a user's function read their body.
- ``resend``: the dialogue after a rejection, with ``rewinding`` of the request's body and the
  ``rejected_body`` of its response.
- ``auth``: the same as a requests auth object.
- ``bound_token``: tokens that are bound to a certificate or a key.
- ``mounting``: one adapter on several origins, and one mount for thousands of them.
"""
