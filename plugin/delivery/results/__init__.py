"""Results reported to the gradebooks of courses (AGS 2.0)."""
