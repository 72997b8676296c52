"""Hints that hosts send: stored first, read later."""
