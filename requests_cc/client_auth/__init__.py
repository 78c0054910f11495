"""How does the client prove who it is?

- ``basic``: id and secret in a header or in the body (RFC 6749 section 2.3.1).
- ``secret``: the client's secrets: literal, from a callable or a file, one or several.
- ``assertion``: signed assertions (RFC 7523); ``signing_key``, ``private_key`` and ``signer`` are
  their keys, ``assertion_certificate`` the certificate of one. ``supplied_assertion``: assertions
  that something else signs.
- ``certificate``: mutual TLS (RFC 8705); ``pem_files`` holds certificates that come as text.
- ``dpop``: proof of possession (RFC 9449).
"""
