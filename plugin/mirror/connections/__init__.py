"""Hosts and their connections: stored, configured, and how each is doing."""
