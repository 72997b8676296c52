"""JSON API, version 1: what the pages and the command do, for other programs. See ``docs/api.md``."""
