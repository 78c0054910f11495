"""Clients with a certificate, and tokens that are bound to it (RFC 8705)."""
