"""Pages of a certification beside its assignments and learners."""
