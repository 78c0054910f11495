"""How the client proves who it is."""
