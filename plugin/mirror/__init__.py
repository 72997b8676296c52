"""What we know of the host: people, units, jobs, audiences, courses, completions, and what changed."""
