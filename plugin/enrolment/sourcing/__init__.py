"""Loads of sources with what they do to every certification: planned, done, taken back (SOURCES 4)."""
