"""Earlier certification records, imported from a file."""
