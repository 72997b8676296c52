"""What settling reads: the facts of learners, and who needs a look."""
