"""A learner's own record: what she completed, and proofs of it that others can verify."""
