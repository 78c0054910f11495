"""Who is asked: the authorization server."""
