"""Settling: bring enrolment rows in line with the saved definitions, chunk by chunk."""
