"""Misbehaving authorization servers, over real sockets, and what must hold in spite of them."""
