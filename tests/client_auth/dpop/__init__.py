"""Tokens that are bound to a key (RFC 9449): the proof, the token request, the adapter."""
