"""One bounded HTTP exchange."""
