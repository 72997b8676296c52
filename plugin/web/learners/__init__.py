"""Pages about the learners of a certification."""
