"""Where the token goes."""
