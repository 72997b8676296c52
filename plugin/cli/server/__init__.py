"""Commands about the server, its hosts and tokens."""
