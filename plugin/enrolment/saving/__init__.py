"""Reviewing and saving a draft, the history of saves, and undo."""
