"""The whole token request, over real sockets: its attempts, and what comes of bad answers."""
