"""Nudges and the schedule: short tasks that call the rooms."""
