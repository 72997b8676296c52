"""Muster's own plugin in Moodle: its source, the archive made of it, and what the dialect reads and writes by it."""
