"""When a token is requested."""
