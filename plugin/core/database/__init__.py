"""What stands between rooms and the two databases: bulk reads and writes, caches, writers in turn."""
