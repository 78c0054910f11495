"""What is asked for?

The sources of tokens, their settings, and the requests that they make. Read in this order:

- ``client_credentials``: the client credentials grant (RFC 6749 section 4.4); ``jwt_bearer`` is the
  other one (RFC 7523 section 2.1).
- ``parameters`` and ``auth_setting``: the settings, validated and in one form.
- ``authenticated_request``: a request that proves who the client is, and its few attempts.
- ``endpoints``: token request, introspection and revocation.
- ``environment``: settings from variables and files.
"""
