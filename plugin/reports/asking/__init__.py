"""A question: who asks, what is asked, its filters as conditions, and the statement it becomes."""
