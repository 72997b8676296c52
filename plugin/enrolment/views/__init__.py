"""Enrolments as pages, files and programs read them."""
