"""Seats: one learner in one host course, wanted by us and confirmed by the host."""
