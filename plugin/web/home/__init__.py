"""Where administrators begin: what needs somebody today, search from anywhere, and what belongs to the system."""
