"""People across certifications: the list of everybody, and everything of one person that a reader may see."""
