"""Waves: who is drawn to begin, when, and what is foreseen (rules 11.3)."""
