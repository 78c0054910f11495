"""Who is asked?

The authorization server: its endpoints, its metadata, its refusals. Read in this order:

- ``authorization_server``: the value that a user makes; ``settings`` validates it.
- ``discovery``: from an issuer or a protected resource to the server's metadata; ``well_known``
  knows where that is, ``metadata`` what of it counts.
- ``provider_table``: how Auth0, Okta and others differ.
- ``error_response``: from a refusal to the exception that a caller catches.
"""
