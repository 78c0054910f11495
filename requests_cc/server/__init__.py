"""Who is asked?

The authorization server: its endpoints, its metadata, its error responses. Read in this order:

- ``authorization_server``: the value that a user makes. ``metadata`` holds its members, given or
  looked up; ``reach`` its session, timeouts and ``allow_http``.
- ``discovery``: from an issuer or a protected resource to the server's metadata, fetched once;
  ``well_known`` fetches the documents.
- ``provider_table``: the URLs and rules of Auth0, Okta and others; ``sap_binding`` reads SAP's.
- ``error_response``: from an error response to the exception that a caller catches.
"""
