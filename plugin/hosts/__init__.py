"""The port to a host LMS: describe, read, write, hear; one file per dialect."""
