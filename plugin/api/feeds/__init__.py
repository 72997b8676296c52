"""More of sources over the wire."""
