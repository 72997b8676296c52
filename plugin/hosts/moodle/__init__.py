"""Moodle: users, cohorts and courses read by polling, enrolments and messages written, all through its REST services."""
