"""Directories that push (SOURCES 5): the resources they wrote, what those say of people, and the guard over leavers."""
