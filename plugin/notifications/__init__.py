"""Who is told what, when, and only once."""
