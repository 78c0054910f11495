"""What the requests to a token, an introspection and a revocation endpoint have in common."""
