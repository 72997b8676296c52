"""Drafts: unsaved edits of one administrator, what they add and change, and clashes between two administrators."""
