"""Pages about what goes out: seats, messages, results, endpoints."""
