"""What is asked for?

The sources of tokens, their settings, and the requests that they make. Read in this order:

- ``client_credentials``: the client credentials grant (RFC 6749 section 4.4). ``source`` is its
  base class, ``tracebacks`` the rule for secrets in exceptions.
- ``jwt_bearer`` (RFC 7523 section 2.1) and ``token_exchange`` (RFC 8693): grants that prove
  themselves; ``optional_client`` is their base class, ``supplied_token`` a token that they are
  given.
- ``self_signed`` and ``token_file``: tokens without a request. ``token_request``: a request of
  another form, with its ``request_parts``, and the ``token_members`` of its response;
  ``arc_challenge`` is one's authentication.
- ``parameters`` and ``auth_setting``: the settings, validated and in one form.
- ``authenticated_request``: a request that proves who the client is, and its few attempts.
- ``token_response`` and ``introspection``: what a response holds; when a token expires.
- ``environment``: settings from variables and files, ``near_misses`` their misspellings;
  ``from_environment`` makes arguments of them, ``google_service_account`` does so with a key file.
"""
