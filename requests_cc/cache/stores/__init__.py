"""Where processes share tokens, behind :class:`~requests_cc.protocols.TokenStore`."""
