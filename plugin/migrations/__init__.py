"""Numbered migrations for both databases. Each must work while the previous release is still running."""
