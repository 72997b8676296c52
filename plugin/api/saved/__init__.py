"""Saved reports by the API: kept, and sent by schedules."""
