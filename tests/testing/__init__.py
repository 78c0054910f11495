"""requests_cc.testing.LocalServer, over real sockets, with clients that know nothing of it."""
