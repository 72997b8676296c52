"""People across certifications: the list of them, and one person's page."""
